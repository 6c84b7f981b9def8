"""What each worker does, by the last command of its connection and the locks of the jobs."""

import enum
import itertools
from collections.abc import Collection, Sequence
from typing import Final

from redis_runbook.probes.bullmq.clients import FETCH_COMMANDS, Connection
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts

BETWEEN_JOBS_S: Final = 15
"""A worker fetches again within its lock's renewal time: one that is idle for longer does not."""
_JUST_NOW_S: Final = 1
"""A worker without a job fetches the next one at once; the server counts whole seconds."""
RECONNECTING_S: Final = 25
"""After a restart of the server, the workers' backoff may delay reconnection this long."""


class WorkerState(enum.StrEnum):
    """What a worker does, judged by its connection."""

    CONSUMING = "consuming"
    BUSY = "busy"
    LIMITED = "waits for the rate limit"
    CONNECTING = "connecting"
    UNCLEAR = "busy or frozen"
    NOT_CONSUMING = "connected but not consuming"
    FROZEN = "frozen"


def last_pick_up_s(facts: QueueFacts) -> float | None:
    """How long ago a job was last taken, by the event stream; None: it shows no pick-up."""
    ago_s = (max(0, facts.at_ms - pick.at_ms) / MS_PER_S for pick in facts.pick_ups)
    return min(ago_s, default=None)


def assign_states(
    connections: Sequence[Connection],
    facts: QueueFacts,
    *,
    seen_before: Collection[str] | None,
    fetched_before: Collection[bytes],
) -> list[WorkerState]:
    """The state of each worker, in the order of their fetching connections.

    Args:
        connections: one of each worker.
        facts: the queue, read at about the same time.
        seen_before: ids of the connections in earlier lists; None: there is no earlier list.
        fetched_before: names under which an earlier list shows a fetch.
    """
    states = [
        _by_connection(connection, facts, seen_before, fetched_before) for connection in connections
    ]
    _assign_jobs(states, connections, facts)
    return [
        state or _without_a_job(connection, facts)
        for state, connection in zip(states, connections, strict=True)
    ]


def _by_connection(
    connection: Connection,
    facts: QueueFacts,
    seen_before: Collection[str] | None,
    fetched_before: Collection[bytes],
) -> WorkerState | None:
    """The state that the connection alone shows; None where the jobs decide."""
    fetches = connection.command in FETCH_COMMANDS
    if connection.blocked or (not fetches and connection.name in fetched_before):
        # Python's other connection, while the fetching one reconnects.
        return WorkerState.CONSUMING
    if seen_before is not None and connection.connection_id not in seen_before:
        return WorkerState.CONNECTING
    if fetches and facts.limiter.left_ms and not facts.locked:
        return WorkerState.LIMITED
    if fetches and connection.idle_s <= BETWEEN_JOBS_S:
        if connection.idle_s < -_JUST_NOW_S:
            # It was last heard before the server's clock was set back: nobody knows when.
            return WorkerState.UNCLEAR
        holds_a_job = facts.counts.active != 0 or connection.idle_s <= _JUST_NOW_S
        return WorkerState.BUSY if holds_a_job else WorkerState.UNCLEAR
    return None


def _assign_jobs(
    states: list[WorkerState | None], connections: Sequence[Connection], facts: QueueFacts
) -> None:
    """Mark workers as busy, at most one for each job that is locked, or may be.

    A worker's connection has been idle since about when its job started. Workers that fetch come
    first: a worker that has never fetched is busy only while there is a job that it may be running.
    """
    # No more than there are workers, whatever the server says of its list's length.
    unread = min(len(states), max(0, (facts.counts.active or 0) - len(facts.active)))
    jobs = [job.running_s or 0.0 for job in facts.active if job.lock_ms is not None]
    jobs += [0.0] * unread
    if not jobs and _someone_takes(facts) and not _explained(states):
        jobs = [last_pick_up_s(facts) or 0.0]
    # A worker that is known to be busy runs a job, too: the one that started last.
    known_busy = states.count(WorkerState.BUSY)
    # Those that started together at once: there may be as many as there are workers.
    for running_s, together in itertools.groupby(sorted(jobs)[known_busy:]):
        undecided = sorted(
            (at for at, state in enumerate(states) if state is None),
            key=lambda at: (
                connections[at].command not in FETCH_COMMANDS,
                abs(connections[at].idle_s - running_s),
            ),
        )
        if not undecided:
            return
        for at, _ in zip(undecided, together, strict=False):
            states[at] = WorkerState.BUSY


def _someone_takes(facts: QueueFacts) -> bool:
    """Whether some worker took a job so lately that it must still be there."""
    taken_s = last_pick_up_s(facts)
    return taken_s is not None and taken_s <= BETWEEN_JOBS_S


def _explained(states: Sequence[WorkerState | None]) -> bool:
    """Whether the workers whose state is known explain that jobs are taken."""
    return WorkerState.CONSUMING in states or WorkerState.BUSY in states


def _without_a_job(connection: Connection, facts: QueueFacts) -> WorkerState:
    if connection.command in FETCH_COMMANDS:
        # Under load a worker takes the next job when it finishes one, and may not block for hours:
        # between two short jobs it holds no lock. Without a backlog it would block.
        hurries = _someone_takes(facts) and facts.counts.backlog != 0
        return WorkerState.UNCLEAR if hurries else WorkerState.FROZEN
    if connection.idle_s < RECONNECTING_S:
        return WorkerState.CONNECTING
    # Its last command was INFO or the like: the worker is paused, was never started, or stopped
    # fetching when it reconnected.
    return WorkerState.NOT_CONSUMING
