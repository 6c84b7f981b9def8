"""Looks at what is between the ends of long lists: active jobs and schedulers, by the hundred.

Each active job should have a lock, and each scheduler a scheduled job. One EXISTS tells how many of
a hundred have it, so only a hundred of which some lack it are read one by one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.probes.replies import Command, ask_in_transactions, scored, strings
from redis_runbook.wire.client import Client

_CHUNK: Final = 100
_MAX_CHUNKS: Final = 10
_MAX_SUSPECTS: Final = 100
"""How many more members of a queue are read one by one."""

Member = tuple[bytes, int]
"""An active job's id and 0, or a scheduler's id and its next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What is looked at: how many there are, which are read already, and how to read the others.

    `needs` is the key that a member should have.
    """

    total: Callable[[Snapshot], int | None]
    listed: Callable[[Snapshot], Sequence[Member]]
    command: Callable[[Snapshot, int, int], Command]
    members: Callable[[Any], list[Member]]
    needs: Callable[[Snapshot, Member], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """The members that are to be read one by one, and how many were looked at in all."""

    suspects: Sequence[Member]
    seen: int


_ACTIVE: Final = _Kind(
    total=lambda shot: shot.counts.active,
    listed=lambda shot: [(job, 0) for job in shot.active],
    command=lambda shot, first, last: ("LRANGE", shot.queue.key(b"active"), first, last),
    members=lambda reply: [(job, 0) for job in strings(reply)],
    needs=lambda shot, member: shot.queue.key(member[0], b"lock"),
)
_SCHEDULERS: Final = _Kind(
    total=lambda shot: shot.schedulers_total,
    listed=lambda shot: shot.schedulers,
    command=lambda shot, first, last: (
        *("ZRANGE", shot.queue.key(b"repeat"), first, last),
        "WITHSCORES",
    ),
    members=lambda reply: [(scheduler, int(run)) for scheduler, run in scored(reply)],
    needs=lambda shot, member: shot.queue.key(b"repeat", member[0], b"%d" % member[1]),
)


def look_between_the_ends(client: Client, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Add the active jobs and the schedulers between the ends that may lack what they need."""
    active = _look(client, _ACTIVE, snapshots)
    schedulers = _look(client, _SCHEDULERS, snapshots)
    done = list(snapshots)
    for index, looked in active.items():
        jobs = tuple(job for job, _ in looked.suspects)
        done[index] = replace(done[index], more_active=jobs, active_seen=looked.seen)
    for index, looked in schedulers.items():
        done[index] = replace(
            done[index], more_schedulers=tuple(looked.suspects), schedulers_seen=looked.seen
        )
    return done


def _look(client: Client, kind: _Kind, snapshots: Sequence[Snapshot]) -> dict[int, _Looked]:
    """What was looked at, by the index of each snapshot that has more than its ends.

    A list is read in one transaction, so that nothing moves from one hundred to the next.
    """
    crowded = {
        index: shot
        for index, shot in enumerate(snapshots)
        if (kind.total(shot) or 0) > len(kind.listed(shot))
    }
    if not crowded:
        return {}
    replies = ask_in_transactions(client, [_commands(kind, shot) for shot in crowded.values()])
    chunks = [[kind.members(reply) for reply in answers] for answers in replies]
    asked = [
        _exists(kind, shot, chunk)
        for shot, parts in zip(crowded.values(), chunks, strict=True)
        for chunk in parts
    ]
    found = iter(client.ask_all(*asked))
    return {
        index: _looked(kind, shot, [(chunk, next(found)) for chunk in parts])
        for (index, shot), parts in zip(crowded.items(), chunks, strict=True)
    }


def _commands(kind: _Kind, shot: Snapshot) -> list[Command]:
    count = min(_MAX_CHUNKS, (kind.total(shot) or 0) // _CHUNK + 1)
    return [
        kind.command(shot, first, first + _CHUNK - 1) for first in range(0, count * _CHUNK, _CHUNK)
    ]


def _exists(kind: _Kind, shot: Snapshot, chunk: Sequence[Member]) -> Command:
    """The command that counts how many members of a chunk have what they need.

    EXISTS needs a key: of an empty chunk the ends are asked for, and the count is not used.
    """
    return ("EXISTS", *(kind.needs(shot, member) for member in chunk or kind.listed(shot)))


def _looked(kind: _Kind, shot: Snapshot, chunks: Sequence[tuple[list[Member], Any]]) -> _Looked:
    """Each chunk comes with how many of its members have the key that they need."""
    seen, suspects = set(kind.listed(shot)), list[Member]()
    for chunk, have in chunks:
        new = [member for member in chunk if member not in seen]
        if chunk and have != len(chunk):
            new = new[: _MAX_SUSPECTS - len(suspects)]
            suspects += new
        seen.update(new)
    last, _ = chunks[-1]
    if len(last) < _CHUNK and all(member in seen for chunk, _ in chunks for member in chunk):
        # The end was reached: what was counted and is not there has gone since.
        return _Looked(suspects=suspects, seen=max(len(seen), kind.total(shot) or 0))
    return _Looked(suspects=suspects, seen=len(seen))
