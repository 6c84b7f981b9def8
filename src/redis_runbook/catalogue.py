"""Every check that exists: its stable id, what it is about, and where the runbook says so.

Ids are used from outside and never renamed. Each has one test function in `checks/`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

MONITORING: Final = "2. Monitoring & Alerts"
INSPECT: Final = "3.1 Inspect Queue Depth"
PROMOTE: Final = "3.3 Promote Priority Jobs"
UNAVAILABLE: Final = "4. Incident Response, Scenario A: redis-queue Unavailable"
LATENCY_SPIKES: Final = "4. Incident Response, Scenario B: redis-cache Latency Spikes"
BOTH_DOWN: Final = "4. Incident Response, Scenario C: Both Redis Instances Down"
OVERVIEW: Final = "1. Service Overview"
CONFIGURATION: Final = "5. Configuration Changes"


class Level(enum.StrEnum):
    """What a broken check amounts to: `fail`, `warn`, or nothing because it is switched off."""

    INVARIANT = "invariant"
    ADVISORY = "advisory"
    OFF = "off"


Scope = Literal[
    "service", "queue", "cache", "jwt_cache", "exporter", "bullmq", "prometheus", "alert", "grafana"
]
"""What a check runs for: each service, those of one role, the JWT cache's, each service as its
exporter sees it, each BullMQ queue, Prometheus, each alert of the runbook, or Grafana."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check: its id, scope, runbook section, the unit of what it observes, and its level."""

    id: str
    scope: Scope
    runbook: str
    unit: str | None = None
    level: Level = Level.INVARIANT


def _by_id(*specs: CheckSpec) -> Mapping[str, CheckSpec]:
    return MappingProxyType({spec.id: spec for spec in specs})


CATALOGUE: Final = _by_id(
    CheckSpec("connectivity.reachable", "service", UNAVAILABLE, "ms"),
    CheckSpec("connectivity.role", "service", CONFIGURATION),
    CheckSpec("connectivity.writable", "service", UNAVAILABLE, "ms"),
    CheckSpec("connectivity.pubsub", "queue", OVERVIEW, "ms"),
    CheckSpec("connectivity.clients", "service", UNAVAILABLE, "ratio", Level.ADVISORY),
    CheckSpec("memory.used_ratio", "service", MONITORING, "ratio"),
    CheckSpec("memory.eviction_policy", "service", OVERVIEW),
    CheckSpec("memory.evictions", "queue", OVERVIEW, "keys"),
    CheckSpec("memory.fragmentation", "service", LATENCY_SPIKES, "x", Level.ADVISORY),
    CheckSpec("persistence.saving", "service", UNAVAILABLE),
    CheckSpec("replication.link", "service", CONFIGURATION, "replicas"),
    CheckSpec("exporter.reachable", "exporter", BOTH_DOWN),
    CheckSpec("exporter.truthful", "exporter", BOTH_DOWN),
    CheckSpec("monitoring.targets", "prometheus", MONITORING),
    CheckSpec("monitoring.rules", "prometheus", MONITORING, "alerts"),
    CheckSpec("monitoring.alerts", "prometheus", MONITORING),
    CheckSpec("monitoring.windows", "alert", MONITORING),
    CheckSpec("monitoring.dashboards", "grafana", MONITORING),
    CheckSpec("jwt_cache.populated", "jwt_cache", LATENCY_SPIKES, "entries"),
    CheckSpec("jwt_cache.expires", "jwt_cache", LATENCY_SPIKES, "s"),
    CheckSpec("latency.slowlog", "service", LATENCY_SPIKES, "ms", Level.ADVISORY),
    CheckSpec("latency.round_trip", "service", MONITORING, "ms"),
    CheckSpec("latency.command_p95", "cache", MONITORING, "ms"),
    CheckSpec("queue.depth", "bullmq", INSPECT, "jobs"),
    CheckSpec("queue.latency", "bullmq", MONITORING, "s"),
    CheckSpec("queue.workers", "bullmq", UNAVAILABLE, "workers"),
    CheckSpec("queue.overdue", "bullmq", PROMOTE, "s"),
    CheckSpec("queue.stalled", "bullmq", UNAVAILABLE, "jobs"),
    CheckSpec("queue.schedulers", "bullmq", OVERVIEW, "schedulers"),
    CheckSpec("queue.failures", "bullmq", UNAVAILABLE, "jobs", Level.ADVISORY),
    CheckSpec("queue.paused", "bullmq", INSPECT, level=Level.ADVISORY),
)


def covers(selected: str, check_id: str) -> bool:
    """Whether a check has this id, or one that begins with it: `memory` covers `memory.*`."""
    return check_id == selected or check_id.startswith(f"{selected}.")
