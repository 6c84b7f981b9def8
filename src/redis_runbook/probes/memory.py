"""Used memory, its limit and its fragmentation, from INFO alone."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import Info, InfoReply, finite_number, integer, word
from redis_runbook.redact import Shown, printable
from redis_runbook.verdict import CannotLook

_EVICTING: Final = ("lru", "lfu", "lrm", "random")
_POLICIES: Final = frozenset(
    {
        "noeviction",
        "volatile-ttl",
        *(f"{keys}-{how}" for keys in ("allkeys", "volatile") for how in _EVICTING),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFacts:
    """Memory in bytes, as INFO reports it.

    `maxmemory_bytes` is 0 if the server has no limit, `machine_bytes`, the memory of its machine,
    if it does not report that; `rss_bytes` is what its process holds, None if it does not report
    that. `waste_ratio` and `waste_bytes` are the allocator's external fragmentation (jemalloc), or
    where that is not reported, what the process holds beyond its data; None without either.
    """

    used_bytes: int
    maxmemory_bytes: int
    policy: Shown
    evicted_keys: int
    waste_ratio: float | None
    waste_bytes: int | None
    allocator: Shown
    machine_bytes: int = 0
    rss_bytes: int | None = 0


def memory_facts(info: Info) -> MemoryFacts:
    """Read the memory fields of INFO.

    Raises:
        CannotLook: a field that every server reports is missing.
    """
    missing = {"used_memory", "maxmemory", "maxmemory_policy", "evicted_keys"} - set(info)
    if missing:
        raise CannotLook(f"INFO does not report {', '.join(sorted(missing))}")
    allocator = info.get("mem_allocator", "")
    sources = ("allocator_frag", "mem_fragmentation")
    wastes = [
        (finite_number(info, ratio, 0.0), integer(info, size, signed=True))
        for source in (sources if allocator.startswith("jemalloc") else sources[1:])
        if {ratio := f"{source}_ratio", size := f"{source}_bytes"} <= set(info)
    ]
    # No allocator has a ratio of 0: it says that it was not measured.
    ratio_and_bytes = next((waste for waste in wastes if waste[0] > 0), (None, None))
    return MemoryFacts(
        used_bytes=integer(info, "used_memory"),
        maxmemory_bytes=integer(info, "maxmemory"),
        policy=word(info["maxmemory_policy"], _POLICIES),
        evicted_keys=integer(info, "evicted_keys"),
        waste_ratio=ratio_and_bytes[0],
        waste_bytes=ratio_and_bytes[1],
        allocator=printable(allocator, 40),
        machine_bytes=integer(info, "total_system_memory"),
        rss_bytes=integer(info, "used_memory_rss") or None,
    )


PROBES: Final = (
    Probe(
        name="memory",
        facts=MemoryFacts,
        look=lambda look: memory_facts(look.facts(InfoReply).fields),
        needs=(InfoReply,),
        wanted_by=("memory",),
    ),
)
