"""Memory that is used up, or set wrong."""

import contextlib
from collections.abc import Iterator

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Stand
from redis_runbook.drills.stand_server import StandServer


@contextlib.contextmanager
def _used(service: StandServer, ratio: float) -> Iterator[None]:
    """So much of maxmemory is used."""
    used_bytes = int(service.client().info("memory")["used_memory"])
    with service.setting("maxmemory", int(used_bytes / ratio)):
        yield


@fault("the queue uses 85 % of its memory", "memory.used_ratio[queue]")
def memory_85(stand: Stand) -> Iterator[None]:
    """By a lower maxmemory."""
    with _used(stand.queue, 0.85):
        yield


@fault("the queue's memory is full", "memory.used_ratio[queue]", "connectivity.writable[queue]")
def out_of_memory(stand: Stand) -> Iterator[None]:
    """By a lower maxmemory."""
    with _used(stand.queue, 1.2):
        yield


@fault("the queue may evict jobs", "memory.eviction_policy[queue]")
def evicting_queue(stand: Stand) -> Iterator[None]:
    """By its policy."""
    with stand.queue.setting("maxmemory-policy", "allkeys-lru"):
        yield


@fault(
    "nothing limits the cache's memory",
    "memory.used_ratio[cache]",
    in_container=("incident.endpoints[cache]",),
)
def maxmemory_0(stand: Stand) -> Iterator[None]:
    """By maxmemory 0; in a container it may use what that may, which then ends it."""
    with stand.cache.setting("maxmemory", 0):
        yield
