"""Which of Prometheus' rules is the alert that the runbook asks for, and what is wrong with it."""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.alerts.condition import Condition, conditions
from redis_runbook.alerts.rule import AlertRule, duration, title
from redis_runbook.probes.prometheus.promql import Node, Selector, parse, selectors
from redis_runbook.probes.prometheus.rules import ActiveAlert, LoadedRule, RulesFacts
from redis_runbook.probes.prometheus.series import Labels
from redis_runbook.redact import printable

_CLOSE: Final = 1e-6
_MOST_COMPARED: Final = 500
_SHOWN_LENGTH: Final = 300
_SAME_DIRECTION: Final[Mapping[str, frozenset[str]]] = {
    operator: frozenset({operator[0], f"{operator[0]}="}) for operator in (">", ">=", "<", "<=")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The loaded rule that is the alert that was looked for, or is nearest to it.

    `problems` are sentences about what is wrong, `doubts` about what cannot be told. With neither,
    the rule does what the runbook says.
    """

    found: LoadedRule | None = None
    problems: Sequence[str] = ()
    doubts: Sequence[str] = ()

    @property
    def faults(self) -> Sequence[str]:
        """Whatever keeps it from being right."""
        return (*self.problems, *self.doubts)


def selectors_in(expression: str) -> set[str]:
    """What an expression reads, as PromQL; nothing where it is not PromQL."""
    return {str(one) for one in _read(expression)}


class Matcher:
    """Compares alerts with the rules that Prometheus has loaded."""

    def __init__(self, facts: RulesFacts) -> None:
        """Understand each rule once."""
        self._facts = facts
        self._loaded = [
            (rule, self._understood(rule.query)) for rule in facts.rules[:_MOST_COMPARED]
        ]

    def needs(self, wanted: AlertRule) -> set[str]:
        """The selectors whose series must be known before `match` can tell."""
        needed = selectors_in(wanted.value)
        for loaded, condition in self._candidates(wanted):
            needed |= selectors_in(loaded.query) | {str(one) for one in condition.selectors}
        for loaded, _ in self._loaded:
            if _is_called_the_same(loaded, wanted):
                needed |= selectors_in(loaded.query)
        return needed

    def match(self, wanted: AlertRule) -> Match:
        """The loaded rule that computes the same quantity with the fewest faults."""
        compared = [
            self._compared(wanted, loaded, condition)
            for loaded, condition in self._candidates(wanted)
            if self._covers(wanted, condition) is not False
        ]
        return min(compared, key=_faults, default=None) or self._missing(wanted)

    def best(self, alerts: Mapping[str, Sequence[AlertRule]]) -> dict[str, Match]:
        """For each alert the match of that of its rules which has the fewest faults."""
        return {name: min(map(self.match, rules), key=_faults) for name, rules in alerts.items()}

    def active(self, rules: Iterable[AlertRule]) -> dict[str, list[ActiveAlert]]:
        """What is pending or firing about a service, by the title of the alert.

        Beside the runbook's own these are the others that we generate, as they stand. Alerts about
        what our own runs found are not among them: one that tells of this very finding would keep
        it alive.
        """
        by_tree = dict(self._trees())
        found = {}
        for rule in rules:
            loaded = self.match(rule).found if rule.of_runbook else by_tree.get(parse(rule.expr))
            alerts = [one for one in loaded.active if _is_about(one, rule)] if loaded else []
            if rule.service and alerts:
                found[title(rule)] = alerts
        return found

    def _trees(self) -> Iterator[tuple[Node, LoadedRule]]:
        for loaded, _ in self._loaded:
            with contextlib.suppress(ValueError):
                yield parse(loaded.query), loaded

    def _understood(self, query: str) -> list[Condition]:
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
        problems += self._unread(loaded)
        doubts = [
            f"{loaded.name} fires only where {_shown(one)} holds, too" for one in condition.further
        ]
        if loaded.age_s is None:
            doubts.append(f"{loaded.name} has not been evaluated yet")
        if self._covers(wanted, condition) is None:
            doubts.append(
                f"whether {loaded.name} is about {wanted.service} cannot be told: Prometheus has "
                f"no series of its labels; [services.{wanted.service}] series says which they are"
            )
        return Match(found=loaded, problems=problems, doubts=doubts)

    def _unread(self, loaded: LoadedRule) -> Iterator[str]:
        for one in sorted(selectors_in(loaded.query)):
            if not self._facts.series.get(one):
                yield (
                    f"{loaded.name} can never fire: it reads {_shown(one)}, of which Prometheus "
                    "has no series"
                )

    def _covers(self, wanted: AlertRule, condition: Condition) -> bool | None:
        """Whether a condition is about the series that the alert is about; None: who knows."""
        series = self._facts.series
        answers: list[bool | None] = []
        for own in _read(wanted.value):
            theirs = [one for one in condition.selectors if one.name == own.name]
            mine = series.get(str(own), frozenset[Labels]())
            if any(set(one.matchers) <= set(own.matchers) for one in theirs):
                answers.append(True)
            elif mine:
                answers.append(any(mine <= series.get(str(one), frozenset()) for one in theirs))
            else:
                answers.append(None)
        return False if False in answers else None if None in answers else True

    def _missing(self, wanted: AlertRule) -> Match:
        """What there is instead: a rule of the same name, one on the same series, or nothing."""
        for_s = f" for {duration(wanted.for_s)}" if wanted.for_s else ""
        missing = f"no rule alerts when {_shown(wanted.expr)}{for_s}"
        candidates = {id(loaded) for loaded, _ in self._candidates(wanted)}
        others = [loaded for loaded, _ in self._loaded if id(loaded) not in candidates]
        for loaded in others:
            if _is_called_the_same(loaded, wanted):
                computes = f"{loaded.name} computes something else: {_shown(loaded.query)}"
                problems = [computes, *_health(loaded), *self._unread(loaded)]
                return Match(found=loaded, problems=problems)
        names = {one.name for one in _read(wanted.value)}
        for loaded in others:
            if all(name in loaded.query for name in names) and "absent" not in loaded.query:
                doubt = f"whether {loaded.name} amounts to it cannot be told: "
                return Match(doubts=[f"{missing}; {doubt}{_shown(loaded.query)}"])
        if len(self._facts.rules) > len(self._loaded):
            doubt = f"only {len(self._loaded)} of {len(self._facts.rules)} rules were compared"
            return Match(doubts=[f"{missing}; {doubt}"])
        return Match(problems=[missing])


def _faults(match: Match) -> tuple[int, int]:
    return len(match.problems), len(match.doubts)


def _differences(wanted: AlertRule, loaded: LoadedRule, condition: Condition) -> Iterator[str]:
    want = conditions(wanted.expr)[0]
    if condition.operator not in _SAME_DIRECTION.get(want.operator, {want.operator}):
        theirs = condition.operator or "nothing"
        yield f"{loaded.name} compares by {theirs}, the runbook by {want.operator}"
    elif not math.isclose(condition.threshold, want.threshold, rel_tol=_CLOSE):
        scale = wanted.threshold / want.threshold if want.threshold else 1.0
        theirs = f"{condition.threshold * scale:g}"
        yield f"{loaded.name} has the limit {theirs}, the runbook {wanted.threshold:g}"
    if not math.isclose(loaded.for_s, wanted.for_s, rel_tol=_CLOSE):
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
    """Whether no label of it is that of another service: a rule may be about many."""
    labels = [label for one in _read(wanted.value) for label in one.equal]
    return all(alert.labels.get(name, value) == value for name, value in labels)


def _read(expression: str) -> set[Selector]:
    try:
        return set(selectors(parse(expression)))
    except ValueError:
        return set()


def _is_called_the_same(loaded: LoadedRule, wanted: AlertRule) -> bool:
    return loaded.name == wanted.name and loaded.labels.get("service") in {None, wanted.service}


def _shown(text: str) -> str:
    return printable(text, _SHOWN_LENGTH)
