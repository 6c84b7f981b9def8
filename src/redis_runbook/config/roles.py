"""The roles of a Redis, as data: checks and limits depend on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from redis_runbook.hookspecs import hookimpl


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSpec:
    """One role.

    `checks` are the ids of the checks that run for this role, but not for every service. `limits`
    replace the defaults of `Limits`, in the unit of their name. `latency_limit` is the name of the
    limit for sampled latency; `sustained` is the name of the limit for how long latency must be
    over it. `may_evict`: the server may evict keys. `keeps_data`: a restart must not lose data.
    `has_queues`: the server may have BullMQ queues.
    """

    name: str
    checks: frozenset[str] = frozenset()
    limits: Mapping[str, float] = field(default_factory=dict)
    latency_limit: Literal["round_trip_ms", "command_p95_ms"] = "round_trip_ms"
    sustained: Literal["queue_latency_for_s", "command_p95_for_s"] = "command_p95_for_s"
    may_evict: bool = True
    keeps_data: bool = False
    has_queues: bool = False


QUEUE: Final = RoleSpec(
    name="queue",
    checks=frozenset({"connectivity.pubsub", "memory.evictions"}),
    sustained="queue_latency_for_s",
    may_evict=False,
    keeps_data=True,
    has_queues=True,
)
CACHE: Final = RoleSpec(
    name="cache",
    checks=frozenset({"latency.command_p95"}),
    limits=MappingProxyType({"round_trip_ms": 50.0, "slowlog_ms": 50.0}),
    latency_limit="command_p95_ms",
)

Roles = Mapping[str, RoleSpec]
"""Roles by name."""

ROLES: Final[Roles] = MappingProxyType({role.name: role for role in (QUEUE, CACHE)})
"""Our own roles; a configuration has those of its plugins, too."""


@hookimpl
def runbook_roles() -> Sequence[RoleSpec]:
    """Our own roles."""
    return tuple(ROLES.values())
