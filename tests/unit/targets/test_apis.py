"""Whom a run asks about its servers."""

from redis_runbook.targets.apis import find_apis
from tests.support.loading import configured


def test_throwaway_servers_are_watched_by_nobody() -> None:
    apis = find_apis(configured(prometheus__url="http://p"), {}, throwaway=True)
    assert {name: (route.access, route.missing) for name, route in apis.items()} == {
        "prometheus": (None, "nobody's Prometheus watches throwaway servers"),
        "grafana": (None, "no URL is set: set GRAFANA_URL"),
    }
