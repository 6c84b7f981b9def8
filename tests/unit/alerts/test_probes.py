"""What Prometheus recorded for the alerts of one configuration, judged by those of another."""

from dataclasses import replace

import pytest

from redis_runbook.alerts.implied import implied_alerts
from redis_runbook.alerts.probes import RecordedAlert, RecordedAlerts
from redis_runbook.probes.prometheus.range import RangeFacts
from redis_runbook.verdict import CannotLook
from tests.support.loading import configured

TITLE = "queue/RedisQueueLatency"
NOTHING = RangeFacts(series=[], window_s=300, ended_at=0)
(RULE,) = implied_alerts(configured()).stated[TITLE]
RECORDED = RecordedAlert(rule=RULE, recorded=NOTHING, missing=[], looked=NOTHING)


def test_another_limit_is_judged_by_what_was_recorded() -> None:
    higher = implied_alerts(configured(services__queue__limits__queue_latency_s=7))
    (found,) = RecordedAlerts({TITLE: [RECORDED]}).judged_by(higher).of(TITLE)
    assert found == replace(RECORDED, rule=higher.stated[TITLE][0])
    assert found.rule.threshold == 7


@pytest.mark.parametrize(
    "asked",
    [
        {"value": 'another{service="queue"}'},
        {"for_s": 150.0},  # the window of now is longer
        {"looked": None},
        {"looked": 'another{check="queue.latency"}'},
    ],
    ids=str,
)
def test_what_prometheus_was_not_asked_is_not_judged(asked: dict[str, object]) -> None:
    """FAKE: evidence of a run whose rule had another expression or another window."""
    evidence = replace(RECORDED, rule=replace(RULE, **asked))  # type: ignore[arg-type]
    now = RecordedAlerts({TITLE: [evidence]}).judged_by(implied_alerts(configured()))
    with pytest.raises(CannotLook, match=f"no recorded values for {TITLE} as it is now"):
        now.of(TITLE)
