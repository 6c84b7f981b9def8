"""Adds the oldest job of each priority to snapshots: the oldest of all may have any priority."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from redis_runbook.probes.bullmq.priority_set import PrioritySet
from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.probes.replies import Command, integer, scored, strings
from redis_runbook.wire.client import Client

_MAX_STEPS: Final = 31
_SAMPLES: Final = 16
"""Where there are more priorities than steps, the set is sampled at so many places."""


def add_first_of_each(client: Client, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Add the first job of each priority, and say where there were more than could be read."""
    sets = {index: shot.priorities for index, shot in enumerate(snapshots) if shot.priorities}
    read = _read_priorities(client, list(sets.values()))
    done = list(snapshots)
    for index, levels, jobs in zip(sets, read, _first_jobs(client, read), strict=True):
        shot = done[index]
        done[index] = replace(
            shot,
            middle=(*shot.middle, *((levels.state, job) for job in jobs)),
            in_order=shot.in_order and levels.read_all,
        )
    return done


def _read_priorities(client: Client, sets: Sequence[PrioritySet]) -> list[PrioritySet]:
    """Fill in the priority numbers of each set, from the smallest one upwards.

    Each step needs the result of the step before. It takes one round trip for all queues that have
    a further priority. The largest number is always among them: there jobs starve.
    """
    found = [[levels.first] for levels in sets]
    for _ in range(_MAX_STEPS):
        unfinished = [index for index, levels in enumerate(sets) if found[index][-1] < levels.last]
        if not unfinished:
            break
        replies = client.ask_all(
            *(sets[index].next_after(found[index][-1]) for index in unfinished)
        )
        for index, reply in zip(unfinished, replies, strict=True):
            found[index].append(sets[index].priority_in(reply, default=sets[index].last))
    cut = [index for index, levels in enumerate(sets) if found[index][-1] < levels.last]
    places = [(index, rank) for index in cut for rank in _ranks(sets[index].size)]
    if places:
        replies = client.ask_all(
            *(("ZRANGE", sets[index].key, rank, rank, "WITHSCORES") for index, rank in places)
        )
        for (index, _), reply in zip(places, replies, strict=True):
            found[index].append(sets[index].priority_in(reply, default=sets[index].last))
    return [
        replace(
            levels,
            read=tuple(dict.fromkeys((*found[index], levels.last))),
            read_all=index not in cut,
        )
        for index, levels in enumerate(sets)
    ]


def _ranks(size: int) -> list[int]:
    return [size * number // (_SAMPLES + 1) for number in range(1, _SAMPLES + 1)]


def _first_jobs(client: Client, sets: Sequence[PrioritySet]) -> list[list[bytes]]:
    """The first job of each priority that was read, by set.

    BullMQ's score orders the jobs of one priority. Bull's does not, but its list has the same order
    as the set, from the end that is next: as many jobs have a smaller priority number, so far in is
    the first job of a priority. The jobs without a priority come last.
    """
    commands = [levels.first_of(priority) for levels in sets for priority in levels.read]
    replies = iter(client.ask_all(*commands) if commands else [])
    by_set = [(levels, [next(replies) for _ in levels.read]) for levels in sets]
    places: list[Command] = [
        ("LINDEX", levels.list_key, -1 - (integer(before) or 0))
        for levels, answers in by_set
        if levels.list_key
        for before in (*answers, levels.size)
    ]
    jobs = iter(client.ask_all(*places) if places else [])
    return [
        strings([next(jobs) for _ in range(len(answers) + 1)])
        if levels.list_key
        else [job for answer in answers for job, _ in scored(answer)]
        for levels, answers in by_set
    ]
