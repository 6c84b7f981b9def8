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
    if it does not report that; `rss_bytes` is what its process holds. `waste_ratio` and
    `waste_bytes` are the allocator's external fragmentation (jemalloc), or for other allocators,
    which do not report it, what the process holds beyond its data.
    """

    used_bytes: int
    maxmemory_bytes: int
    policy: Shown
    evicted_keys: int
    waste_ratio: float
    waste_bytes: int
    allocator: Shown
    machine_bytes: int = 0
    rss_bytes: int = 0


def memory_facts(info: Info) -> MemoryFacts:
    """Read the memory fields of INFO.

    Raises:
        CannotLook: a field that every server reports is missing.
    """
    missing = {"used_memory", "maxmemory", "maxmemory_policy", "evicted_keys"} - set(info)
    if missing:
        raise CannotLook(f"INFO does not report {', '.join(sorted(missing))}")
    allocator = info.get("mem_allocator", "")
    source = "allocator_frag" if allocator.startswith("jemalloc") else "mem_fragmentation"
    return MemoryFacts(
        used_bytes=integer(info, "used_memory"),
        maxmemory_bytes=integer(info, "maxmemory"),
        policy=word(info["maxmemory_policy"], _POLICIES),
        evicted_keys=integer(info, "evicted_keys"),
        waste_ratio=finite_number(info, f"{source}_ratio", 1.0),
        waste_bytes=integer(info, f"{source}_bytes", signed=True),
        allocator=printable(allocator, 40),
        machine_bytes=integer(info, "total_system_memory"),
        rss_bytes=integer(info, "used_memory_rss"),
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
