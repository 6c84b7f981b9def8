"""The sorted set that orders a queue's jobs by priority: BullMQ's, or an older version's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.replies import Command, scored

_SCORE_PER_PRIORITY: Final = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PrioritySet:
    """From BullMQ 4 on, `prioritized` holds the jobs, by priority and then by a counter.

    In Bull, and in BullMQ up to 3, `priority` only tells the jobs' priorities. The jobs themselves
    are in the list `list_key`, where they come before all others and in the set's order.

    `first` and `last` are the smallest and the largest priority number, `read` those that were
    read, and `read_all` says whether these are all.
    """

    key: bytes
    state: str
    list_key: bytes | None
    size: int
    first: int
    last: int
    read: tuple[int, ...] = ()
    read_all: bool = True

    @property
    def _width(self) -> int:
        return 1 if self.list_key else _SCORE_PER_PRIORITY

    def next_after(self, priority: int) -> Command:
        """The command for a job of the next priority number."""
        low = (priority + 1) * self._width
        return ("ZRANGEBYSCORE", self.key, low, "+inf", "WITHSCORES", "LIMIT", 0, 1)

    def first_of(self, priority: int) -> Command:
        """The command for the first job of a priority, or for its place in the list."""
        if self.list_key:
            return ("ZCOUNT", self.key, "-inf", f"({priority}")
        return self.next_after(priority - 1)

    def priority_in(self, reply: Any, default: int) -> int:
        """The priority number in a reply with a job and its score."""
        found = scored(reply)
        return int(found[0][1] // self._width) if found else default


def priority_set(
    queue: Queue, replies: Mapping[str, Any], *, size: Mapping[str, int | None], paused: bool
) -> PrioritySet | None:
    """The set that a queue uses; None if no job of it has a priority."""
    waits_in = "paused" if paused else "wait"
    for name in ("prioritized", "priority"):
        first, last = scored(replies[f"first {name}"]), scored(replies[f"last {name}"])
        if not (first and last):
            continue
        is_old = name == "priority"
        found = PrioritySet(
            key=queue.key(name.encode()),
            state=waits_in if is_old else name,
            list_key=queue.key(waits_in.encode()) if is_old else None,
            size=size[name] or 0,
            first=0,
            last=0,
        )
        return replace(
            found,
            first=found.priority_in(replies[f"first {name}"], 0),
            last=found.priority_in(replies[f"last {name}"], 0),
        )
    return None
