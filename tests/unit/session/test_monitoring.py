"""Whom a run asks about its servers."""

from redis_runbook.session.monitoring import Monitoring
from tests.support.loading import configured


def test_throwaway_servers_are_watched_by_nobody() -> None:
    config = configured(prometheus__url="http://p")
    monitoring = Monitoring(config, {}, throwaway=True, wanted=["monitoring.rules"], deadline=0)
    assert monitoring.why_not == {
        "prometheus": "nobody's Prometheus watches throwaway servers",
        "grafana": "no URL is set: set GRAFANA_URL",
    }
