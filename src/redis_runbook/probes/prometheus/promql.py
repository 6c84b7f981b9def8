"""Parses PromQL into a tree: the part of the language that alert rules use."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

_MAX_CHARACTERS: Final = 4_000
_MAX_DEPTH: Final = 40
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    |(?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+(?![\w.]))
    |(?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_:][\w:]*)
    |(?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^=<>(){}\[\],:@])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
COMPARISONS: Final = frozenset({"==", "!=", ">", "<", ">=", "<="})
_BINDING: Final[Mapping[str, int]] = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(COMPARISONS, 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "atan2": 5,
    "^": 6,
}
_LABEL_LISTS: Final = {"on", "ignoring", "group_left", "group_right", "by", "without"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Series by name and label matchers; `reach` is its range, offset and the like.

    A matcher is a label, an operator and a value.
    """

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    reach: str = ""

    def __str__(self) -> str:
        """The selector in PromQL, without its reach."""
        parts = [f"{label}{operator}{quoted(value)}" for label, operator, value in self.matchers]
        return self.name + ("{" + ",".join(parts) + "}" if parts else "")

    @property
    def equal(self) -> list[tuple[str, str]]:
        """The labels and values of its `=` matchers."""
        return [(label, value) for label, operator, value in self.matchers if operator == "="]


@dataclass(frozen=True, slots=True)
class Call:
    """A function, an aggregation or a sign, with its arguments; grouping labels are dropped."""

    function: str
    arguments: "tuple[Node, ...]"
    reach: str = ""


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary operator and its operands; label matching is dropped."""

    operator: str
    left: "Node"
    right: "Node"


Node = Number | Text | Selector | Call | Binary


def quoted(text: str) -> str:
    """A text as a PromQL string literal."""
    return json.dumps(text, ensure_ascii=False)


def parse(expression: str) -> Node:
    """Parse an expression into a tree.

    Raises:
        ValueError: the expression is not in the part of PromQL that we parse.
    """
    try:
        parser = _Parser(expression)
        node = parser.expression(0)
    except OverflowError:
        raise ValueError("holds a number that is too large") from None
    if parser.peek():
        raise ValueError(f"holds {parser.peek()!r} where it should end")
    return node


def selectors(node: Node) -> Iterator[Selector]:
    """The selectors in an expression, without their reach."""
    match node:
        case Selector():
            yield replace(node, reach="")
        case Call(arguments=arguments):
            for argument in arguments:
                yield from selectors(argument)
        case Binary(left=left, right=right):
            yield from selectors(left)
            yield from selectors(right)


def _tokens(expression: str) -> Iterator[tuple[str, str, int]]:
    if len(expression) > _MAX_CHARACTERS:
        raise ValueError(f"is longer than {_MAX_CHARACTERS} characters")
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if not found or found.lastgroup is None:
            raise ValueError(f"holds {expression[at]!r}, which PromQL does not know")
        if found.lastgroup != "space":
            yield found.lastgroup, found[0], at
        at = found.end()


class _Parser:
    """Precedence climbing over the tokens."""

    def __init__(self, expression: str) -> None:
        self._tokens = [(kind, text) for kind, text, _ in _tokens(expression)]
        self._at = 0
        self._depth = 0

    def peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise ValueError("ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, wanted: str) -> None:
        _, text = self._next()
        if text != wanted:
            raise ValueError(f"holds {text!r} where {wanted!r} should be")

    def expression(self, min_binding: int) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("is nested too deeply")
        left = self._unary()
        while (binding := _BINDING.get(self.peek().lower(), 0)) > min_binding:
            operator = self._next()[1].lower()
            if self.peek() == "bool":
                raise ValueError("compares with `bool`, and so has a value whatever the outcome")
            self._label_lists()
            # ^ binds to the right, all others to the left.
            right = self.expression(binding - 1 if operator == "^" else binding)
            left = Binary(operator, left, right)
        self._depth -= 1
        return left

    def _unary(self) -> Node:
        if self.peek() in {"-", "+"}:
            sign = self._next()[1]
            operand = self.expression(_BINDING["*"])
            if isinstance(operand, Number):
                return Number(-operand.value if sign == "-" else operand.value)
            return operand if sign == "+" else Call("-", (operand,))
        return self._with_reach(self._primary())

    def _primary(self) -> Node:
        kind, text = self._next()
        if text == "(":
            inner = self.expression(0)
            self._take(")")
            return inner
        if text == "{":
            return Selector("", self._matchers())
        if kind == "number":
            return Number(float(int(text, 16) if text[:2] in {"0x", "0X"} else text))
        if kind == "text":
            return Text(_unquoted(text))
        if kind != "name":
            raise ValueError(f"holds {text!r} where a value should be")
        if text.lower() in {"inf", "nan"}:
            return Number(float(text))
        self._label_lists()
        if self.peek() == "(":
            return self._call(text)
        if self.peek() == "{":
            self._next()
            return Selector(text, self._matchers())
        return Selector(text, ())

    def _call(self, function: str) -> Call:
        self._take("(")
        arguments = []
        while self.peek() != ")":
            arguments.append(self.expression(0))
            if self.peek() == ",":
                self._next()
        self._take(")")
        self._label_lists()
        return Call(function, tuple(arguments))

    def _label_lists(self) -> None:
        while self.peek().lower() in _LABEL_LISTS:
            self._next()
            if self.peek() == "(":
                while self._next()[1] != ")":
                    pass

    def _matchers(self) -> tuple[tuple[str, str, str], ...]:
        found = []
        while self.peek() != "}":
            label, operator, (kind, value) = self._next()[1], self._next()[1], self._next()
            if operator not in {"=", "!=", "=~", "!~"} or kind != "text":
                raise ValueError("has a label matcher of a form that we do not know")
            found.append((label, operator, _unquoted(value)))
            if self.peek() == ",":
                self._next()
        self._take("}")
        return tuple(sorted(found))

    def _with_reach(self, node: Node) -> Node:
        reach = ""
        while self.peek().lower() in {"[", "offset", "@"}:
            opening = self._next()[1].lower()
            part = opening
            if opening == "[":
                while not part.endswith("]"):
                    part += self._next()[1]
            else:
                part += " " + (self._next()[1] if self.peek() == "-" else "") + self._next()[1]
                if self.peek() == "(":  # @ start()
                    self._next()
                    self._take(")")
            reach += part
        if reach and isinstance(node, Selector | Call):
            return replace(node, reach=reach)
        if reach:
            raise ValueError("has a range where there can be none")
        return node


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
