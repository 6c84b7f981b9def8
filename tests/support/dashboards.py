"""The dashboards of several configurations, as they are rendered."""

import json
from typing import Any

import pytest

from redis_runbook.alerts.dashboards import render_dashboards
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.config.model import Config

SEVERAL: dict[str, Any] = {
    "services__other": {"role": "queue", "limits": {"queue_latency_s": 5}},
    "services__off": {"role": "cache", "enabled": False},
    "services__queue__series": {"instance": 'it\'s "one"'},
    "queues": {"bundle:render": {"depth": 30, "latency_s": 9}},
}
CONFIGURATIONS = pytest.mark.parametrize(
    "options", [{}, SEVERAL, {"exporter__enabled": False}], ids=["default", "several", "bare"]
)


def dashboards(config: Config) -> dict[str, dict[str, Any]]:
    rendered = render_dashboards(config, implied_rules(config))
    found = {name: json.loads(text) for name, text in rendered.items()}
    assert list(found) == ["redis-queue.json", "redis-cache.json"]
    return found
