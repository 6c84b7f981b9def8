"""Memory that is used up, or set wrong."""

import contextlib
from collections.abc import Iterator

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Service, Stand


@contextlib.contextmanager
def _used(service: Service, ratio: float) -> Iterator[None]:
    """So much of maxmemory is used."""
    client = service.client()
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / ratio))
    yield
    client.config_set("maxmemory", before or 0)


@fault("the queue uses 85 % of its memory", "memory.used_ratio[queue]")
@contextlib.contextmanager
def memory_85(stand: Stand) -> Iterator[None]:
    """By a lower maxmemory."""
    with _used(stand.queue, 0.85):
        yield


@fault("the queue's memory is full", "memory.used_ratio[queue]", "connectivity.writable[queue]")
@contextlib.contextmanager
def out_of_memory(stand: Stand) -> Iterator[None]:
    """By a lower maxmemory."""
    with _used(stand.queue, 1.2):
        yield


@fault("the queue may evict jobs", "memory.eviction_policy[queue]")
@contextlib.contextmanager
def evicting_queue(stand: Stand) -> Iterator[None]:
    """By its policy."""
    client = stand.queue.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    yield
    client.config_set("maxmemory-policy", "noeviction")


@fault("nothing limits the cache's memory", "memory.used_ratio[cache]")
@contextlib.contextmanager
def maxmemory_0(stand: Stand) -> Iterator[None]:
    """By maxmemory 0."""
    client = stand.cache.client()
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 0)
    yield
    client.config_set("maxmemory", before or 0)
