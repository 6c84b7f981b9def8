"""How much memory a server uses, may use and wastes; from INFO alone."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import Info, InfoReply, real, whole
from redis_runbook.verdict import CannotLook


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFacts:
    """Memory in bytes, as INFO reports it.

    `maxmemory_bytes` is 0 where the server has no limit of its own, `machine_bytes` (all that its
    machine has) where it does not tell. `waste_ratio` and
    `waste_bytes` are the allocator's external fragmentation (jemalloc), or what the process holds
    beyond its data where the allocator does not tell.
    """

    used_bytes: int
    maxmemory_bytes: int
    policy: str
    evicted_keys: int
    waste_ratio: float
    waste_bytes: int
    allocator: str
    machine_bytes: int = 0


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
        used_bytes=whole(info, "used_memory"),
        maxmemory_bytes=whole(info, "maxmemory"),
        policy=info["maxmemory_policy"],
        evicted_keys=whole(info, "evicted_keys"),
        waste_ratio=real(info, f"{source}_ratio", 1.0),
        waste_bytes=whole(info, f"{source}_bytes", signed=True),
        allocator=allocator,
        machine_bytes=whole(info, "total_system_memory"),
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
