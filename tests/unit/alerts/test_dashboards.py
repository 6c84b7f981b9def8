"""The dashboards: what Grafana's import asks of them, and that they draw what the rules judge."""

import itertools
from typing import Any

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.config.model import Config
from tests.support.dashboards import CONFIGURATIONS, SEVERAL, dashboards
from tests.support.loading import configured


def panels(config: Config, dashboard: str) -> dict[str, dict[str, Any]]:
    found = dashboards(config)[dashboard]["panels"]
    by_title = {panel["title"]: panel for panel in found}
    assert len(by_title) == len(found)
    return by_title


def line(panel: dict[str, Any]) -> float | None:
    """Where the panel draws its limit."""
    defaults = panel["fieldConfig"]["defaults"]
    first, *others = defaults["thresholds"]["steps"]
    assert first == {"color": "green", "value": None}
    assert defaults["custom"]["thresholdsStyle"]["mode"] == ("line" if others else "off")
    return float(others[0]["value"]) if others else None


@CONFIGURATIONS
def test_a_dashboard_has_what_grafanas_import_asks_for(options: dict[str, Any]) -> None:
    both = dashboards(configured(**options))
    assert [one["title"] for one in both.values()] == ["Redis Queue", "Redis Cache"]
    assert len({one["uid"] for one in both.values()}) == 2
    for one in both.values():
        assert one["id"] is None
        assert len(one["uid"]) <= 40
        assert one["schemaVersion"] >= 36
        assert [given["name"] for given in one["__inputs"]] == ["DS_PROMETHEUS"]
        assert one["__inputs"][0]["pluginId"] == "prometheus"
        # Without an import there is no input: a variable of the same name stands in.
        assert [given["name"] for given in one["templating"]["list"]] == ["DS_PROMETHEUS"]
        required = {given["id"] for given in one["__requires"] if given["type"] == "panel"}
        assert {panel["type"] for panel in one["panels"]} <= required
        for panel in one["panels"]:
            sources = [panel["datasource"], *(one["datasource"] for one in panel["targets"])]
            assert all(one == {"type": "prometheus", "uid": "${DS_PROMETHEUS}"} for one in sources)
            references = [target["refId"] for target in panel["targets"]]
            assert references == ["A", "B"][: len(references)]
            assert references


@CONFIGURATIONS
def test_panels_stand_side_by_side_and_cover_one_another_nowhere(options: dict[str, Any]) -> None:
    for one in dashboards(configured(**options)).values():
        assert len({panel["id"] for panel in one["panels"]}) == len(one["panels"]) > 0
        for left, right in itertools.combinations([p["gridPos"] for p in one["panels"]], 2):
            apart = [
                left[at] + left[size] <= right[at] or right[at] + right[size] <= left[at]
                for at, size in (("x", "w"), ("y", "h"))
            ]
            assert any(apart)
        assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in one["panels"])


def test_the_dashboards_hold_what_the_runbook_names_with_its_limits() -> None:
    config = configured()
    assert {title: line(panel) for title, panel in panels(config, "redis-queue.json").items()} == {
        "Queue latency: queue": 2,
        "Memory used: queue": 0.8,
        "Queue depth: queue": None,
        "Workers that take jobs: queue": None,
    }
    assert {title: line(panel) for title, panel in panels(config, "redis-cache.json").items()} == {
        "Command duration p95: cache": 0.05,
        "Memory used: cache": 0.8,
    }


def test_a_queue_with_limits_of_its_own_has_lines_of_its_own() -> None:
    lines = {
        title: line(panel)
        for title, panel in panels(configured(**SEVERAL), "redis-queue.json").items()
        if "latency" in title or "depth" in title
    }
    assert lines == {
        "Queue latency: queue": 2,
        "Queue latency: queue/bundle:render": 9,
        "Queue latency: other": 5,
        "Queue latency: other/bundle:render": 9,
        "Queue depth: queue": None,
        "Queue depth: queue/bundle:render": 30,
        "Queue depth: other": None,
        "Queue depth: other/bundle:render": 30,
    }


def test_a_dashboard_shows_what_the_rules_judge() -> None:
    config = configured()
    shown = {
        target["expr"]
        for panel in panels(config, "redis-cache.json").values()
        for target in panel["targets"]
    }
    judged = {
        rule.value for rule in implied_rules(config) if rule.of_runbook and rule.service == "cache"
    }
    assert shown == judged
