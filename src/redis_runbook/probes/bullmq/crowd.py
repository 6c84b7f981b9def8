"""Looks at what is between the ends of long lists: active jobs and schedulers, by the hundred.

Each active job should have a lock, and each scheduler a scheduled job. One EXISTS tells how many of
a hundred have it, so only a hundred of which some lack it are read one by one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from redis_runbook.probes.bullmq.replies import ask_in_transactions, scored, strings
from redis_runbook.probes.bullmq.snapshot import Command, Snapshot
from redis_runbook.wire.client import Client

_CHUNK: Final = 100
_CHUNKS: Final = 10
_SUSPECTS: Final = 100
"""How many more members of a queue are read one by one."""

Member = tuple[bytes, int]
"""An active job's id and 0, or a scheduler's id and its next run."""


def look_at_the_rest(client: Client, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Add the active jobs and the schedulers between the ends that may lack what they need."""
    done = list(snapshots)
    crowded = [
        index for index, shot in enumerate(done) if (shot.counts.active or 0) > shot.active_seen
    ]
    looked = _look(
        client,
        [done[index] for index in crowded],
        commands=lambda shot: [
            ("LRANGE", shot.queue.key(b"active"), first, first + _CHUNK - 1)
            for first in _starts(shot.counts.active)
        ],
        members=lambda reply: [(job, 0) for job in strings(reply)],
        needed=lambda shot, job, _: shot.queue.key(job, b"lock"),
        known=lambda shot: [(job, 0) for job in shot.active],
    )
    for index, (more, seen, whole) in zip(crowded, looked, strict=True):
        shot = done[index]
        done[index] = replace(
            shot,
            more_active=tuple(job for job, _ in more),
            active_seen=max(seen, shot.counts.active or 0) if whole else seen,
        )
    crowded = [
        index
        for index, shot in enumerate(done)
        if (shot.schedulers_total or 0) > shot.schedulers_seen
    ]
    looked = _look(
        client,
        [done[index] for index in crowded],
        commands=lambda shot: [
            ("ZRANGE", shot.queue.key(b"repeat"), first, first + _CHUNK - 1, "WITHSCORES")
            for first in _starts(shot.schedulers_total)
        ],
        members=lambda reply: [(scheduler, int(run)) for scheduler, run in scored(reply)],
        needed=lambda shot, scheduler, run: shot.queue.key(b"repeat", scheduler, b"%d" % run),
        known=lambda shot: list(shot.schedulers),
    )
    for index, (more, seen, whole) in zip(crowded, looked, strict=True):
        shot = done[index]
        done[index] = replace(
            shot,
            more_schedulers=tuple(more),
            schedulers_seen=max(seen, shot.schedulers_total or 0) if whole else seen,
        )
    return done


def _starts(total: int | None) -> range:
    chunks = min(_CHUNKS, (total or 0) // _CHUNK + 1)
    return range(0, chunks * _CHUNK, _CHUNK)


def _look(
    client: Client,
    snapshots: Sequence[Snapshot],
    *,
    commands: Callable[[Snapshot], list[Command]],
    members: Callable[[Any], list[Member]],
    needed: Callable[[Snapshot, bytes, int], bytes],
    known: Callable[[Snapshot], list[Member]],
) -> list[tuple[list[Member], int, bool]]:
    """By queue: the suspects, how many members were looked at, and whether these are all.

    The list is read in one transaction: nothing moves from one hundred to the next meanwhile.
    """
    if not snapshots:
        return []
    replies = ask_in_transactions(client, [commands(shot) for shot in snapshots])
    chunks = [[members(reply) for reply in answers] for answers in replies]
    counts = iter(
        client.ask_all(
            *(
                ("EXISTS", *(needed(shot, *member) for member in chunk))
                for shot, parts in zip(snapshots, chunks, strict=True)
                for chunk in parts
                if chunk
            )
        )
    )
    looked = []
    for shot, parts in zip(snapshots, chunks, strict=True):
        seen, suspects = set(known(shot)), []
        for chunk in parts:
            fewer = bool(chunk) and next(counts) != len(chunk)
            new = [member for member in chunk if member not in seen]
            if fewer:
                new = new[: _SUSPECTS - len(suspects)]
                suspects += new
            seen.update(new)
        whole = len(parts[-1]) < _CHUNK and all(member in seen for part in parts for member in part)
        looked.append((suspects, len(seen), whole))
    return looked
