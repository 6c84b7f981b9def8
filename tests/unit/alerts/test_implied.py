"""The alert rules that a configuration implies, and that they say what the checks say."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checks import test_latency as latency_checks
from checks import test_memory as memory_checks
from checks import test_queue as queue_checks
from redis_runbook.alerts.dashboards import render_dashboards
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule import AlertRule, duration
from redis_runbook.check import Broken, Held, Judge
from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.probes.bullmq.queues import ObservedQueue
from redis_runbook.probes.bullmq.workers import WorkerFacts
from redis_runbook.session.subjects import Subject
from redis_runbook.wire.own_series import is_ours
from tests.support import check_cases
from tests.support.bullmq_facts import quiet, waiting
from tests.support.loading import configured


def rule(config: Config, name: str, service: str | None = None) -> AlertRule:
    (found, *_) = (
        one for one in implied_rules(config) if (one.name, one.service) == (name, service)
    )
    return found


# What the configuration says


@pytest.mark.parametrize(
    ("option", "value", "name", "service", "threshold", "for_s"),
    [
        ("services__queue__limits__queue_latency_s", 7, "RedisQueueLatency", "queue", 7, 300),
        ("services__queue__limits__queue_latency_for_s", 9, "RedisQueueLatency", "queue", 2, 9),
        ("services__cache__limits__command_p95_ms", 20, "RedisCommandP95", "cache", 0.02, 600),
        ("services__cache__limits__command_p95_for_s", 6, "RedisCommandP95", "cache", 0.05, 6),
        (
            "services__cache__limits__command_p95_ms",
            20,
            "RedisCommandP95OnServer",
            "cache",
            0.02,
            600,
        ),
        ("services__cache__limits__memory_ratio", 0.7, "RedisMemory", "cache", 0.7, 0),
        ("services__queue__limits__clients_ratio", 0.5, "RedisClients", "queue", 0.5, 0),
        ("services__queue__replicas_min", 3, "RedisReplicas", "queue", 3, 0),
        ("exporter__missing_for_s", "2m", "RedisUnwatched", "queue", 1, 120),
        ("services__queue__limits__queue_latency_for_s", "2m", "RedisRunbookStale", None, 120, 0),
    ],
)
def test_what_is_configured_is_in_the_rule(  # noqa: PLR0917
    option: str, value: Any, name: str, service: str | None, threshold: float, for_s: float
) -> None:
    found = rule(configured(**{option: value}), name, service)
    assert (found.threshold, found.for_s) == (threshold, for_s)


def test_a_queue_with_a_limit_of_its_own_has_a_rule_of_its_own_and_no_other() -> None:
    queues = {"slow": {"latency_s": 60}, "now": {"strict_now": True}, "usual": {"depth": 9}}
    found = [
        (one.queue, one.threshold, one.for_s, one.value.partition("{")[2])
        for one in implied_rules(configured(queues=queues))
        if one.name == "RedisQueueLatency"
    ]
    assert found == [
        (None, 2, 300, 'service="queue",queue!="slow",queue!="now"}'),
        ("slow", 60, 300, 'service="queue",queue="slow"}'),
        ("now", 2, 0, 'service="queue",queue="now"}'),
    ]


def test_the_level_of_a_check_is_that_of_its_rule() -> None:
    assert rule(configured(), "RedisSaveFailed", "queue").severity == "critical"
    assert rule(configured(), "RedisClients", "queue").severity == "warning"
    changed = configured(
        checks={
            "persistence.saving": {"level": "advisory"},
            "connectivity.clients": {"level": "invariant"},
            "memory.used_ratio": {"level": "off"},
        }
    )
    assert rule(changed, "RedisSaveFailed", "queue").severity == "warning"
    assert rule(changed, "RedisClients", "queue").severity == "critical"
    assert "memory.used_ratio" not in {one.check for one in implied_rules(changed)}


def test_without_an_exporter_only_our_own_series_are_judged() -> None:
    rules = implied_rules(configured(exporter__enabled=False))
    assert {one.name for one in rules if one.service} == {"RedisQueueLatency", "RedisCommandP95"}
    assert all(is_ours(metric) for one in rules for metric in one.metrics)


def test_a_service_that_is_switched_off_has_no_rule() -> None:
    rules = implied_rules(configured(services__cache__enabled=False))
    assert {one.service for one in rules} == {"queue", None}


def test_a_broken_finding_without_a_rule_on_its_own_series_has_the_one_for_all() -> None:
    broken = rule(configured(), "RedisRunbookBroken").value
    assert broken == (
        'redis_runbook_check{follows_from="",suppressed="",'
        'check!="latency.command_p95",check!="queue.latency"}'
    )


@pytest.mark.parametrize(
    ("name", "anchor"),
    [
        ("RedisMemory", "2-monitoring--alerts"),
        ("RedisDown", "scenario-a-redis-queue-unavailable"),
        ("RedisUnwatched", "scenario-c-both-redis-instances-down"),
        ("RedisEvictions", "1-service-overview"),
    ],
)
def test_an_alert_links_to_its_section_of_the_runbook(name: str, anchor: str) -> None:
    url = "https://reader:secret-word@wiki.example.org/redis?version=3"
    found = rule(configured(runbook_url=url), name, "queue")
    assert found.runbook_url == f"https://wiki.example.org/redis#{anchor}"
    assert rule(configured(), name, "queue").runbook_url is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (600, "10m"), (90, "90s"), (0.25, "250ms"), (0, "0s"), (86_400, "1d")],
)
def test_durations_are_written_as_prometheus_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# Check, rule and dashboard together


def ruled(check: Callable[..., None], **facts: Any) -> tuple[float | None, bool]:
    """The limit that a check holds these facts to, and whether it passes."""
    with pytest.raises((Held, Broken)) as ended:
        check(**facts, judge=Judge())
    return ended.value.ruling.limit, ended.type is Held


def drawn(config: Config, dashboard: str, title: str) -> float:
    """Where a dashboard draws the line of a limit."""
    panels = json.loads(render_dashboards(config, implied_rules(config))[dashboard])["panels"]
    (panel,) = (one for one in panels if one["title"] == title)
    return float(panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"])


def service_of(config: Config, name: str) -> Service:
    return Service(name=name, settings=config.services[name], endpoint=None)


@pytest.mark.parametrize(("limit", "passes"), [(0.8, True), (0.6, False)])
def test_check_rule_and_dashboard_share_the_limit_of_memory(limit: float, passes: bool) -> None:  # noqa: FBT001
    config = configured(services__cache__limits__memory_ratio=limit)
    memory = replace(check_cases.HEALTHY["memory"], used_bytes=70, maxmemory_bytes=100)
    service = service_of(config, "cache")
    facts = {"service": service, "memory": memory, "container_limit_bytes": 0}
    assert ruled(memory_checks.test_used_ratio, **facts) == (limit, passes)
    assert rule(config, "RedisMemory", "cache").threshold == limit
    assert drawn(config, "redis-cache.json", "Memory used: cache") == limit


@pytest.mark.parametrize(("limit", "passes"), [(50, True), (30, False)])
def test_check_rule_and_dashboard_share_the_limit_of_command_duration(
    limit: float,
    passes: bool,  # noqa: FBT001
) -> None:
    config = configured(services__cache__limits__command_p95_ms=limit)
    service, slow = service_of(config, "cache"), check_cases.latency(40, 40)
    ruling = ruled(latency_checks.test_command_p95, service=service, latency=slow)
    assert ruling == (limit, passes)
    assert rule(config, "RedisCommandP95", "cache").threshold == limit / 1000
    assert drawn(config, "redis-cache.json", "Command duration p95: cache") == limit / 1000


@pytest.mark.parametrize(("limit", "passes"), [(2, False), (500, True)])
def test_check_rule_and_dashboard_share_the_limit_of_queue_latency(
    limit: float,
    passes: bool,  # noqa: FBT001
) -> None:
    config = configured(services__queue__limits__queue_latency_s=limit)
    facts = quiet(**waiting(400))
    workers = WorkerFacts(known=True, alive=True)
    ruling = ruled(
        queue_checks.test_latency,
        subject=Subject(name="q", service=service_of(config, "queue"), queue="q"),
        queue=ObservedQueue(configured_as="render", first=facts, last=facts, workers=workers),
        queue_limits=config.queue_limits("queue", "q"),
    )
    assert ruling == (limit, passes)
    assert rule(config, "RedisQueueLatency", "queue").threshold == limit
    assert drawn(config, "redis-queue.json", "Queue latency: queue") == limit
