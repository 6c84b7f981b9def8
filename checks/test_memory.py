"""Is there memory left, and is the data in it safe? Runbook: 2. Monitoring & Alerts."""

from redis_runbook.check import Details, Judge, check, percent
from redis_runbook.config.service import Service
from redis_runbook.judging.memory import memory_bound
from redis_runbook.probes.memory import MemoryFacts
from redis_runbook.words import counted

_MIB = 1024 * 1024
_SAFE = "noeviction"
_POLICIES = (_SAFE, "allkeys-", "volatile-")


@check("memory.used_ratio")
def test_used_ratio(
    service: Service, memory: MemoryFacts, container_limit_bytes: int, judge: Judge
) -> None:
    """Used memory is under memory_ratio (80 %) of what the server may use.

    Passes when used_memory is under that part of all that is known: of maxmemory, the configured
        memory_limit and the machine's memory; and resident memory under that of its container's.
    Fails when it is not; where none but the machine's is set, nothing is known.
    Why: at the limit a queue refuses new jobs, and a cache drops what it should keep.
    Next: 1. Find what grew: `INFO memory`, and `redis-cli --bigkeys` off-peak.
        2. In a cache adjust TTLs, in a queue job retention (`removeOnComplete`, `removeOnFail`).
        3. Raise maxmemory together with the container's limit.
    """
    if not memory.used_bytes:
        judge.unknown(f"INFO of {service.name} says that it uses no memory, as no server does")
    bound = memory_bound(memory, service.settings.memory_limit, container_limit_bytes)
    if bound is None:
        judge.unknown(
            f"maxmemory is 0 on {service.name}, so nothing says how much it may use: set maxmemory "
            f"on the server, or memory_limit under [services.{service.name}]"
        )
    limit = service.limits.memory_ratio
    if bound.ratio < limit and container_limit_bytes and memory.rss_bytes is None:
        judge.unknown(
            f"INFO of {service.name} does not report resident memory, which is what its "
            "container's limit bounds"
        )
    judge.passes_if(
        bound.ratio < limit,
        f"used {percent(bound.ratio, 1)} of {bound.source} (limit {percent(limit)}) on "
        f"{service.name}{bound.why}",
        observed=bound.ratio,
        limit=limit,
        evidence={
            "used": f"{bound.used_bytes / _MIB:.1f} MiB",
            **{source: f"{size / _MIB:.1f} MiB" for source, size in bound.known.items()},
            "policy": memory.policy,
        },
    )


@check("memory.eviction_policy")
def test_eviction_policy(service: Service, memory: MemoryFacts, judge: Judge) -> None:
    """The eviction policy fits what the service is for.

    Passes when a queue has `noeviction`, which BullMQ needs, and a cache evicts or has no
        `maxmemory`.
    Fails when a queue may evict (jobs would vanish); a full cache that may not is a warning.
    Why: a queue that may evict keys loses jobs; a cache that may not refuses writes when full.
    Next: `CONFIG SET maxmemory-policy noeviction` on a queue, `allkeys-lru` on a cache, and the
        same in its configuration file.
    """
    found = f"maxmemory-policy is {memory.policy} on {service.name}"
    if not memory.policy.startswith(_POLICIES):
        judge.unknown(f"{found}, which is none of Redis")
    wanted = "allkeys-lru" if service.role_spec.may_evict else _SAFE
    step = f"`CONFIG SET maxmemory-policy {wanted}`, and the same in the configuration file"
    steps: Details = {"next_steps": [step], "only_these_steps": True}
    if not service.role_spec.may_evict and memory.policy != _SAFE:
        judge.fails(f"{found} (a BullMQ queue needs {_SAFE})", **steps)
    if not service.role_spec.may_evict:
        judge.passes(f"{found} (a BullMQ queue needs {_SAFE})")
    if memory.policy == _SAFE and memory.maxmemory_bytes:
        judge.advise(f"{found}: a full cache will refuse writes instead of evicting", **steps)
    judge.passes(f"{found} (a {service.role})")


@check("memory.evictions")
def test_evictions(service: Service, memory: MemoryFacts, judge: Judge) -> None:
    """No key was evicted from a queue: an evicted key is a lost job.

    Passes when evicted_keys is 0.
    Fails when it is not, since the server started or its statistics were reset.
    Why: what was evicted from a queue is gone: the job is neither done nor failed.
    Next: set `maxmemory-policy noeviction`, look for jobs that vanished, and clear the count
        with `CONFIG RESETSTAT` once they are dealt with.
    """
    judge.passes_if(
        memory.evicted_keys == 0,
        counted(memory.evicted_keys, "key was", "keys were") + f" evicted from {service.name}",
        observed=memory.evicted_keys,
        limit=0,
    )


@check("memory.fragmentation")
def test_fragmentation(service: Service, memory: MemoryFacts, judge: Judge) -> None:
    """The allocator wastes little: in ratio or in bytes.

    Passes when waste is under fragmentation_ratio or under fragmentation_bytes; one alone is
        normal on a small server.
    Fails when both are over.
    Why: memory that the allocator wastes can end in an OOM kill below maxmemory.
    Next: `CONFIG SET activedefrag yes` where the allocator is jemalloc, or restart the service
        in a quiet hour.
    """
    limits = service.limits
    if memory.waste_ratio is None or memory.waste_bytes is None:
        judge.unknown(f"INFO of {service.name} does not report fragmentation")
    judge.passes_if(
        memory.waste_ratio < limits.fragmentation_ratio
        or memory.waste_bytes < limits.fragmentation_bytes,
        f"fragmentation on {service.name} is {memory.waste_ratio:.2f}, "
        f"{memory.waste_bytes / _MIB:.1f} MiB (limits {limits.fragmentation_ratio:g} and "
        f"{limits.fragmentation_bytes / _MIB:.0f} MiB, both)",
        observed=memory.waste_ratio,
        limit=limits.fragmentation_ratio,
        evidence={"allocator": memory.allocator},
    )
