"""The catalogue of all checks: their stable ids, scopes, and sections of the runbook.

Ids are used from outside and never renamed. Each has one test function in `checks/`.
"""

import enum
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from redis_runbook.hookspecs import hookimpl

MONITORING: Final = "2. Monitoring & Alerts"
INSPECT: Final = "3.1 Inspect Queue Depth"
PROMOTE: Final = "3.3 Promote Priority Jobs"
INCIDENT: Final = "4. Incident Response"
UNAVAILABLE: Final = "4. Incident Response, Scenario A: redis-queue Unavailable"
LATENCY_SPIKES: Final = "4. Incident Response, Scenario B: redis-cache Latency Spikes"
BOTH_DOWN: Final = "4. Incident Response, Scenario C: Both Redis Instances Down"
OVERVIEW: Final = "1. Service Overview"
CONFIGURATION: Final = "5. Configuration Changes"

_OF_ONE_ROLE: Final[Mapping[str, str]] = MappingProxyType(
    {UNAVAILABLE: "queue", LATENCY_SPIKES: "cache"}
)
"""The scenarios that the runbook has for a Redis of this role alone."""

_CORRECTED: Final = '"The runbook\'s commands, corrected" in the guide to queue findings'

REACHABLE: Final = "connectivity.reachable"
"""The check that tells of a service that cannot be reached: what cannot be seen follows from it."""


class Level(enum.StrEnum):
    """The verdict on a broken check: INVARIANT fails, ADVISORY warns, OFF does not run."""

    INVARIANT = "invariant"
    ADVISORY = "advisory"
    OFF = "off"


Scope = Literal[
    "service",
    "role",
    "jwt_cache",
    "exporter",
    "bullmq",
    "prometheus",
    "alert",
    "grafana",
    "command",
    "container",
    "worker",
]
"""What a check runs for: each service, the services whose role lists the check, the service of the
JWT cache, each service as its exporter sees it, each BullMQ queue, Prometheus, each alert of the
runbook, Grafana, each command, each configured container, or those of them that are workers."""

Need = Literal[
    "writable",
    "jwt_cache",
    "exporter",
    "scraped",
    "prometheus",
    "alerts",
    "grafana",
    "commands",
    "login",
    "live",
    "acting",
    "containers",
    "baseline",
]
"""What a check needs: a run that may write, the JWT cache enabled, an exporter enabled, a target
with exporters, Prometheus, an alert of the runbook that the configuration implies, Grafana, a
command, a login, live services, a run that may start programs and log in, a target whose
containers the configuration names, or a snapshot to compare with."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check: its id, scope, runbook section, the unit of what it observes, level and needs."""

    id: str
    scope: Scope
    runbook: str
    unit: str | None = None
    level: Level = Level.INVARIANT
    needs: tuple[Need, ...] = ()

    def section_for(self, role: str | None) -> str:
        """The runbook's section; that of all incidents where the scenario is another role's."""
        of_role = _OF_ONE_ROLE.get(self.runbook, role)
        return self.runbook if role in {None, of_role} else INCIDENT

    def reference_for(self, role: str | None) -> str:
        """Where to read on: the runbook's section, and of a queue what corrects its commands."""
        section = self.section_for(role)
        return f"{section}; {_CORRECTED}" if self.scope == "bullmq" else section


_ADVISORY: Final = Level.ADVISORY
_ALERTS: Final[tuple[Need, ...]] = ("prometheus", "alerts")
_JWT_CACHE: Final[tuple[Need, ...]] = ("jwt_cache",)
_COMMANDS: Final[tuple[Need, ...]] = ("commands", "live", "acting")
_LOGIN: Final[tuple[Need, ...]] = ("jwt_cache", "login", "live", "acting")
_EXPORTER: Final[tuple[Need, ...]] = ("exporter", "scraped")
_CONTAINERS: Final[tuple[Need, ...]] = ("containers",)

