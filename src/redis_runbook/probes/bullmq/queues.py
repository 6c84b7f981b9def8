"""The BullMQ queues of one service and their workers, read twice."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.bullmq.clients import ClientList, list_clients
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import WorkerFacts, misses_a_fetcher, workers_of
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.wire.client import Client

READS_APART_S: Final = 2.0
"""The least time between two reads. A job that just finished has no lock for a moment; a job that
has none in both reads is stalled."""
_MARGIN_S: Final = 0.05
_MOST_LISTS: Final = 6
_LIST_AGAIN_S: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedQueue:
    """One queue, as the first and the last read found it, and its workers.

    `configured_as` is its name as a configuration spells it.
    """

    configured_as: str
    first: QueueFacts
    last: QueueFacts
    workers: WorkerFacts

    @property
    def deleted(self) -> bool:
        """Whether the queue lost all its keys since it was discovered."""
        return not self.last.exists


@dataclass(frozen=True, slots=True)
class QueuesFacts:
    """The discovered queues, by title."""

    by_name: Mapping[str, ObservedQueue]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLook:
    """The first read, with which the second is compared."""

    queues: Mapping[Queue, QueueFacts]
    workers: ClientList


def look_at_queues(look: Look) -> QueuesFacts:
    """Read the queues twice, at least 2 s apart, and nothing while latency is measured.

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
    """Read every queue once, with its newest events only: the first of the two reads.

    Raises:
        CannotLook: the user may not read the queues.
        redis.exceptions.RedisError: the connection failed.
    """
    return FirstLook(
        queues=observe_queues(client, discovery.queues, events=0),
        workers=list_clients(client),
    )


def look_again(
    client: Client, discovery: Discovery, first: FirstLook, *, window_s: float
) -> QueuesFacts:
    """Read every queue with the pick-ups of the last `window_s`, and combine both reads.

    Raises as `look_first` does.
    """
    last = observe_queues(client, discovery.queues, window_s=window_s)
    client_lists = [first.workers, list_clients(client)]
    while len(client_lists) < _MOST_LISTS and any(
        misses_a_fetcher(queue, facts, client_lists) for queue, facts in last.items()
    ):
        time.sleep(_LIST_AGAIN_S)
        client_lists.append(list_clients(client))
    return QueuesFacts(
        {
            queue.title: ObservedQueue(
                configured_as=queue.configured_as,
                first=first.queues[queue],
                last=facts,
                workers=workers_of(queue, facts, client_lists),
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
