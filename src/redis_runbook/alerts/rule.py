"""One alert rule as data, and the PromQL notation of its parts."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from redis_runbook.catalogue import CATALOGUE, MONITORING, Level
from redis_runbook.config.model import Config
from redis_runbook.probes.prometheus.promql import quoted
from redis_runbook.redact import printable, without_credentials

JUST_OVER: Final = 1 + 1e-6
JUST_UNDER: Final = 1 - 1e-6
"""Factors that make a value just over a limit, and just under it."""
_WHOLE_VALUE: Final = 1e6


class Growth(NamedTuple):
    """A value that grows: it starts at `start` and grows by `per_s` a second."""

    per_s: float
    start: float = 0.0


Samples = Mapping[str, float | Growth]
"""The value or growth of each series, by its PromQL selector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """One alert: `value` (PromQL) compared with `threshold`, for `for_s` seconds.

    `check` is the id of the check that judges the same condition, None if there is no such check.
    `service` and `role` are None for a rule about the runs of redis-runbook; `queue` is the name of
    a BullMQ queue that has a limit of its own. `of_runbook` marks the alerts that the runbook
    states: its rules for the same check, service and queue are one alert, computed from different
    series. `unit` is the unit of the value; `runbook` is the section that says what to do.
    `looked` is the series by which a run tells that it looked at what the value is about, even if
    there was nothing to give a value: a service without a queue. None if the value is always there.
    `firing_cases` are series just over the threshold, `silent_cases` are series that must not fire.
    """

    name: str
    check: str | None
    service: str | None
    role: str | None
    value: str
    comparison: Literal[">", ">=", "<", "=="]
    threshold: float
    severity: Literal["critical", "warning"]
    summary: str
    runbook: str
    firing_cases: Sequence[Samples]
    silent_cases: Sequence[Samples]
    for_s: float = 0.0
    queue: str | None = None
    runbook_url: str | None = None
    of_runbook: bool = False
    unit: Literal["s", "ratio"] | None = None
    looked: str | None = None

    @property
    def expr(self) -> str:
        """The condition, as PromQL."""
        return f"{self.value} {self.comparison} {number(self.threshold)}"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics that the value is computed from."""
        selectors = itertools.chain(*self.firing_cases, *self.silent_cases)
        return tuple(dict.fromkeys(selector.partition("{")[0] for selector in selectors))


def title(rule: AlertRule) -> str:
    """`queue/RedisMemory`: the alert's name, unique across all services."""
    return "/".join(filter(None, (rule.service, rule.name, rule.queue)))


def finding_of(rule: AlertRule, labels: Mapping[str, str]) -> str | None:
    """`memory.used_ratio[cache]`: the finding that judges what a rule does, for these labels."""
    if not rule.check:
        return None
    subject = printable(labels["queue"]) if "queue" in labels else rule.service
    return f"{rule.check}[{subject}]"


def runbook_alerts(rules: Iterable[AlertRule]) -> dict[str, list[AlertRule]]:
    """The rules of each alert that the runbook states, by title (`queue/RedisMemory`).

    An alert that can be computed from different series has several rules; one of them is enough.
    """
    groups: dict[tuple[str | None, ...], list[AlertRule]] = {}
    for rule in rules:
        if rule.of_runbook:
            groups.setdefault((rule.service, rule.check, rule.queue), []).append(rule)
    return {title(group[0]): group for group in groups.values()}


def alert(
    config: Config, name: str, *, check: str | None = None, service: str | None = None, **rest: Any
) -> AlertRule:
    """A rule whose role, severity and runbook follow from its check; `rest`: its other fields."""
    spec = CATALOGUE[check] if check else None
    role = config.services[service].role if service else None
    section = spec.section_for(role) if spec else MONITORING
    advisory = spec is not None and config.level(spec) is Level.ADVISORY
    implied = {
        "role": role,
        "severity": "warning" if advisory else "critical",
        "runbook": section,
        "runbook_url": _link(config, section),
    }
    return AlertRule(name=name, check=check, service=service, **{**implied, **rest})


class AboutService:
    """Makes alerts about one service.

    Its exporter's series have the labels `services.<name>.series`; the series that a run writes
    have the service's name as a label. No alert reads series of another service, so that two
    independent masters are never taken for a split brain.
    """

    def __init__(self, config: Config, name: str) -> None:
        """Make alerts about the service of that name."""
        self.config = config
        self.name = name
        self.settings = config.services[name]

    def alert(self, name: str, check: str, **rest: Any) -> AlertRule:
        """An alert about this service; `rest` are the other fields of the rule."""
        return alert(self.config, name, check=check, service=self.name, **rest)

    def exported(self, metric: str, *matchers: str) -> str:
        """`redis_metric{…}`: a series of the service's exporter; `matchers` are added to it."""
        return series(f"redis_{metric}", self.settings.series or {"service": self.name}, *matchers)


def ratio_samples(part: str, whole: str, ratio: float) -> Samples:
    """Samples in which the series `part` is `ratio` times the series `whole`."""
    return {part: ratio * _WHOLE_VALUE, whole: _WHOLE_VALUE}


def _link(config: Config, section: str) -> str | None:
    """The URL of the runbook's section, with the anchor that GitHub and GitLab generate."""
    if config.runbook_url is None:
        return None
    heading = section.rpartition(", ")[2].lower()
    anchor = re.sub(r"[^\w -]", "", heading).replace(" ", "-")
    return f"{without_credentials(config.runbook_url.get_secret_value())}#{anchor}"


def series(metric: str, labels: Mapping[str, str], *matchers: str) -> str:
    """`metric{service="queue",…}`: the series with these labels; `matchers` are added to it."""
    equal = [f"{name}={quoted(value)}" for name, value in labels.items()]
    return f"{metric}{{{','.join([*equal, *matchers])}}}"


def number(value: float) -> str:
    """A number as PromQL and promtool read it: without exponent, rounded to 12 decimals."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """`5m`: a duration as Prometheus writes it, in the largest unit that gives an integer."""
    milliseconds = round(seconds * 1000)
    units = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
    unit = next(unit for unit, length in units.items() if milliseconds % length == 0)
    return f"{milliseconds // units[unit]}{unit if milliseconds else 's'}"
