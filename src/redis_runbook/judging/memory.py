"""How much of its memory a server uses: of all that is known to bound it, what is nearest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.memory import MemoryFacts

MAXMEMORY: Final = "maxmemory"
CONTAINER: Final = "its container's limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBound:
    """What bounds it, and all that could: `known` is in bytes, by what a sentence calls it.

    `used_bytes` is what counts against it: against a container's limit all resident memory.
    """

    source: str
    size_bytes: int
    used_bytes: int
    known: Mapping[str, int]

    @property
    def ratio(self) -> float:
        """Used memory, of the bound."""
        return self.used_bytes / self.size_bytes

    @property
    def why(self) -> str:
        """`, which is less than its maxmemory`, where that is why; else nothing."""
        is_less = self.size_bytes < self.known.get(MAXMEMORY, 0)
        return ", which is less than its maxmemory" if is_less else ""


def memory_bound(
    facts: MemoryFacts, configured_bytes: int | None, container_bytes: int = 0
) -> MemoryBound | None:
    """The nearest of maxmemory, its container's limit, the memory_limit and the machine's memory.

    None where none of the first three is set: others use the machine, too, so that its memory
    alone promises nothing.
    """
    stated = {
        MAXMEMORY: facts.maxmemory_bytes,
        CONTAINER: container_bytes,
        "the configured memory_limit": configured_bytes,
    }
    machine = {"the machine's memory": facts.machine_bytes} if any(stated.values()) else {}
    known = {source: size for source, size in {**stated, **machine}.items() if size}
    bounds = [
        MemoryBound(
            source=source,
            size_bytes=size,
            used_bytes=max(facts.used_bytes, facts.rss_bytes or 0)
            if source == CONTAINER
            else facts.used_bytes,
            known=known,
        )
        for source, size in known.items()
    ]
    return max(bounds, key=lambda bound: bound.ratio, default=None)
