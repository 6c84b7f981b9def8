"""Judges the values of an alert that Prometheus recorded over the alert's window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.alerts.probes import RecordedAlert
from redis_runbook.alerts.rule import AlertRule, duration
from redis_runbook.check import percent
from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.prometheus.range import RangeFacts, RecordedSeries
from redis_runbook.verdict import SEVERITY, Verdict

_QUANTILE: Final = 0.95
"""As for a window of samples: over in more than 5 % of the steps means over as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSeries:
    """The verdict on one series of a rule; `observed` is its p95 over the window, if it has one."""

    rule: AlertRule
    verdict: Verdict
    sentence: str
    observed: float | None = None


def judge_alert(rules: Sequence[RecordedAlert]) -> list[JudgedSeries]:
    """Judge every series of an alert; returns at least one verdict, worst first.

    A series is broken if the alert would fire: over the limit at every step of the window. A window
    with a step that has no value is unknown.
    """
    judged = [
        _judge_series(alert.rule, alert.recorded, series)
        for alert in rules
        for series in alert.recorded.series
    ]
    judged.sort(key=lambda series: SEVERITY.index(series.verdict))
    return judged or [_nothing_recorded(rules)]


def _judge_series(rule: AlertRule, recorded: RangeFacts, series: RecordedSeries) -> JudgedSeries:
    seen = [value for value in series.values if value is not None]
    over = [value > rule.threshold for value in seen]
    unseen = len(series.values) - len(seen)
    observed = percentile(sorted(seen), _QUANTILE) if seen else None
    since = f"of the last {duration(recorded.window_s)}" if recorded.window_s else "now"
    subject = f"{rule.name} ({series.labels or 'all series'})"
    limit = _amount(rule.threshold, rule)
    steps = f"{sum(over)} of {len(series.values)} steps {since} are over {limit}"
    if unseen:
        verdict = Verdict.UNKNOWN
        why = "no fresh value" + (", or one that is no finite number" if series.infinite else "")
        sentence = f"{subject}: {unseen} of {len(series.values)} steps {since} have {why}; {steps}"
    elif all(over):
        verdict = Verdict.FAIL
        sentence = f"{subject} is over {limit} at every step {since}, at {_amount(seen[-1], rule)}"
    else:
        within = observed is None or observed <= rule.threshold
        verdict = Verdict.PASS if within and not over[-1] else Verdict.WARN
        sentence = f"{subject}: {steps}, the last is {_amount(seen[-1], rule)}"
    return JudgedSeries(rule=rule, verdict=verdict, sentence=sentence, observed=observed)


def _nothing_recorded(rules: Sequence[RecordedAlert]) -> JudgedSeries:
    missing = [selector for alert in rules for selector in alert.missing]
    rule = rules[0].rule
    why = (
        f"it has no series {' nor '.join(dict.fromkeys(missing))}; [services.{rule.service}] "
        "series says by which labels it knows those of an exporter, and only `--metrics-file` "
        "brings redis_runbook_…"
        if missing
        else "its series have no value (an exporter is down, or a maxmemory is 0)"
    )
    return JudgedSeries(
        rule=rule,
        verdict=Verdict.UNKNOWN,
        sentence=f"Prometheus has recorded nothing of {rule.name}: {why}",
    )


def _amount(value: float, rule: AlertRule) -> str:
    return percent(value, 1) if rule.unit == "ratio" else f"{value:.4g} {rule.unit or ''}".strip()
