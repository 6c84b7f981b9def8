"""The dashboards "Redis Queue" and "Redis Cache", for Grafana's import, made from the rules."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from redis_runbook.alerts.rule import AlertRule, duration, series
from redis_runbook.config.model import Config
from redis_runbook.config.roles import CACHE, QUEUE, RoleSpec
from redis_runbook.redact import without_credentials
from redis_runbook.wire import own_series as own

_SCHEMA: Final = 37  # of Grafana 9; later ones migrate it when it is imported
_SOURCE: Final = "DS_PROMETHEUS"
_DATASOURCE: Final = {"type": "prometheus", "uid": f"${{{_SOURCE}}}"}
_WIDTH: Final = 12
_HEIGHT: Final = 8
_TITLES: Final[Mapping[str, str]] = {
    "queue.latency": "Queue latency",
    "latency.command_p95": "Command duration p95",
    "memory.used_ratio": "Memory used",
}
_LEGENDS: Final[Mapping[str, str]] = {
    "RedisQueueLatency": "{{queue}}",
    "RedisCommandP95": "as a client sees it",
    "RedisCommandP95OnServer": "as the server sees it",
    "RedisMemory": "used",
}
_UNITS: Final[Mapping[str | None, str]] = {"s": "s", "ratio": "percentunit", None: "short"}


def render_dashboards(config: Config, rules: Sequence[AlertRule]) -> dict[str, str]:
    """Both dashboards, by file name: the runbook's alerts with their limits, and queue depth."""
    return {
        f"redis-{role.name}.json": json.dumps(_dashboard(config, rules, role), indent=2) + "\n"
        for role in (QUEUE, CACHE)
    }


def _dashboard(config: Config, rules: Sequence[AlertRule], role: RoleSpec) -> dict[str, Any]:
    panels = [*_rule_panels(rules, role.name), *(_queue_panels(config) if role.has_queues else ())]
    for number, panel in enumerate(panels):
        row, column = divmod(number, 24 // _WIDTH)
        panel["id"] = number + 1
        panel["gridPos"] = {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
    url = config.runbook_url
    runbook = without_credentials(url.get_secret_value()) if url else None
    return {
        "__inputs": [
            {
                "name": _SOURCE,
                "label": "Prometheus",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "9.0.0"},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
            {"type": "panel", "id": "timeseries", "name": "Time series", "version": ""},
        ],
        "id": None,
        "uid": f"redis-runbook-{role.name}",
        "title": f"Redis {role.name.capitalize()}",
        "tags": ["redis", "redis-runbook"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "link", "title": "Runbook", "url": runbook}] if runbook else [],
        # Grafana asks for the inputs at import, but not for a provisioned file: hence the variable.
        "templating": {
            "list": [
                {
                    "name": _SOURCE,
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "refresh": 1,
                }
            ]
        },
        "panels": panels,
    }


def _rule_panels(rules: Sequence[AlertRule], role: str) -> Iterator[dict[str, Any]]:
    """A panel for each alert of the runbook, with its limit as a line."""
    drawn = (rule for rule in rules if rule.of_runbook and rule.role == role)
    for (check, service, queue), same in itertools.groupby(
        drawn, key=lambda rule: (rule.check or "", rule.service or "", rule.queue)
    ):
        of_panel = list(same)
        about = f"{service}/{queue}" if queue else service
        first = of_panel[0]
        limit = f"{first.threshold:g}{' s' if first.unit == 's' else ''}"
        lasting = f" for {duration(first.for_s)}" if first.for_s else ""
        yield _panel(
            f"{_TITLES[check]}: {about}",
            {rule.value: _LEGENDS[rule.name] for rule in of_panel},
            unit=_UNITS[first.unit],
            limit=first.threshold,
            description=f"The alert {first.name} fires when this is over {limit}{lasting}.",
        )


def _queue_panels(config: Config) -> Iterator[dict[str, Any]]:
    """Panels of waiting jobs and of workers; a queue with a depth limit has its own panel."""
    for name, settings in config.services.items():
        if not settings.role_spec.has_queues or not settings.enabled:
            continue
        depth = series(own.QUEUE_DEPTH, {"service": name})
        yield _panel(f"Queue depth: {name}", {depth: "{{queue}}"})
        for queue, limits in config.queues.items():
            if limits.depth is not None:
                depth = series(own.QUEUE_DEPTH, {"service": name, "queue": queue})
                yield _panel(f"Queue depth: {name}/{queue}", {depth: "waiting"}, limit=limits.depth)
        workers = series(own.QUEUE_WORKERS, {"service": name})
        yield _panel(f"Workers that take jobs: {name}", {workers: "{{queue}}"})


def _panel(
    title: str,
    targets: Mapping[str, str],
    *,
    unit: str = "short",
    limit: float | None = None,
    description: str = "",
) -> dict[str, Any]:
    """A time series; `targets` are expressions with their legends."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if limit is not None:
        steps.append({"color": "red", "value": limit})
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": _DATASOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _DATASOURCE,
                "expr": expr,
                "legendFormat": legend,
            }
            for number, (expr, legend) in enumerate(targets.items())
        ],
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if limit is None else "line"}},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
    }
