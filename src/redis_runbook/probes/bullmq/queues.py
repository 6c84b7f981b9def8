"""The BullMQ queues of one service, read twice, with who works on them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.bullmq.clients import Sighting, sight_workers
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import WorkerFacts, workers_of
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.wire.client import Client

READS_APART_S: Final = 2.0
"""A job that just finished has no lock for a moment: two reads so far apart tell it from one that
nobody works on."""
_MARGIN_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedQueue:
    """One queue at the beginning and at the end of the observation, and its workers."""

    first: QueueFacts
    last: QueueFacts
    workers: WorkerFacts

    @property
    def deleted(self) -> bool:
        """Whether it has no key any more, although it was found a moment ago."""
        return not self.last.exists


@dataclass(frozen=True, slots=True)
class QueuesFacts:
    """The queues that exist, by name as it is shown."""

    by_name: Mapping[str, ObservedQueue]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLook:
    """What the second look is compared with."""

    queues: Mapping[Queue, QueueFacts]
    workers: Sighting


def look_at_queues(look: Look) -> QueuesFacts:
    """Read the queues twice, at least 2 s apart; in between, latency is measured undisturbed.

    Raises:
        CannotLook: the user may not read the queues.
        redis.exceptions.RedisError: the connection failed.
    """
    discovery = look.facts(Discovery)
    first = look_first(look.client, discovery)
    again_at = time.monotonic() + READS_APART_S + _MARGIN_S
    look.wait_until_measured()
    time.sleep(max(0.0, again_at - time.monotonic()))
    return look_again(
        look.client, discovery, first, window_s=look.service.limits.queue_latency_for_s
    )


def look_first(client: Client, discovery: Discovery) -> FirstLook:
    """Read every queue once, without its history: for what needs two readings to be sure.

    Raises:
        CannotLook: the user may not read the queues.
        redis.exceptions.RedisError: the connection failed.
    """
    return FirstLook(
        queues=observe_queues(client, discovery.queues, events=0),
        workers=sight_workers(client),
    )


def look_again(
    client: Client, discovery: Discovery, first: FirstLook, *, window_s: float
) -> QueuesFacts:
    """Read every queue with the pick-ups of the last `window_s`, and join the two readings.

    Raises as `look_first` does.
    """
    last = observe_queues(client, discovery.queues, window_s=window_s)
    sightings: Sequence[Sighting] = (first.workers, sight_workers(client))
    return QueuesFacts(
        {
            queue.title: ObservedQueue(
                first=first.queues[queue],
                last=facts,
                workers=workers_of(queue, facts, sightings),
            )
            for queue, facts in last.items()
        }
    )


PROBES: Final = (
    Probe(
        name="queues",
        facts=QueuesFacts,
        look=look_at_queues,
        needs=(Discovery,),
        wanted_by=("queue",),
        lane="queues",
        limit_s=10,
    ),
)
