"""Normalizes alert expressions, so that two rules can be compared by their meaning."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from redis_runbook.probes.prometheus.promql import (
    COMPARISONS,
    Binary,
    Call,
    Node,
    Number,
    Selector,
    Text,
    parse,
    selectors,
)

_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_MAX_EXPANSIONS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One alternative of an expression: `quantity operator threshold`.

    `quantity` is without label matchers, constant factors and guards against a zero, so that
    `used / max * 100 > 80` and `used / (max > 0) > 0.8` are the same; `selectors` holds its
    selectors with their matchers. `operator` is empty if nothing is compared. `further` are other
    conditions that must hold at the same time.
    """

    quantity: str
    operator: str
    threshold: float
    selectors: frozenset[Selector]
    further: tuple[str, ...] = ()


def conditions(expression: str, recorded: Mapping[str, str] | None = None) -> list[Condition]:
    """The alternatives of an alert's expression; `recorded` are recording rules, to be expanded.

    Raises:
        ValueError: the expression is not in the part of PromQL that we parse.
    """
    try:
        return list(_alternatives(_Expansion(recorded or {}).of(parse(expression))))
    except RecursionError:
        raise ValueError("is nested too deeply") from None


class _Expansion:
    """Replaces series of recording rules by the rules' expressions, one level deep."""

    def __init__(self, recorded: Mapping[str, str]) -> None:
        self._recorded = recorded
        self._left = _MAX_EXPANSIONS

    def of(self, node: Node) -> Node:
        match node:
            case Selector(name=name, reach="") if name in self._recorded:
                self._left -= 1
                if self._left < 0:
                    raise ValueError("uses too many recording rules")
                return parse(self._recorded[name])
            case Call(arguments=arguments):
                return replace(node, arguments=tuple(map(self.of, arguments)))
            case Binary(left=left, right=right):
                return replace(node, left=self.of(left), right=self.of(right))
        return node


def _alternatives(node: Node) -> Iterator[Condition]:
    match node:
        case Binary("or", left, right):
            yield from _alternatives(left)
            yield from _alternatives(right)
        case Binary("and" | "unless" as operator, left, right):
            further = () if operator == "and" and _is_guard(right, left) else (_text(right),)
            for condition in _alternatives(left):
                yield replace(condition, further=(*condition.further, *further))
        case Binary(operator, left, right) if operator in COMPARISONS:
            yield _comparison(operator, left, right)
        case _:
            yield Condition(
                quantity=_text(node),
                operator="",
                threshold=0.0,
                selectors=frozenset(selectors(node)),
            )


def _comparison(operator: str, left: Node, right: Node) -> Condition:
    if isinstance(left, Number):
        left, right, operator = right, left, _MIRRORED.get(operator, operator)
    if operator in {">", ">="} and isinstance(left, Call) and left.function == "max":
        left = left.arguments[0]  # the maximum is over the limit if any series is
    factor, quantity = _product(left)
    other_factor, other = _product(right)
    for text, power in other.items():
        quantity[text] -= power
    if factor == 0:
        raise ValueError("multiplies by zero")
    if factor < 0:
        operator = _MIRRORED.get(operator, operator)
    return Condition(
        quantity=_rendered(quantity),
        operator=operator,
        threshold=other_factor / factor,
        selectors=frozenset((*selectors(left), *selectors(right))),
    )


@dataclass(slots=True)
class _Product:
    factor: float = 1.0
    powers: Counter[str] = field(default_factory=Counter)


def _product(node: Node) -> tuple[float, Counter[str]]:
    """The constant factor of a product, and the power of each other factor, as text."""
    product = _Product()
    _multiply(product, node, 1)
    return product.factor, product.powers


def _multiply(product: _Product, node: Node, power: int) -> None:
    match node:
        case Number(value):
            if value == 0 and power < 0:
                raise ValueError("divides by zero")
            product.factor *= value**power
        case Binary("*" | "/" as operator, left, right):
            _multiply(product, left, power)
            _multiply(product, right, power if operator == "*" else -power)
        case Call("-", (operand,)):
            product.factor = -product.factor
            _multiply(product, operand, power)
        case Binary(">" | "!=", left, Number(0)):
            _multiply(product, left, power)
        case Binary("and", left, right) if _is_guard(right, left):
            _multiply(product, left, power)
        case _:
            product.powers[_text(node)] += power


def _is_guard(node: Node, guarded: Node) -> bool:
    """Whether `node` only excludes a zero of a selector in `guarded`: `max > 0`."""
    match node:
        case Binary(">" | "!=", Selector(name=name), Number(0)):
            return name in {selector.name for selector in selectors(guarded)}
    return False


def _rendered(powers: Mapping[str, int]) -> str:
    above = sorted(text for text, power in powers.items() for _ in range(power))
    below = sorted(text for text, power in powers.items() for _ in range(-power))
    return " / ".join([" * ".join(above) or "1", *below])


def _text(node: Node) -> str:
    """A canonical text of a tree, without label matchers."""
    match node:
        case Number(value):
            return f"{value:g}"
        case Text(value):
            return json.dumps(value)
        case Selector():
            return (node.name or "{}") + node.reach
        case Call("rate", (Selector(name=name),)):
            return f"rate({name})"  # whatever its range: that only changes the smoothing
        case Call(function, arguments, reach):
            return f"{function}({', '.join(map(_text, arguments))}){reach}"
        case Binary(operator, left, right):
            texts = [_text(left), _text(right)]
            if operator in {"+", "*"}:
                texts.sort()
            return f"({texts[0]} {operator} {texts[1]})"
