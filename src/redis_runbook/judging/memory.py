"""How much memory a server may use: the least of all that is known to bound it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.memory import MemoryFacts

MAXMEMORY: Final = "maxmemory"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBound:
    """What bounds it, and all that could: `known` is in bytes, by what a sentence calls it."""

    source: str
    size_bytes: int
    known: Mapping[str, int]

    @property
    def why(self) -> str:
        """`, which is less than its maxmemory`, where that is not what bounds it; else nothing."""
        is_other = MAXMEMORY in self.known and self.source != MAXMEMORY
        return ", which is less than its maxmemory" if is_other else ""


def memory_bound(facts: MemoryFacts, configured_bytes: int | None) -> MemoryBound | None:
    """The least of maxmemory, the configured memory_limit and the machine's memory.

    None where neither of the first two is set: others use the machine, too, so that its memory
    alone promises nothing.
    """
    stated = {MAXMEMORY: facts.maxmemory_bytes, "the configured memory_limit": configured_bytes}
    machine = {"the machine's memory": facts.machine_bytes} if any(stated.values()) else {}
    known = {source: size for source, size in {**stated, **machine}.items() if size}
    if not known:
        return None
    source = min(known, key=known.__getitem__)
    return MemoryBound(source=source, size_bytes=known[source], known=known)
