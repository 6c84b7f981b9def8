"""The rules that a Prometheus has loaded, and the alerts that they have raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from redis_runbook.probes.prometheus.series import (
    USUAL_INTERVAL_S,
    Clock,
    Labels,
    Success,
    Time,
    is_overdue,
    labels_text,
)
from redis_runbook.redact import NO_TEXT, Shown, harmless
from redis_runbook.wire.json import Answer, JsonApi


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """One alert that a rule has raised; `state` is pending or firing."""

    state: str
    labels: Mapping[str, str]

    @property
    def fires(self) -> bool:
        """Whether the alert is firing, not only pending."""
        return self.state == "firing"

    @property
    def summary(self) -> str:
        """`firing: alertname=RedisMemory, service=cache`."""
        return f"{harmless(self.state)}: {labels_text(self.labels.items())}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRule:
    """An alerting rule that Prometheus has loaded.

    `labels` are the labels that the rule adds to its alerts; `active` are its pending and firing
    alerts; `age_s` is the time since its last evaluation, None if it was never evaluated.
    """

    name: Shown
    group: Shown
    query: str
    for_s: float
    health: Shown = NO_TEXT
    last_error: Shown = NO_TEXT
    age_s: float | None = 0.0
    interval_s: float = USUAL_INTERVAL_S
    labels: Mapping[str, str] = field(default_factory=dict)
    active: Sequence[ActiveAlert] = ()

    @property
    def stale(self) -> bool:
        """Whether two evaluations in a row are overdue."""
        return is_overdue(self.age_s, self.interval_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesFacts:
    """All alerting rules, and the expressions of recording rules by name.

    `settling` says that Prometheus has started only now; empty if it has not.
    `series` holds, by selector, the series that existed within the last hour.
    """

    rules: Sequence[LoadedRule]
    recorded: Mapping[str, str]
    series: Mapping[str, frozenset[Labels]]
    settling: str = ""


class _Alert(Answer):
    labels: dict[str, str] = Field(default_factory=dict)
    state: str = ""


class _Rule(Answer):
    type: str
    name: str
    query: str
    duration: float = 0
    labels: dict[str, str] = Field(default_factory=dict)
    health: str = "ok"
    last_error: str = ""
    last_evaluation: Time = None
    alerts: tuple[_Alert, ...] | None = ()


class _Group(Answer):
    name: str = ""
    interval: float = USUAL_INTERVAL_S
    rules: tuple[_Rule, ...]


class _Rules(Answer):
    class Data(Answer):
        groups: tuple[_Group, ...]

    status: Success
    data: Data


def read_rules(api: JsonApi, clock: Clock) -> RulesFacts:
    """Read all rules; `series` is left empty.

    Raises:
        FetchError: Prometheus does not answer.
    """
    groups = api.get("api/v1/rules", _Rules).data.groups
    return RulesFacts(
        rules=[
            LoadedRule(
                name=harmless(rule.name),
                group=harmless(group.name),
                query=rule.query,
                for_s=rule.duration,
                health=harmless(rule.health),
                last_error=harmless(rule.last_error),
                age_s=clock.age_s(rule.last_evaluation),
                interval_s=group.interval or USUAL_INTERVAL_S,
                labels=rule.labels,
                active=[
                    ActiveAlert(state=alert.state, labels=alert.labels)
                    for alert in rule.alerts or ()
                ],
            )
            for group in groups
            for rule in group.rules
            if rule.type == "alerting"
        ],
        recorded={
            rule.name: rule.query
            for group in groups
            for rule in group.rules
            if rule.type == "recording"
        },
        series={},
    )
