"""Judges the values of an alert that Prometheus recorded over the alert's window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.alerts.probes import RecordedAlert
from redis_runbook.alerts.rule import AlertRule, duration, finding_of
from redis_runbook.check import percent
from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.prometheus.range import RangeFacts, RecordedSeries
from redis_runbook.probes.prometheus.series import look_again
from redis_runbook.verdict import SEVERITY, Verdict
from redis_runbook.wire import own_series as own
from redis_runbook.words import counted

_QUANTILE: Final = 0.95
"""As for a window of samples: over in more than 5 % of the steps means over as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSeries:
    """The verdict on one series of a rule; `observed` is its p95 over the window, if it has one."""

    rule: AlertRule
    verdict: Verdict
    sentence: str
    observed: float | None = None
    finding: str | None = None


def judge_alert(rules: Sequence[RecordedAlert]) -> list[JudgedSeries]:
    """Judge every series of an alert; returns at least one verdict, worst first.

    A series is broken if the alert would fire: over the limit at every step of the window. A window
    with a step that has no value is unknown, unless there was no queue at that step to have one.
    """
    judged = [_judge_series(alert, series) for alert in rules for series in alert.recorded.series]
    judged.sort(key=lambda series: SEVERITY.index(series.verdict))
    return judged or [_nothing_recorded(rules)]


def _judge_series(alert: RecordedAlert, series: RecordedSeries) -> JudgedSeries:
    rule, recorded = alert.rule, alert.recorded
    gone = _steps_without_queue(alert, series)
    seen = [value for value in series.values if value is not None]
    over = [value > rule.threshold for value in seen]
    missing = [
        value is None and not is_gone for value, is_gone in zip(series.values, gone, strict=True)
    ]
    unseen = sum(missing)
    observed = percentile(sorted(seen), _QUANTILE) if seen else None
    since = f"of the last {duration(recorded.window_s)}" if recorded.window_s else "now"
    subject = f"{rule.name} ({series.labels or 'all series'})"
    limit = _amount(rule.threshold, rule)
    all_steps = counted(len(series.values), "step")
    steps = f"{sum(over)} of {all_steps} {since} {'is' if sum(over) == 1 else 'are'} over {limit}"
    if any(gone):
        steps += f", and there was no such queue at {sum(gone)}"
    if unseen:
        verdict = Verdict.UNKNOWN
        why = "no fresh value" + (", or one that is no finite number" if series.infinite else "")
        sentence = (
            f"{subject}: {unseen} of {all_steps} {since} {'has' if unseen == 1 else 'have'} {why}; "
            f"{steps}"
        )
        if seen and not any(missing[unseen:]):  # the beginning: the window is not whole yet
            wait_s = recorded.window_s * unseen / (len(missing) - 1)
            sentence += f": {look_again(recorded.ended_at, wait_s)}"
    elif all(over) and not any(gone):
        verdict = Verdict.FAIL
        sentence = f"{subject} is over {limit} at every step {since}, at {_amount(seen[-1], rule)}"
    else:
        within = observed is None or observed <= rule.threshold
        over_now = over[-1:] == [True] and not gone[-1]
        verdict = Verdict.PASS if within and not over_now else Verdict.WARN
        last = f", the last is {_amount(seen[-1], rule)}" if seen else ""
        sentence = f"{subject}: {steps}{last}"
    return JudgedSeries(
        rule=rule,
        verdict=verdict,
        sentence=sentence,
        observed=observed,
        finding=finding_of(rule, series.about),
    )


def _steps_without_queue(alert: RecordedAlert, series: RecordedSeries) -> list[bool]:
    """At which steps a run looked at the service's queues, and this one was not there.

    It was deleted, or not made yet, or was paused as it may be. A run that could not look is no
    evidence, and neither is one that never told of this queue.
    """
    nowhere = [False] * len(series.values)
    queue, service = series.about.get("queue"), alert.rule.service
    if alert.looked is None or queue is None or len(_looked(alert.looked)) != len(nowhere):
        return nowhere
    of_queue = [
        check.values
        for check in alert.looked.series
        if check.about.get("subject") in {queue, f"{service}/{queue}"}
    ]
    if not of_queue:
        return nowhere
    return [
        value is None
        and looked
        and all(values[step] in {None, own.NOT_APPLICABLE} for values in of_queue)
        for step, (value, looked) in enumerate(
            zip(series.values, _looked(alert.looked), strict=True)
        )
    ]


def _looked(looked: RangeFacts) -> list[bool]:
    """At which steps a run could look at the queues of the service."""
    steps = zip(*(check.values for check in looked.series), strict=True)
    return [any(value not in {None, own.UNKNOWN} for value in step) for step in steps]


def _nothing_recorded(rules: Sequence[RecordedAlert]) -> JudgedSeries:
    missing = [selector for alert in rules for selector in alert.missing]
    rule = rules[0].rule
    for alert in rules:
        looked = _looked(alert.looked) if alert.looked else []
        if looked and all(looked):
            return JudgedSeries(
                rule=rule,
                verdict=Verdict.NOT_APPLICABLE,
                sentence=f"{rule.service} has no queue in which a job could wait, by the runs of "
                f"the last {duration(alert.recorded.window_s)}",
            )
    why = (
        f"it has no series {' nor '.join(dict.fromkeys(missing))}; [services.{rule.service}] "
        "series says by which labels it knows those of an exporter, and only `--metrics-file` "
        "brings redis_runbook_…"
        if missing
        else "its series have no value (an exporter is down, or a maxmemory is 0)"
    )
    why = next((alert.settling for alert in rules if alert.settling), why)
    return JudgedSeries(
        rule=rule,
        verdict=Verdict.UNKNOWN,
        sentence=f"Prometheus has recorded nothing of {rule.name}: {why}",
    )


def _amount(value: float, rule: AlertRule) -> str:
    return percent(value, 1) if rule.unit == "ratio" else f"{value:.4g} {rule.unit or ''}".strip()
