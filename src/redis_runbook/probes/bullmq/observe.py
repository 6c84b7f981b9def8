"""Read many queues in few round trips: a snapshot and a detail trip for each batch of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from redis_runbook.probes.bullmq import detail, snapshot
from redis_runbook.probes.bullmq.detail import Look
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.replies import ask_in_transactions
from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client

_PER_TRIP: Final = 100
_PRIORITIES: Final = 32
_LOOKBACK_MS: Final = 60_000
"""How much further back than the window events are read: its first jobs became ready earlier."""
_EVENTS_PER_TRIP: Final = 20_000


def observe_queues(
    client: Client,
    queues: Sequence[Queue],
    *,
    window_s: float = 300,
    events: int = 2_000,
) -> dict[Queue, QueueFacts]:
    """Observe queues: their states now, and the pick-ups of the last `window_s`.

    `events` bounds how many events of each queue are read; they are most of what a look costs, so
    a look that is only for comparison, as stalled jobs need, does with few.

    Raises:
        CannotLook: the user may not read the queues, or the server refuses reads.
        redis.exceptions.RedisError: the connection failed.
    """
    now_ms = snapshot.now_ms(client.ask("TIME"))
    look = Look(
        events_from_ms=now_ms - int(window_s * MS_PER_S) - _LOOKBACK_MS,
        deeper=max(0, events - snapshot.EVENTS),
    )
    facts: dict[Queue, QueueFacts] = {}
    for first in range(0, len(queues), _PER_TRIP):
        vanished = _observe(client, queues[first : first + _PER_TRIP], look, facts)
        if vanished:
            # Jobs come and go between the two trips. What is gone the second time is gone.
            _observe(client, vanished, look, facts)
    return facts


def _observe(
    client: Client, queues: Sequence[Queue], look: Look, facts: dict[Queue, QueueFacts]
) -> list[Queue]:
    """Observe one batch into `facts`; the queues of which a job vanished meanwhile."""
    snapshots = _step_priorities(client, _snapshots(client, queues, look))
    busy = sum(shot.entries_cut for shot in snapshots)
    if busy:
        look = replace(look, deeper=min(look.deeper, _EVENTS_PER_TRIP // busy))
    vanished = []
    for shot, replies in zip(snapshots, _details(client, snapshots, look), strict=True):
        facts[shot.queue] = detail.facts(shot, replies, look)
        if detail.has_vanished(shot, replies):
            vanished.append(shot.queue)
    return vanished


def _snapshots(client: Client, queues: Sequence[Queue], look: Look) -> list[Snapshot]:
    asked = [snapshot.questions(queue, events_from_ms=look.events_from_ms) for queue in queues]
    replies = ask_in_transactions(client, [list(questions.values()) for questions in asked])
    return [
        snapshot.parse(queue, dict(zip(questions, answers, strict=True)))
        for queue, questions, answers in zip(queues, asked, replies, strict=True)
    ]


def _step_priorities(client: Client, snapshots: list[Snapshot]) -> list[Snapshot]:
    """Add the first job of each further priority: the oldest job may be in any of them.

    Each step needs the one before it, so it is one round trip for all queues that have more; the
    last step goes to the highest number, where jobs starve.
    """
    reached = {
        at: low + 1
        for at, shot in enumerate(snapshots)
        if shot.priorities and (low := shot.priorities[0]) < shot.priorities[1]
    }
    found: dict[int, list[bytes]] = {at: [] for at in reached}
    for step in range(1, _PRIORITIES):
        if not reached:
            break
        if step == _PRIORITIES - 1:
            reached = {at: _last(snapshots[at]) for at in reached}
        replies = client.ask_all(
            *(snapshot.first_of_priority(snapshots[at].queue, low) for at, low in reached.items())
        )
        for at, reply in zip(list(reached), replies, strict=True):
            job = snapshot.parse_first_of_priority(reply)
            if job:
                found[at].append(job[0])
            if job and job[1] < _last(snapshots[at]):
                reached[at] = job[1] + 1
            else:
                del reached[at]
    return [
        replace(shot, prioritized=(*shot.prioritized, *found.get(at, ())))
        for at, shot in enumerate(snapshots)
    ]


def _last(shot: Snapshot) -> int:
    return shot.priorities[1] if shot.priorities else 0


def _details(
    client: Client, snapshots: Sequence[Snapshot], look: Look
) -> Iterator[dict[detail.Label, Any]]:
    asked = [detail.questions(shot, look) for shot in snapshots]
    commands = [command for questions in asked for command in questions.values()]
    replies = client.ask_all(*commands) if commands else []
    denied = next((reply for reply in replies if isinstance(reply, CannotLook)), None)
    if denied:
        raise denied
    answers = iter(replies)
    return (dict(zip(questions, answers, strict=False)) for questions in asked)
