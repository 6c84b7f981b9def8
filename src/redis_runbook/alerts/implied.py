"""The Prometheus alert rules that a configuration implies: its limits, durations and levels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.alerts.rule import (
    JUST_OVER,
    JUST_UNDER,
    AlertRule,
    Growth,
    alert,
    runbook_alerts,
    series,
)
from redis_runbook.alerts.stated import RunbookAlerts
from redis_runbook.alerts.watched import ExporterAlerts
from redis_runbook.catalogue import CATALOGUE, REACHABLE, Level
from redis_runbook.config.model import Config
from redis_runbook.wire import own_series as own

_DEFAULT_MAX_AGE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Implied:
    """The alerts that a configuration implies.

    `rules` holds all rules; `stated` holds the rules of the runbook's own alerts, by title.
    """

    rules: Sequence[AlertRule]
    stated: Mapping[str, Sequence[AlertRule]]


def implied_alerts(config: Config) -> Implied:
    """The alerts that a configuration implies."""
    rules = implied_rules(config)
    return Implied(rules=rules, stated=runbook_alerts(rules))


def implied_rules(config: Config) -> tuple[AlertRule, ...]:
    """The rules about each service, then the rules about the runs of redis-runbook."""
    rules = [
        rule
        for name, settings in config.services.items()
        if settings.enabled
        for rule in (*RunbookAlerts(config, name).rules(), *ExporterAlerts(config, name).rules())
        if rule.check and config.level(CATALOGUE[rule.check]) is not Level.OFF
    ]
    return (*rules, *_about_freshness(config, rules), *_about_findings(config, rules))


def _about_freshness(config: Config, rules: Sequence[AlertRule]) -> Iterator[AlertRule]:
    """Alerts if our own series are missing or too old.

    They are too old once they are older than the shortest `for` time of a rule that reads them.
    """
    for_times_s = [rule.for_s for rule in rules if rule.for_s and own.is_ours(rule.metrics[0])]
    age_s = min(for_times_s, default=_DEFAULT_MAX_AGE_S)
    timestamp = series(own.RUN_TIMESTAMP, {"target": "live"})
    yield alert(
        config,
        "RedisRunbookMissing",
        value=f"absent({timestamp})",
        comparison="==",
        threshold=1,
        for_s=config.exporter.missing_for_s,
        summary="no run has left metrics of live services: run `redis-runbook smoke "
        "--metrics-file FILE` every minute",
        firing_cases=[{}, {series(own.RUN_TIMESTAMP, {"target": "embedded"}): 1}],
        silent_cases=[{timestamp: Growth(1)}],
    )
    yield alert(
        config,
        "RedisRunbookStale",
        value=f"time() - {timestamp}",
        comparison=">",
        threshold=age_s,
        unit="s",
        summary="the last run of redis-runbook ended {{ $value | humanizeDuration }} ago: what it "
        "left proves nothing any more",
        firing_cases=[{timestamp: Growth(1, start=-age_s * JUST_OVER)}],
        silent_cases=[{timestamp: Growth(1, start=-age_s * JUST_UNDER)}],
    )


def _about_findings(config: Config, rules: Sequence[AlertRule]) -> Iterator[AlertRule]:
    """Alerts on the findings of a run; checks whose own series already has a rule are excluded."""
    has_own_rule = {rule.check for rule in rules if rule.check and own.is_ours(rule.metrics[0])}
    about = {"check": "other.check", "subject": "queue"}
    finding_series = series(own.CHECK, about)
    consequence = series(own.CHECK, {**about, own.FOLLOWS_FROM: f"{REACHABLE}[queue]"})
    suppressed = series(own.CHECK, {**about, own.SUPPRESSED: "true"})
    told = {own.FOLLOWS_FROM: "", own.SUPPRESSED: ""}
    yield alert(
        config,
        "RedisRunbookBroken",
        # What follows from another finding is told by that one: one cause, one alert. What is
        # suppressed shall alarm nobody.
        value=series(
            own.CHECK,
            told,
            *[f'check!="{check}"' for check in sorted(has_own_rule)],
        ),
        comparison="==",
        threshold=own.FAIL,
        summary="{{ $labels.check }} is broken for {{ $labels.subject }}",
        firing_cases=[{finding_series: own.FAIL}],
        silent_cases=[
            {finding_series: own.PASS},
            {finding_series: own.UNKNOWN},
            {consequence: own.FAIL},
            {suppressed: own.FAIL},
        ],
    )
    yield alert(
        config,
        "RedisRunbookUndetermined",
        value=series(own.CHECK, told),
        comparison="==",
        threshold=own.UNKNOWN,
        severity="warning",
        summary="{{ $labels.check }} could not be determined for {{ $labels.subject }}",
        firing_cases=[{finding_series: own.UNKNOWN}],
        silent_cases=[
            {finding_series: own.PASS},
            {finding_series: own.WARN},
            {finding_series: own.FAIL},
            {consequence: own.UNKNOWN},
            {suppressed: own.UNKNOWN},
        ],
    )
