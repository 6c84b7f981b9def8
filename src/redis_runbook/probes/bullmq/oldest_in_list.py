"""Adds to snapshots the jobs in the middle of a list that have waited longest, found by sampling.

A list that is pushed at one end only is in order of age, and its oldest job is read with its end.
LIFO jobs are pushed at the other end: then the oldest one is between the two kinds, and ages grow
towards it from both sides. So a few samples tell whether the list is in order, and a few rounds of
them, each closer to the oldest sample, find the oldest job.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from redis_runbook.probes.bullmq.ages import JOB_FIELDS, SKEW_MS, AddedAt, ready_since
from redis_runbook.probes.bullmq.snapshot import OLDEST, Snapshot
from redis_runbook.probes.replies import hash_values
from redis_runbook.wire.client import Client

_ROUNDS: Final = 6
_PER_ROUND: Final = 8
_SPREAD: Final = 4
"""The first samples are denser at the ends: each is so many times further from its end."""


@dataclass
class _Search:
    """One list that is sampled. An offset counts from the end that is next; `jobs` are by offset.

    `ages` has the samples whose hash says since when they are ready: that time, and then the job's
    number, as jobs that were added in bulk have the same time.
    """

    index: int
    state: str
    key: bytes
    length: int
    offsets: list[int]
    jobs: dict[int, bytes] = field(default_factory=dict)
    ages: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def oldest(self) -> int:
        """The offset of the oldest sample."""
        return min(self.ages, key=lambda offset: (self.ages[offset], offset), default=0)

    @property
    def in_order(self) -> bool:
        """Whether no sample is older than the one nearest to the end that is next.

        Clocks may differ a little. What has no sample with an age is not known to be in order.
        """
        nearest = min(self.ages, default=None)
        return nearest is not None and self.ages[self.oldest][0] >= self.ages[nearest][0] - SKEW_MS

    def narrow(self) -> None:
        """Choose the next samples: around the oldest one, up to its neighbours."""
        self.offsets = []
        if self.oldest == 0:
            return
        before = max((at for at in self.jobs if at < self.oldest), default=0)
        after = min((at for at in self.jobs if at > self.oldest), default=self.length - 1)
        places = (
            before + (after - before) * number // (_PER_ROUND + 1)
            for number in range(1, _PER_ROUND + 1)
        )
        self.offsets = [place for place in dict.fromkeys(places) if place not in self.jobs]


def add_oldest(client: Client, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Add the jobs that were sampled between the ends of a `wait` or `paused` without order.

    The oldest of the list is among them where ages grow towards it. A list that is not in order of
    age is marked as such, as it may hide an older job nevertheless: jobs may be moved by hand.
    """
    searches = [search for index, shot in enumerate(snapshots) for search in _searches(index, shot)]
    going = searches
    for _ in range(_ROUNDS):
        if not going:
            break
        _sample(client, going, snapshots)
        for search in going:
            search.narrow()
        going = [search for search in going if search.offsets]
    done = list(snapshots)
    for search in searches:
        if search.in_order:
            continue
        shot = done[search.index]
        found = ((search.state, search.jobs[offset]) for offset in search.ages)
        done[search.index] = replace(shot, middle=(*shot.middle, *found), in_order=False)
    return done


def _searches(index: int, shot: Snapshot) -> Iterable[_Search]:
    for state, length in (("wait", shot.counts.waiting), ("paused", shot.counts.paused)):
        if length and length > OLDEST + 2:
            key = shot.queue.key(state.encode())
            yield _Search(index, state, key, length, _first_offsets(length))


def _first_offsets(length: int) -> list[int]:
    """The end that is next, and places further and further from both ends."""
    distances = []
    distance = 2 * _SPREAD
    while distance < length // 2:
        distances.append(distance)
        distance *= _SPREAD
    mirrored = [length - 1 - distance for distance in distances]
    return list(dict.fromkeys((0, *distances, length // 2, *mirrored)))


def _sample(client: Client, searches: Sequence[_Search], snapshots: Sequence[Snapshot]) -> None:
    """Read the jobs at the offsets that are next, and since when they are ready."""
    places = [(search, offset) for search in searches for offset in search.offsets]
    jobs = client.ask_all(*(("LINDEX", search.key, -1 - offset) for search, offset in places))
    read = [
        (search, offset, job)
        for (search, offset), job in zip(places, jobs, strict=True)
        if isinstance(job, bytes)
    ]
    hashes: list[Any] = (
        client.ask_all(
            *(
                ("HMGET", snapshots[search.index].queue.key(job), *JOB_FIELDS)
                for search, _, job in read
            )
        )
        if read
        else []
    )
    for (search, offset, job), values in zip(read, hashes, strict=True):
        search.jobs[offset] = job
        now_ms = snapshots[search.index].now_ms
        since, _ = ready_since(
            job, hash_values(values, len(JOB_FIELDS)), AddedAt((), now_ms, counter=None), now_ms
        )
        if since is not None:
            search.ages[offset] = (since, int(job) if job.isdigit() else 0)
