"""The Prometheus alert rules that a configuration implies: its limits, durations and levels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.alerts.rule import (
    BEYOND,
    SHORT_OF,
    AlertRule,
    Growth,
    alert,
    runbook_alerts,
    series,
)
from redis_runbook.alerts.stated import Stated
from redis_runbook.alerts.watched import Watched
from redis_runbook.catalogue import CATALOGUE, Level
from redis_runbook.config.model import Config
from redis_runbook.wire import own_series as own

_USUAL_AGE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Implied:
    """The alerts that a configuration implies.

    `rules` are all of them; `stated` those that the runbook states, by title.
    """

    rules: Sequence[AlertRule]
    stated: Mapping[str, Sequence[AlertRule]]


def implied_alerts(config: Config) -> Implied:
    """All that a configuration implies."""
    rules = implied_rules(config)
    return Implied(rules=rules, stated=runbook_alerts(rules))


def implied_rules(config: Config) -> tuple[AlertRule, ...]:
    """The rules about each service, then those about the runs that write our own series."""
    rules = [
        rule
        for name, settings in config.services.items()
        if settings.enabled
        for rule in (*Stated(config, name).rules(), *Watched(config, name).rules())
        if rule.check and config.level(CATALOGUE[rule.check]) is not Level.OFF
    ]
    return (*rules, *_about_freshness(config, rules), *_about_findings(config, rules))


def _about_freshness(config: Config, rules: Sequence[AlertRule]) -> Iterator[AlertRule]:
    """Whether our own series are there, and young enough to prove something.

    Older than the shortest `for` time that is judged by them, they do not.
    """
    judged = [rule.for_s for rule in rules if rule.for_s and own.is_ours(rule.metrics[0])]
    age_s = min(judged, default=_USUAL_AGE_S)
    written = series(own.RUN_TIMESTAMP, {"target": "live"})
    yield alert(
        config,
        "RedisRunbookMissing",
        value=f"absent({written})",
        comparison="==",
        threshold=1,
        for_s=config.exporter.missing_for_s,
        summary="no run has left metrics of live services: run `redis-runbook smoke "
        "--metrics-file FILE` every minute",
        fires=[{}, {series(own.RUN_TIMESTAMP, {"target": "embedded"}): 1}],
        quiet=[{written: Growth(1)}],
    )
    yield alert(
        config,
        "RedisRunbookStale",
        value=f"time() - {written}",
        comparison=">",
        threshold=age_s,
        unit="s",
        summary="the last run of redis-runbook ended {{ $value | humanizeDuration }} ago: what it "
        "left proves nothing any more",
        fires=[{written: Growth(1, start=-age_s * BEYOND)}],
        quiet=[{written: Growth(1, start=-age_s * SHORT_OF)}],
    )


def _about_findings(config: Config, rules: Sequence[AlertRule]) -> Iterator[AlertRule]:
    """What a run found; a check whose own series has a rule is told by that one."""
    told = {rule.check for rule in rules if rule.check and own.is_ours(rule.metrics[0])}
    one = series(own.CHECK, {"check": "other.check", "subject": "queue"})
    yield alert(
        config,
        "RedisRunbookBroken",
        value=series(own.CHECK, {}, *[f'check!="{check}"' for check in sorted(told)]),
        comparison="==",
        threshold=own.FAIL,
        summary="{{ $labels.check }} is broken for {{ $labels.subject }}",
        fires=[{one: own.FAIL}],
        quiet=[{one: own.PASS}, {one: own.UNKNOWN}],
    )
    yield alert(
        config,
        "RedisRunbookUndetermined",
        value=own.CHECK,
        comparison="==",
        threshold=own.UNKNOWN,
        severity="warning",
        summary="{{ $labels.check }} could not be determined for {{ $labels.subject }}",
        fires=[{one: own.UNKNOWN}],
        quiet=[{one: own.PASS}, {one: own.WARN}, {one: own.FAIL}],
    )