CHECKS: Final = (
    CheckSpec(REACHABLE, "service", UNAVAILABLE, "ms"),
    CheckSpec("connectivity.role", "service", CONFIGURATION),
    CheckSpec("connectivity.writable", "service", UNAVAILABLE, "ms", needs=("writable",)),
    CheckSpec("connectivity.pubsub", "role", OVERVIEW, "ms", needs=("writable",)),
    CheckSpec("connectivity.clients", "service", UNAVAILABLE, "ratio", _ADVISORY),
    CheckSpec("memory.used_ratio", "service", MONITORING, "ratio"),
    CheckSpec("memory.eviction_policy", "service", OVERVIEW),
    CheckSpec("memory.evictions", "role", OVERVIEW, "keys"),
    CheckSpec("memory.fragmentation", "service", LATENCY_SPIKES, "x", _ADVISORY),
    CheckSpec("persistence.saving", "service", UNAVAILABLE),
    CheckSpec("replication.link", "service", CONFIGURATION, "replicas"),
    CheckSpec("exporter.reachable", "exporter", BOTH_DOWN, needs=_EXPORTER),
    CheckSpec("exporter.truthful", "exporter", BOTH_DOWN, needs=_EXPORTER),
    CheckSpec("monitoring.targets", "prometheus", MONITORING, needs=("exporter", "prometheus")),
    CheckSpec("monitoring.rules", "prometheus", MONITORING, "alerts", needs=_ALERTS),
    CheckSpec("monitoring.alerts", "prometheus", MONITORING, needs=_ALERTS),
    CheckSpec("monitoring.windows", "alert", MONITORING, needs=_ALERTS),
    CheckSpec("monitoring.dashboards", "grafana", MONITORING, needs=("grafana",)),
    CheckSpec("incident.container", "container", UNAVAILABLE, needs=_CONTAINERS),
    CheckSpec("incident.logs", "container", UNAVAILABLE, "lines", _ADVISORY, _CONTAINERS),
    CheckSpec("incident.workers_reconnected", "worker", UNAVAILABLE, needs=_CONTAINERS),
    CheckSpec("incident.exporter_reconnected", "exporter", BOTH_DOWN, needs=_EXPORTER),
    CheckSpec("incident.endpoints", "container", CONFIGURATION, None, _ADVISORY, _CONTAINERS),
    CheckSpec("jwt_cache.populated", "jwt_cache", LATENCY_SPIKES, "entries", needs=_JWT_CACHE),
    CheckSpec("jwt_cache.expires", "jwt_cache", LATENCY_SPIKES, "s", needs=_JWT_CACHE),
    CheckSpec("incident.data_kept", "service", UNAVAILABLE, needs=("baseline",)),
    CheckSpec("latency.slowlog", "service", LATENCY_SPIKES, "ms", _ADVISORY),
    CheckSpec("latency.round_trip", "service", MONITORING, "ms"),
    CheckSpec("latency.command_p95", "role", MONITORING, "ms"),
    CheckSpec("queue.depth", "bullmq", INSPECT, "jobs"),
    CheckSpec("queue.latency", "bullmq", MONITORING, "s"),
    CheckSpec("queue.workers", "bullmq", UNAVAILABLE, "workers"),
    CheckSpec("queue.overdue", "bullmq", PROMOTE, "s"),
    CheckSpec("queue.stalled", "bullmq", UNAVAILABLE, "jobs"),
    CheckSpec("queue.schedulers", "bullmq", OVERVIEW, "stopped schedulers"),
    CheckSpec("queue.failures", "bullmq", INSPECT, "jobs", _ADVISORY),
    CheckSpec("queue.paused", "bullmq", INSPECT, level=_ADVISORY),
    CheckSpec("jwt_cache.refreshes", "jwt_cache", LATENCY_SPIKES, "entries", needs=_LOGIN),
    CheckSpec("incident.smoke_command", "command", BOTH_DOWN, "exit code", needs=_COMMANDS),
)
"""Our own checks, in the order in which they run. Latency comes late, before the queues, which wait
for it; what is run by us comes last, as it may take longest."""

Catalogue = Mapping[str, CheckSpec]
"""Checks by id, in the order in which they run."""

CATALOGUE: Final[Catalogue] = MappingProxyType({spec.id: spec for spec in CHECKS})
"""Our own checks by id; the catalogue of a run has those of its plugins, too."""


@hookimpl
def runbook_checks() -> Sequence[CheckSpec]:
    """Our own checks."""
    return CHECKS


def covers(selected: str, check_id: str) -> bool:
    """Whether a check has this id, or an id in this group: `memory` covers `memory.*`."""
    return check_id == selected or check_id.startswith(f"{selected}.")


def selects(wanted: str, check_id: str, catalogue: Container[str]) -> bool:
    """Whether `--select` means the check: an id means itself alone, else any beginning of an id.

    So `memory.evictions` is one check, and `memory.evic` is two.
    """
    if wanted in catalogue:
        return check_id == wanted
    return bool(wanted) and check_id.startswith(wanted)
