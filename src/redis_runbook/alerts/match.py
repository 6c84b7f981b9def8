"""Finds the loaded Prometheus rule for each alert of the runbook, and what is wrong with it."""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.alerts.condition import Condition, conditions
from redis_runbook.alerts.rule import AlertRule, duration, finding_of, title
from redis_runbook.probes.prometheus.promql import Node, Selector, parse, selectors
from redis_runbook.probes.prometheus.rules import ActiveAlert, LoadedRule, RulesFacts
from redis_runbook.probes.prometheus.series import Labels
from redis_runbook.redact import printable

_RELATIVE_TOLERANCE: Final = 1e-6
_MAX_COMPARED: Final = 500
_MAX_LENGTH: Final = 300
_SAME_DIRECTION: Final[Mapping[str, frozenset[str]]] = {
    operator: frozenset({operator[0], f"{operator[0]}="}) for operator in (">", ">=", "<", "<=")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The loaded rule that implements a wanted alert, or comes nearest to it.

    `problems` are sentences about what is wrong, `doubts` about what cannot be determined. Without
    either, the rule does what the runbook says.
    """

    found: LoadedRule | None = None
    problems: Sequence[str] = ()
    doubts: Sequence[str] = ()

    @property
    def faults(self) -> Sequence[str]:
        """Problems and doubts together."""
        return (*self.problems, *self.doubts)


def selectors_in(expression: str) -> set[str]:
    """The selectors in an expression, as PromQL; empty if it is not PromQL."""
    return {str(selector) for selector in _selectors(expression)}


def alert_finding(
    rules: Iterable[AlertRule], name: str, alerts: Sequence[ActiveAlert]
) -> str | None:
    """The finding that judges what the alert of that title is about; None if it is not one."""
    found = {
        finding_of(rule, alert.labels)
        for rule in rules
        if title(rule) == name
        for alert in alerts
        if alert.fires
    }
    return found.pop() if len(found) == 1 else None


class Matcher:
    """Compares alerts with the rules that Prometheus has loaded."""

    def __init__(self, facts: RulesFacts) -> None:
        """Parse each loaded rule once."""
        self._facts = facts
        self._loaded = [
            (rule, self._conditions(rule.query)) for rule in facts.rules[:_MAX_COMPARED]
        ]

    def needs(self, wanted: AlertRule) -> set[str]:
        """The selectors whose series `match` needs to know."""
        needed = selectors_in(wanted.value)
        if wanted.looked:
            needed |= selectors_in(wanted.looked)
        for loaded, condition in self._candidates(wanted):
            needed |= selectors_in(loaded.query) | {
                str(selector) for selector in condition.selectors
            }
        for loaded, _ in self._loaded:
            if _has_same_name(loaded, wanted):
                needed |= selectors_in(loaded.query)
        return needed

    def match(self, wanted: AlertRule) -> Match:
        """The loaded rule that computes the same quantity with the fewest faults."""
        compared = [
            self._compared(wanted, loaded, condition)
            for loaded, condition in self._candidates(wanted)
            if self._is_about_service(wanted, condition) is not False
        ]
        return min(compared, key=_fault_count, default=None) or self._missing(wanted)

    def best(self, alerts: Mapping[str, Sequence[AlertRule]]) -> dict[str, Match]:
        """For each alert, the match with the fewest faults among those of its rules."""
        return {
            name: min(map(self.match, rules), key=_fault_count) for name, rules in alerts.items()
        }

    def active(self, rules: Iterable[AlertRule]) -> dict[str, list[ActiveAlert]]:
        """The pending and firing alerts about services, by the title of the rule.

        A rule of the runbook is found by `match`, any other rule that we generate by its exact
        expression. Alerts about the findings of our own runs are left out: an alert about the
        finding that this makes would keep itself firing.
        """
        by_tree = dict(self._trees())
        found = {}
        for rule in rules:
            loaded = self.match(rule).found if rule.of_runbook else by_tree.get(parse(rule.expr))
            alerts = (
                [active for active in loaded.active if _is_about(active, rule)] if loaded else []
            )
            if rule.service and alerts:
                found[title(rule)] = alerts
        return found

    def _trees(self) -> Iterator[tuple[Node, LoadedRule]]:
        for loaded, _ in self._loaded:
            with contextlib.suppress(ValueError):
                yield parse(loaded.query), loaded

    def _conditions(self, query: str) -> list[Condition]:
        try:
            return conditions(query, self._facts.recorded)
        except ValueError:
            return []

    def _candidates(self, wanted: AlertRule) -> Iterator[tuple[LoadedRule, Condition]]:
        quantity = conditions(wanted.expr)[0].quantity
        for loaded, alternatives in self._loaded:
            for condition in alternatives:
                if condition.quantity == quantity:
                    yield loaded, condition

    def _compared(self, wanted: AlertRule, loaded: LoadedRule, condition: Condition) -> Match:
        problems = [*_differences(wanted, loaded, condition), *_health(loaded)]
        doubts = [
            f"{loaded.name} fires only where {_printable(further)} holds, too"
            for further in condition.further
        ]
        blind = [*self._selectors_without_series(loaded, wanted)]
        if blind and self._facts.settling:
            doubts.append(self._facts.settling)
        else:
            problems += blind
        if loaded.age_s is None:
            doubts.append(f"{loaded.name} has not been evaluated yet")
        if self._is_about_service(wanted, condition) is None:
            doubts.append(
                f"whether {loaded.name} is about {wanted.service} cannot be told: Prometheus has "
                f"no series of its labels; [services.{wanted.service}] series says which they are"
            )
        return Match(found=loaded, problems=problems, doubts=doubts)

    def _selectors_without_series(self, loaded: LoadedRule, wanted: AlertRule) -> Iterator[str]:
        """The series that a rule lacks; not those that are there once there is a queue."""
        known = self._facts.series
        looked = wanted.looked and any(map(known.get, selectors_in(wanted.looked)))
        to_come = {selector.name for selector in _selectors(wanted.value)} if looked else set()
        for selector in sorted(_selectors(loaded.query), key=str):
            service = dict(selector.equal).get("service", wanted.service)
            if selector.name in to_come and service == wanted.service:
                continue
            if not known.get(str(selector)):
                yield (
                    f"{loaded.name} can never fire: it reads {_printable(str(selector))}, of which "
                    "Prometheus has no series"
                )

    def _is_about_service(self, wanted: AlertRule, condition: Condition) -> bool | None:
        """Whether a condition reads the series that the alert reads; None: cannot be determined."""
        series = self._facts.series
        answers: list[bool | None] = []
        for own in _selectors(wanted.value):
            theirs = [selector for selector in condition.selectors if selector.name == own.name]
            own_series = series.get(str(own), frozenset[Labels]())
            if any(set(selector.matchers) <= set(own.matchers) for selector in theirs):
                answers.append(True)
            elif own_series:
                answers.append(
                    any(own_series <= series.get(str(selector), frozenset()) for selector in theirs)
                )
            else:
                answers.append(None)
        return False if False in answers else None if None in answers else True

    def _missing(self, wanted: AlertRule) -> Match:
        """The match if no rule has the condition: a rule with the same name or series, or none."""
        for_s = f" for {duration(wanted.for_s)}" if wanted.for_s else ""
        missing = f"no rule alerts when {_printable(wanted.expr)}{for_s}"
        candidates = {id(loaded) for loaded, _ in self._candidates(wanted)}
        others = [loaded for loaded, _ in self._loaded if id(loaded) not in candidates]
        for loaded in others:
            if _has_same_name(loaded, wanted):
                computes = f"{loaded.name} computes something else: {_printable(loaded.query)}"
                problems = [
                    computes,
                    *_health(loaded),
                    *self._selectors_without_series(loaded, wanted),
                ]
                return Match(found=loaded, problems=problems)
        names = {selector.name for selector in _selectors(wanted.value)}
        for loaded in others:
            if all(name in loaded.query for name in names) and "absent" not in loaded.query:
                doubt = f"whether {loaded.name} amounts to it cannot be told: "
                return Match(doubts=[f"{missing}; {doubt}{_printable(loaded.query)}"])
        if len(self._facts.rules) > len(self._loaded):
            doubt = f"only {len(self._loaded)} of {len(self._facts.rules)} rules were compared"
            return Match(doubts=[f"{missing}; {doubt}"])
        return Match(problems=[missing])


def about(title: str, text: str) -> str:
    """`queue/RedisMemory: can never fire`: what is said of an alert, its name only once."""
    first, _, rest = text.partition(" ")
    return f"{title}: {rest if first in title.split('/') else text}"


def _fault_count(match: Match) -> tuple[int, int]:
    return len(match.problems), len(match.doubts)


def _differences(wanted: AlertRule, loaded: LoadedRule, condition: Condition) -> Iterator[str]:
    want = conditions(wanted.expr)[0]
    if condition.operator not in _SAME_DIRECTION.get(want.operator, {want.operator}):
        theirs = condition.operator or "nothing"
        yield f"{loaded.name} compares by {theirs}, the runbook by {want.operator}"
    elif not math.isclose(condition.threshold, want.threshold, rel_tol=_RELATIVE_TOLERANCE):
        scale = wanted.threshold / want.threshold if want.threshold else 1.0
        theirs = f"{condition.threshold * scale:g}"
        yield f"{loaded.name} has the limit {theirs}, the runbook {wanted.threshold:g}"
    if not math.isclose(loaded.for_s, wanted.for_s, rel_tol=_RELATIVE_TOLERANCE):
        yield f"{loaded.name} waits for {loaded.for_s:g} s, the runbook for {wanted.for_s:g} s"


def _health(loaded: LoadedRule) -> Iterator[str]:
    if loaded.health == "err":
        yield f"{loaded.name} fails to evaluate: {loaded.last_error or 'no reason is given'}"
    if loaded.stale:
        yield (
            f"{loaded.name} was last evaluated {loaded.age_s:.0f} s ago, and its group "
            f"{loaded.group} should be every {loaded.interval_s:g} s"
        )


def _is_about(alert: ActiveAlert, wanted: AlertRule) -> bool:
    """Whether no label contradicts the wanted rule: a loaded rule may cover several services."""
    labels = [label for selector in _selectors(wanted.value) for label in selector.equal]
    return all(alert.labels.get(name, value) == value for name, value in labels)


def _selectors(expression: str) -> set[Selector]:
    try:
        return set(selectors(parse(expression)))
    except ValueError:
        return set()


def _has_same_name(loaded: LoadedRule, wanted: AlertRule) -> bool:
    return loaded.name == wanted.name and loaded.labels.get("service") in {None, wanted.service}


def _printable(text: str) -> str:
    return printable(text, _MAX_LENGTH)
