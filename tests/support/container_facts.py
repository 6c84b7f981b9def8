"""Facts about containers, of things that are well."""

from dataclasses import replace
from typing import Any

from redis_runbook.probes.containers.facts import (
    ContainerState,
    EntryFacts,
    GivenUrl,
    LogFacts,
    ReconnectFacts,
    WorkerLog,
)
from redis_runbook.redact import Shown

NOW = 1_000_000.0
MIB = 1 << 20
STATE = ContainerState(
    name=Shown("redis-1"),
    status=Shown("running"),
    exit_code=0,
    started_at=NOW - 90,
    names=[Shown("redis-1"), Shown("redis-queue")],
    ports={6379: [16379]},
    log=LogFacts(lines=12),
)
LOGGED = WorkerLog(name=Shown("worker-1"), started_at=NOW - 5_000, line_at=NOW - 86.6)


def entry(*, log: dict[str, Any] | None = None, kind: str = "redis", **changes: Any) -> EntryFacts:
    """One container with these changes, and a healthy one."""
    first = replace(STATE, **changes, log=replace(STATE.log, **(log or {})))
    return EntryFacts(kind=kind, looked_at=NOW, states=[first, replace(STATE, name=Shown("twin"))])


def told(host: str, port: int = 6379, database: int = 0, **changes: Any) -> EntryFacts:
    """An application with that address in its environment."""
    url = GivenUrl(
        given_by="REDIS_QUEUE_URL of api-1",
        host=Shown(host),
        port=port,
        database=database,
        **changes,
    )
    return EntryFacts(kind="app", looked_at=NOW, states=[STATE], urls=[url])


def reconnects(uptime_s: float = 90) -> ReconnectFacts:
    return ReconnectFacts(looked_at=NOW, started_at=NOW - uptime_s, by_name={})
