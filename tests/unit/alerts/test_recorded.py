"""What was recorded of a queue that is gone, is new, or cannot be seen; and of a short past."""

import datetime as dt
import time
from collections.abc import Sequence

import pytest

from checks import test_monitoring as checks
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.probes import RecordedAlert
from redis_runbook.alerts.recorded import judge_alert
from redis_runbook.check import Broken, Judge
from redis_runbook.probes.prometheus.range import RangeFacts, RecordedSeries
from redis_runbook.probes.prometheus.series import Clock, settling
from redis_runbook.redact import Shown
from redis_runbook.wire import own_series as own
from tests.support.loading import configured

Values = Sequence[float | None]
(RULE,) = (rule for rule in implied_rules(configured()) if rule.name == "RedisQueueLatency")
NONE, PASS, UNKNOWN, ABSENT = None, own.PASS, own.UNKNOWN, own.NOT_APPLICABLE
ENDED = dt.datetime(2026, 11, 25, 3, 17, 0, tzinfo=dt.UTC)


def facts(*series: tuple[dict[str, str], Values]) -> RangeFacts:
    return RangeFacts(
        series=[
            RecordedSeries(labels=Shown(str(about)), values=values, infinite=False, about=about)
            for about, values in series
        ],
        window_s=300,
        ended_at=ENDED.timestamp(),
    )


def judged(
    latency: Values | None, looked: dict[str, Values] | None, *, queue: str = "render"
) -> tuple[str, str]:
    """The verdict and its sentence: waits of one queue, and what runs found of which subject."""
    about = {"queue": queue, "service": "queue"}
    recorded = facts(*([(about, latency)] if latency is not None else []))
    checks = None
    if looked is not None:
        checks = facts(*(({"subject": subject}, values) for subject, values in looked.items()))
    alert = RecordedAlert(rule=RULE, recorded=recorded, missing=["x"], looked=checks)
    worst = judge_alert([alert])[0]
    return worst.verdict.value, worst.sentence


@pytest.mark.parametrize("subject", ["render", "queue/render"])
@pytest.mark.parametrize(
    ("latency", "of_queue", "others", "verdict"),
    [
        ([1, 1, 1, 1], [PASS] * 4, [PASS] * 4, "pass"),
        ([9, 9, 9, 9], [PASS] * 4, [PASS] * 4, "fail"),
        # deleted, in the middle of the window
        ([1, 1, NONE, NONE], [PASS, PASS, NONE, NONE], [PASS] * 4, "pass"),
        ([9, 9, NONE, NONE], [PASS, PASS, NONE, NONE], [PASS] * 4, "warn"),
        ([1, 1, NONE, NONE], [PASS, PASS, NONE, NONE], [NONE, NONE, ABSENT, ABSENT], "pass"),
        # made in it
        ([NONE, NONE, 1, 1], [NONE, NONE, PASS, PASS], [PASS] * 4, "pass"),
        ([NONE, NONE, 9, 9], [NONE, NONE, PASS, PASS], [PASS] * 4, "warn"),
        # paused, as it may be
        ([1, NONE, NONE, 1], [PASS, ABSENT, ABSENT, PASS], [PASS] * 4, "pass"),
        # not readable: by itself, with the service, with Prometheus
        ([1, NONE, NONE, 1], [PASS, UNKNOWN, UNKNOWN, PASS], [PASS] * 4, "unknown"),
        ([1, 1, NONE, NONE], [PASS, PASS, NONE, NONE], [NONE, NONE, UNKNOWN, UNKNOWN], "unknown"),
        ([1, 1, NONE, NONE], [PASS, PASS, NONE, NONE], [PASS, PASS, NONE, NONE], "unknown"),
        ([NONE, NONE, 1, 1], [NONE, NONE, PASS, PASS], [NONE, NONE, PASS, PASS], "unknown"),
    ],
)
def test_a_queue_that_was_not_there_has_no_missing_values(
    latency: Values, of_queue: Values, others: Values, verdict: str, subject: str
) -> None:
    found, sentence = judged(latency, {subject: of_queue, "other": others})
    assert found == verdict, sentence


@pytest.mark.parametrize("looked", [None, {}, {"other": [PASS] * 3}])
def test_without_a_run_that_told_of_the_queue_missing_values_are_missing(
    looked: dict[str, Values] | None,
) -> None:
    found, sentence = judged([1, NONE, 1], looked)
    assert found == "unknown"
    assert "1 of 3 steps of the last 5m has no fresh value" in sentence


@pytest.mark.parametrize(
    ("looked", "verdict", "words"),
    [
        ({"queue": [ABSENT] * 4}, "not_applicable", "queue has no queue in which a job could wait"),
        ({"queue": [UNKNOWN] * 4}, "unknown", "Prometheus has recorded nothing"),
        ({"queue": [NONE, ABSENT, ABSENT, ABSENT]}, "unknown", "Prometheus has recorded nothing"),
        ({}, "unknown", "Prometheus has recorded nothing"),
        (None, "unknown", "Prometheus has recorded nothing"),
    ],
)
def test_a_service_without_a_queue_has_nothing_to_record(
    looked: dict[str, Values] | None, verdict: str, words: str
) -> None:
    found, sentence = judged(None, looked)
    assert (found, words in sentence) == (verdict, True), sentence


def test_a_window_that_began_lately_is_unknown_until_it_is_whole() -> None:
    found, sentence = judged([NONE, NONE, NONE, 1, 1, 1, 1], None)
    assert found == "unknown"
    assert "3 of 7 steps of the last 5m have no fresh value; 0 of 7 steps" in sentence
    assert sentence.endswith(": look again in 150 s, after 03:19:30 UTC")


@pytest.mark.parametrize(
    ("age_s", "interval_s", "waits_s"),
    [(4, 15.0, 31), (40, 15.0, None), (40, 60.0, 85), (126, 60.0, None), (None, 60.0, None)],
)
def test_a_prometheus_that_has_just_started_is_given_two_scrapes(
    age_s: float | None, interval_s: float, waits_s: int | None
) -> None:
    now = ENDED.timestamp()
    clock = Clock(answered_at=time.monotonic(), answered_time=now)
    started = ENDED - dt.timedelta(seconds=age_s) if age_s is not None else None
    told = settling(clock, started, interval_s)
    if waits_s is None:
        assert told == ""
    else:
        assert told.startswith(f"Prometheus started {age_s} s ago: look again in {waits_s} s, ")
        assert told.endswith(" UTC")


@pytest.mark.parametrize(
    ("others", "told_by"),
    [([1, 1, 1, 1], "queue.latency[render]"), ([9, 9, 9, 9], None)],
    ids=["one", "several"],
)
def test_where_several_series_are_broken_the_finding_about_one_does_not_tell_of_all(
    others: Values, told_by: str | None
) -> None:
    """Else a suppressed queue would hide another one."""
    recorded = facts(
        ({"queue": "render", "service": "queue"}, [9, 9, 9, 9]),
        ({"queue": "mail", "service": "queue"}, others),
    )
    alert = RecordedAlert(rule=RULE, recorded=recorded, missing=[], looked=None)
    with pytest.raises(Broken) as caught:
        checks.test_windows([alert], Judge())
    assert caught.value.ruling.follows_from == told_by
