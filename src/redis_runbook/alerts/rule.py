"""One alert rule as data, and how Prometheus writes what it is made of."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from redis_runbook.catalogue import CATALOGUE, MONITORING, Level
from redis_runbook.config.model import Config
from redis_runbook.probes.prometheus.promql import quoted
from redis_runbook.redact import without_credentials

BEYOND: Final = 1 + 1e-6
SHORT_OF: Final = 1 - 1e-6
"""What a limit is multiplied by to be just over it, and just under."""
_WHOLE: Final = 1e6


class Growth(NamedTuple):
    """The course of what grows: from where it starts, by so much a second."""

    per_s: float
    start: float = 0.0


Samples = Mapping[str, float | Growth]
"""Series, as PromQL names them, with the value or the course of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """One alert: `value` (PromQL) compared with `threshold`, for `for_s` seconds.

    `check` is the id of the check that judges the same thing, None where no single one does.
    `service` and `role` are None for a rule about the runs of redis-runbook; `queue` names the one
    BullMQ queue that has a limit of its own. `of_runbook` marks the alerts that the runbook itself
    states: those of the same check, service and queue are one alert, seen in different series.
    `unit` is that of the value; `runbook` the section that says what to do. `fires` and `quiet`
    are cases just beyond the threshold and not beyond it.
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
    fires: Sequence[Samples]
    quiet: Sequence[Samples]
    for_s: float = 0.0
    queue: str | None = None
    runbook_url: str | None = None
    of_runbook: bool = False
    unit: Literal["s", "ratio"] | None = None

    @property
    def expr(self) -> str:
        """The condition, as PromQL."""
        return f"{self.value} {self.comparison} {number(self.threshold)}"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics that the value is computed from."""
        named = itertools.chain(*self.fires, *self.quiet)
        return tuple(dict.fromkeys(one.partition("{")[0] for one in named))


def title(rule: AlertRule) -> str:
    """`queue/RedisMemory`: an alert among those of all services."""
    return "/".join(filter(None, (rule.service, rule.name, rule.queue)))


def runbook_alerts(rules: Iterable[AlertRule]) -> dict[str, list[AlertRule]]:
    """The alerts that the runbook states, as `queue/RedisMemory`.

    One that is seen in different series has several rules: any of them will do.
    """
    groups: dict[tuple[str | None, ...], list[AlertRule]] = {}
    for rule in rules:
        if rule.of_runbook:
            groups.setdefault((rule.service, rule.check, rule.queue), []).append(rule)
    return {title(group[0]): group for group in groups.values()}


def alert(
    config: Config, name: str, *, check: str | None = None, service: str | None = None, **rest: Any
) -> AlertRule:
    """A rule with what follows from its check and service; `rest` are its other fields."""
    spec = CATALOGUE[check] if check else None
    section = spec.runbook if spec else MONITORING
    advisory = spec is not None and config.level(spec) is Level.ADVISORY
    implied = {
        "role": config.services[service].role if service else None,
        "severity": "warning" if advisory else "critical",
        "runbook": section,
        "runbook_url": _link(config, section),
    }
    return AlertRule(name=name, check=check, service=service, **{**implied, **rest})


class AboutService:
    """Makes alerts about one service.

    Its exporter's series are those with the labels `services.<name>.series`; those that a run
    leaves carry its name. No alert looks at another service, so that two independent masters are
    never taken for a split brain.
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
        """`redis_metric{…}`: what the service's exporter gives, and what else must match."""
        return series(f"redis_{metric}", self.settings.series or {"service": self.name}, *matchers)


def parts(part: str, whole: str, ratio: float) -> Samples:
    """Two series of which one is that part of the other."""
    return {part: ratio * _WHOLE, whole: _WHOLE}


def _link(config: Config, section: str) -> str | None:
    """The section of the runbook, by the anchor that GitHub and GitLab give its heading."""
    if config.runbook_url is None:
        return None
    heading = section.rpartition(", ")[2].lower()
    anchor = re.sub(r"[^\w -]", "", heading).replace(" ", "-")
    return f"{without_credentials(config.runbook_url.get_secret_value())}#{anchor}"


def series(metric: str, labels: Mapping[str, str], *matchers: str) -> str:
    """`metric{service="queue",…}`: the series with these labels, and what else must match."""
    equal = [f"{name}={quoted(value)}" for name, value in labels.items()]
    return f"{metric}{{{','.join([*equal, *matchers])}}}"


def number(value: float) -> str:
    """A number as PromQL and promtool read it: no exponent, and none of what binary adds."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """`5m`: a duration as Prometheus writes it, in the largest unit that takes whole numbers."""
    milliseconds = round(seconds * 1000)
    units = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
    unit = next(unit for unit, length in units.items() if milliseconds % length == 0)
    return f"{milliseconds // units[unit]}{unit if milliseconds else 's'}"
