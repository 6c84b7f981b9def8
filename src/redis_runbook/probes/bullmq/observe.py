"""Reads many queues in few round trips: a snapshot, its details, and some more for long lists."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from redis_runbook.probes.bullmq import (
    detail,
    flows,
    missing_keys,
    oldest_in_list,
    priorities,
    snapshot,
)
from redis_runbook.probes.bullmq.detail import HistoryBounds
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.replies import ask_in_transactions, ask_permitted
from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.wire.client import Client

_MOST_QUEUES_AT_ONCE: Final = 50
_FASTER: Final = 4
"""A round trip may have so many times the queues of the one before, if its replies were small."""
_USUAL_BYTES: Final = 4 << 20
"""Of replies to one round trip: a quarter of what is read at most."""
_LOOKBACK_MS: Final = 60_000
"""Events are read from this long before the window: its first jobs became ready earlier."""
_HISTORY_S: Final = 3600
"""Events are read from at least this long ago, as failures are counted by the hour."""
_EVENTS_PER_ROUND_TRIP: Final = 15_000
_EVENTS_OF_SLOW_QUEUES: Final = 10_000
_SLOW_MS: Final = 500
"""Where one of the pick-ups that were read waited no longer, the queue is not slow throughout."""


def observe_queues(
    client: Client,
    queues: Sequence[Queue],
    *,
    window_s: float = 300,
    events: int = 2_000,
) -> dict[Queue, QueueFacts]:
    """Observe queues: their states now, and their events of the last `window_s` and hour.

    `events` bounds how many events of each queue are read. They are most of the cost: a read that
    only serves to find stalled jobs, by comparison, needs few of them. Where they do not reach back
    to the window's start and every job waited, more are read.

    Raises:
        CannotLook: the user may not read the queues, or the server refuses reads.
        redis.exceptions.RedisError: the connection failed.
    """
    now_ms = snapshot.now_ms(client.ask("TIME"))
    bounds = HistoryBounds(
        events_from_ms=now_ms - int(max(window_s, _HISTORY_S) * MS_PER_S) - _LOOKBACK_MS,
        more_events=max(0, events - snapshot.EVENTS),
    )
    facts: dict[Queue, QueueFacts] = {}
    pace = _Pace()
    rest = list(queues)
    while rest:
        batch, rest = rest[: pace.queues], rest[pace.queues :]
        vanished = _observe(client, batch, bounds, facts, pace)
        if vanished:
            # A job may be removed between the two round trips, so read its queue once more.
            _observe(client, vanished, bounds, facts, pace)
        slow = [
            queue for queue in batch if events and _may_be_slow_throughout(facts[queue], window_s)
        ]
        if slow:
            whole = replace(bounds, more_events=_EVENTS_OF_SLOW_QUEUES - snapshot.EVENTS)
            _observe(client, slow, whole, facts, pace)
    return facts


class _Pace:
    """How much is read in one round trip, by the size of the replies before.

    An event holds what its job returned, so that 200 events may have 20 kB or 20 MB.
    """

    def __init__(self) -> None:
        self.queues = 1
        self._bytes_per_event = 1.0

    def learn(self, size_bytes: int, snapshots: Sequence[Snapshot]) -> None:
        """Take the size of the replies to the snapshots of some queues."""
        events = sum(len(shot.entries) for shot in snapshots)
        self._bytes_per_event = max(1.0, size_bytes / max(1, events))
        per_queue = max(1, size_bytes // len(snapshots))
        usual = max(1, _USUAL_BYTES // per_queue)
        self.queues = min(usual, _FASTER * self.queues, _MOST_QUEUES_AT_ONCE)

    def events(self, queues: int) -> int:
        """How many more events of each of so many queues may be read at once."""
        by_size = int(_USUAL_BYTES / self._bytes_per_event)
        return min(by_size, _EVENTS_PER_ROUND_TRIP) // queues


def _may_be_slow_throughout(facts: QueueFacts, window_s: float) -> bool:
    """Whether only events that were not read can tell if jobs waited throughout the window."""
    begin_ms = facts.at_ms - window_s * MS_PER_S
    if facts.history_from_ms is None or facts.history_from_ms <= begin_ms:
        return False
    return min((pick.waited_ms for pick in facts.pick_ups), default=0) > _SLOW_MS


def _observe(
    client: Client,
    queues: Sequence[Queue],
    bounds: HistoryBounds,
    facts: dict[Queue, QueueFacts],
    pace: _Pace,
) -> list[Queue]:
    """Observe one batch into `facts`; return the queues of which a job vanished in between."""
    snapshots = _snapshots(client, queues, bounds)
    pace.learn(client.replied_bytes, snapshots)
    snapshots = missing_keys.look_between_the_ends(client, snapshots)
    if bounds.more_events:  # a read for comparison only needs not know what waits for long
        snapshots = oldest_in_list.add_oldest(client, snapshots)
        snapshots = priorities.add_first_of_each(client, snapshots)
        snapshots = flows.add_blocked_parents(client, snapshots)
    cut_short = sum(shot.entries_cut for shot in snapshots)
    if cut_short:
        bounds = replace(bounds, more_events=min(bounds.more_events, pace.events(cut_short)))
    vanished = []
    for shot, replies in zip(snapshots, _details(client, snapshots, bounds), strict=True):
        facts[shot.queue] = detail.facts(shot, replies, bounds)
        if detail.has_vanished(shot, replies):
            vanished.append(shot.queue)
    return vanished


def _snapshots(client: Client, queues: Sequence[Queue], bounds: HistoryBounds) -> list[Snapshot]:
    all_questions = [
        snapshot.questions(queue, events_from_ms=bounds.events_from_ms) for queue in queues
    ]
    replies = ask_in_transactions(client, [list(questions.values()) for questions in all_questions])
    return [
        snapshot.parse(queue, dict(zip(questions, answers, strict=True)))
        for queue, questions, answers in zip(queues, all_questions, replies, strict=True)
    ]


def _details(
    client: Client, snapshots: Sequence[Snapshot], bounds: HistoryBounds
) -> Iterator[dict[detail.Label, Any]]:
    all_questions = [detail.questions(shot, bounds) for shot in snapshots]
    commands = [command for questions in all_questions for command in questions.values()]
    answers = iter(ask_permitted(client, commands))
    return (dict(zip(questions, answers, strict=False)) for questions in all_questions)
