"""Reads many queues in few round trips: a snapshot, its details, and some more for long lists."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

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
from redis_runbook.probes.bullmq.snapshot import Snapshot
from redis_runbook.probes.replies import ask_in_transactions, ask_permitted, clock_ms
from redis_runbook.wire.client import Client
from redis_runbook.wire.resp import Kept

_QUEUES_PER_ROUND_TRIP: Final = 50
_OF_EVENTS: Final = Kept(2_048, in_arrays=3)
"""In an event, not in a list of ids: what a job returned may be large."""
_OF_JOBS: Final = Kept(8_192)
"""Why a job failed may be large."""
_LOOKBACK_MS: Final = 60_000
"""Events are read from this long before the window: its first jobs became ready earlier."""
_HISTORY_S: Final = 3600
"""Events are read from at least this long ago, as failures are counted by the hour."""
_EVENTS_PER_ROUND_TRIP: Final = 15_000
_MOST_EVENTS: Final = 10_000
"""Of a queue about which fewer leave a doubt; BullMQ keeps about as many."""
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
    to the window's start and every job waited, or may not tell of failures, more are read.

    Raises:
        CannotLook: the user may not read the queues, or the server refuses reads.
        redis.exceptions.RedisError: the connection failed.
    """
    now_ms = clock_ms(client.ask("TIME"))
    bounds = HistoryBounds(
        events_from_ms=now_ms - int(max(window_s, _HISTORY_S) * MS_PER_S) - _LOOKBACK_MS,
        more_events=max(0, events - snapshot.EVENTS),
    )
    facts: dict[Queue, QueueFacts] = {}
    for first in range(0, len(queues), _QUEUES_PER_ROUND_TRIP):
        batch = queues[first : first + _QUEUES_PER_ROUND_TRIP]
        vanished = _observe(client, batch, bounds, facts)
        if vanished:
            # A job may be removed between the two round trips, so read its queue once more.
            _observe(client, vanished, bounds, facts)
        doubtful = [
            queue
            for queue in batch
            if events
            and (
                _may_be_slow_throughout(facts[queue], window_s) or _may_hide_failures(facts[queue])
            )
        ]
        if doubtful:
            whole = replace(bounds, more_events=_MOST_EVENTS - snapshot.EVENTS)
            _observe(client, doubtful, whole, facts)
    return facts


def _may_be_slow_throughout(facts: QueueFacts, window_s: float) -> bool:
    """Whether only events that were not read can tell if jobs waited throughout the window."""
    begin_ms = facts.at_ms - window_s * MS_PER_S
    if facts.history_from_ms is None or facts.history_from_ms <= begin_ms:
        return False
    return min((pick.waited_ms for pick in facts.pick_ups), default=0) > _SLOW_MS


def _may_hide_failures(facts: QueueFacts) -> bool:
    """Whether only events that were not read can tell how many jobs failed in the last hour.

    What failed is kept as `removeOnFail` says: some from before the hour show that all are.
    """
    begin_ms = facts.at_ms - _HISTORY_S * MS_PER_S
    if facts.history_from_ms is None or facts.history_from_ms <= begin_ms:
        return False
    kept = facts.failed_last_hour or 0
    return facts.failed_events > kept or 0 < (facts.counts.failed or 0) <= kept


def _observe(
    client: Client, queues: Sequence[Queue], bounds: HistoryBounds, facts: dict[Queue, QueueFacts]
) -> list[Queue]:
    """Observe one batch into `facts`; return the queues of which a job vanished in between."""
    snapshots = missing_keys.look_between_the_ends(client, _snapshots(client, queues, bounds))
    if bounds.more_events:  # a read for comparison only needs not know what waits for long
        snapshots = oldest_in_list.add_oldest(client, snapshots)
        snapshots = priorities.add_first_of_each(client, snapshots)
        snapshots = flows.add_blocked_parents(client, snapshots)
    cut_short = sum(shot.entries_cut for shot in snapshots)
    if cut_short:
        bounds = replace(
            bounds, more_events=min(bounds.more_events, _EVENTS_PER_ROUND_TRIP // cut_short)
        )
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
    replies = ask_in_transactions(
        client,
        [list(questions.values()) for questions in all_questions],
        kept=_OF_EVENTS,
    )
    return [
        snapshot.parse(queue, dict(zip(questions, answers, strict=True)))
        for queue, questions, answers in zip(queues, all_questions, replies, strict=True)
    ]


def _details(
    client: Client, snapshots: Sequence[Snapshot], bounds: HistoryBounds
) -> Iterator[detail.Replies]:
    about_jobs = [detail.questions(shot) for shot in snapshots]
    older = [detail.questions_about_events(shot, bounds) for shot in snapshots]
    of_jobs = _replies(client, about_jobs, kept=_OF_JOBS)
    of_events = _replies(client, older, kept=_OF_EVENTS)
    return ({**jobs, **events} for jobs, events in zip(of_jobs, of_events, strict=True))


def _replies(
    client: Client, all_questions: Sequence[detail.Questions], *, kept: Kept
) -> Iterator[detail.Replies]:
    commands = [command for questions in all_questions for command in questions.values()]
    answers = iter(ask_permitted(client, commands, kept=kept))
    return (dict(zip(questions, answers, strict=False)) for questions in all_questions)
