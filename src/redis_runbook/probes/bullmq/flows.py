"""Adds to snapshots the flow parents that wait for a child that has failed for good.

A child that fails stays among its parent's `dependencies`, unless an option such as
`failParentOnFailure` or `ignoreDependencyOnFailure` says otherwise. Then the parent stays in
`waiting-children` until somebody retries or removes the child: no worker and no timeout ends it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.probes.replies import ask_permitted, hash_values, strings
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word

_PARENTS: Final = 20
_CHILDREN: Final = 32


@dataclass(frozen=True, slots=True)
class _Child:
    """One child that a parent of snapshot `index` waits for, by its key `<prefix>:<queue>:<id>`."""

    index: int
    parent: bytes
    key: bytes

    @property
    def failed(self) -> tuple[Word, ...]:
        """Asks whether the child has failed; its queue may be another one than its parent's."""
        queue, _, job = self.key.rpartition(b":")
        return ("ZSCORE", queue + b":failed", job)


def add_blocked_parents(client: Client, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Add the parents that wait for a failed child, of the few that have waited longest.

    Where there are more parents than are read, a blocked one gets among those that have waited
    longest in time, as the others end. A child is asked for again after it was seen to have failed,
    as it may have been retried.
    """
    flows = [index for index, shot in enumerate(snapshots) if shot.counts.waiting_children]
    try:
        children = [*_children(client, snapshots, flows)]
        failed = _where(client, children, [child.failed for child in children])
        still = [
            ("SISMEMBER", _dependencies(snapshots, child.index, child.parent), child.key)
            for child in failed
        ]
        blocked = _where(client, failed, still)
    except CannotLook:
        unknown = {index: replace(snapshots[index], blocked_parents=None) for index in flows}
        return [unknown.get(index, shot) for index, shot in enumerate(snapshots)]
    done = list(snapshots)
    for index in flows:
        parents = dict.fromkeys(child.parent for child in blocked if child.index == index)
        done[index] = replace(done[index], blocked_parents=tuple(parents))
    return done


def _children(
    client: Client, snapshots: Sequence[Snapshot], flows: Sequence[int]
) -> Iterator[_Child]:
    """Some children of the parents that have waited longest."""
    keys = [snapshots[index].queue.key(b"waiting-children") for index in flows]
    oldest = ask_permitted(client, [("ZRANGE", key, 0, _PARENTS - 1) for key in keys])
    parents = [
        (index, parent)
        for index, reply in zip(flows, oldest, strict=True)
        for parent in strings(reply)
    ]
    replies = ask_permitted(
        client,
        [
            ("SSCAN", _dependencies(snapshots, index, parent), 0, "COUNT", _CHILDREN)
            for index, parent in parents
        ],
    )
    for (index, parent), reply in zip(parents, replies, strict=True):
        _, found = hash_values(reply, 2)
        for key in strings(found)[:_CHILDREN]:
            yield _Child(index, parent, key)


def _dependencies(snapshots: Sequence[Snapshot], index: int, parent: bytes) -> bytes:
    return snapshots[index].queue.key(parent, b"dependencies")


def _where(
    client: Client, children: Sequence[_Child], questions: Sequence[tuple[Word, ...]]
) -> list[_Child]:
    """The children whose question is answered by a score or by 1."""
    replies = ask_permitted(client, questions)
    return [
        child
        for child, reply in zip(children, replies, strict=True)
        if reply == 1 or isinstance(reply, bytes)
    ]
