"""Adds the oldest job of each priority to snapshots: the oldest of all may have any priority."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from redis_runbook.probes.bullmq.priority_set import PrioritySet
from redis_runbook.probes.bullmq.replies import Command, integer, scored, strings
from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.wire.client import Client

_STEPS: Final = 31
_SAMPLES: Final = 16
"""Where there are more priorities than steps, the set is sampled at so many further places."""


def add_first_of_each(client: Client, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Add the first job of each priority, and say where there were more than could be read.

    A step needs the result of the step before. It takes one round trip for all queues that have a
    further priority.
    """
    indexes = [index for index, shot in enumerate(snapshots) if shot.priorities]
    sets = [snapshots[index].priorities for index in indexes]
    walked = _walked(client, [found for found in sets if found])
    firsts = _first_jobs(client, walked)
    done = list(snapshots)
    for index, (found, complete), jobs in zip(indexes, walked, firsts, strict=True):
        done[index] = replace(
            snapshots[index],
            middle=(*snapshots[index].middle, *((found.state, job) for job in jobs)),
            in_order=snapshots[index].in_order and complete,
        )
    return done


def _walked(client: Client, sets: Sequence[PrioritySet]) -> list[tuple[PrioritySet, bool]]:
    """Each set with the priorities in it, and whether these are all."""
    found = {index: [one.first] for index, one in enumerate(sets)}
    for _ in range(_STEPS):
        going = [index for index in found if found[index][-1] < sets[index].last]
        if not going:
            break
        replies = client.ask_all(*(sets[index].next_after(found[index][-1]) for index in going))
        for index, reply in zip(going, replies, strict=True):
            found[index].append(sets[index].priority_in(reply, default=sets[index].last))
    cut = [index for index in found if found[index][-1] < sets[index].last]
    samples: list[Command] = [
        ("ZRANGE", sets[index].key, rank, rank, "WITHSCORES")
        for index in cut
        for rank in _ranks(sets[index].size)
    ]
    replies = client.ask_all(*samples) if samples else []
    for position, index in enumerate(cut):
        some = replies[position * _SAMPLES : (position + 1) * _SAMPLES]
        last = sets[index].last
        found[index] += [*(sets[index].priority_in(reply, default=last) for reply in some), last]
    return [
        (replace(one, found=tuple(dict.fromkeys(found[index]))), index not in cut)
        for index, one in enumerate(sets)
    ]


def _ranks(size: int) -> list[int]:
    return [size * number // (_SAMPLES + 1) for number in range(1, _SAMPLES + 1)]


def _first_jobs(client: Client, walked: Sequence[tuple[PrioritySet, bool]]) -> list[list[bytes]]:
    """The first job of each priority that was found, by set.

    BullMQ's score orders the jobs of one priority. Bull's does not, but the end of its list that is
    next has the same order as the set: how many jobs have a smaller priority number is where the
    first one of a priority stands. The jobs without a priority come last.
    """
    commands = [one.first_of(priority) for one, _ in walked for priority in one.found]
    replies = iter(client.ask_all(*commands) if commands else [])
    by_set = [(one, [next(replies) for _ in one.found]) for one, _ in walked]
    places: list[Command] = [
        ("LINDEX", one.list_key, -1 - (integer(before) or 0))
        for one, counts in by_set
        if one.list_key
        for before in (*counts, one.size)
    ]
    jobs = iter(client.ask_all(*places) if places else [])
    return [
        strings([next(jobs) for _ in range(len(answers) + 1)])
        if one.list_key
        else [job for answer in answers for job, _ in scored(answer)]
        for one, answers in by_set
    ]
