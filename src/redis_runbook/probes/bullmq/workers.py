"""Tells the workers that consume jobs from those that are only connected, by CLIENT LIST.

A worker blocks for new jobs on a connection that it names after the queue. The last command of that
connection, and the time since, show whether the worker consumes.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.bullmq.clients import FETCH_COMMANDS, WORKER_NAME, ClientList, Connection
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue, escaped

_BETWEEN_JOBS_S: Final = 15
"""A worker fetches again within its lock's renewal time: one that is idle for longer does not."""
_RECONNECTING_S: Final = 25
"""After a restart of the server, the workers' backoff may delay reconnection this long."""


class WorkerState(enum.StrEnum):
    """What a worker does, judged by its connection."""

    CONSUMING = "consuming"
    BUSY = "busy"
    LIMITED = "waits for the rate limit"
    CONNECTING = "connecting"
    NOT_CONSUMING = "connected but not consuming"
    FROZEN = "frozen"


_AT_WORK: Final = frozenset({WorkerState.CONSUMING, WorkerState.BUSY, WorkerState.LIMITED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker of a queue. `name` is the name that its user gave it; most have none (empty)."""

    name: str
    address: str
    state: WorkerState
    age_s: int
    idle_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """The workers of one queue.

    `known` is False if CLIENT LIST is denied; `alive` then says whether other evidence shows a
    worker (None: there is no evidence). `settled` is False while workers may still be reconnecting
    after a restart of the server, and if CLIENT LIST was read only once.
    """

    known: bool
    alive: bool | None
    settled: bool
    workers: tuple[Worker, ...] = ()
    because: str = ""

    def count(self, *states: WorkerState) -> int:
        """How many workers are in one of these states."""
        return sum(worker.state in states for worker in self.workers)

    @property
    def at_work(self) -> int:
        """How many workers wait for a job, are busy with one, or wait for the rate limit."""
        return self.count(*_AT_WORK)


def workers_of(queue: Queue, facts: QueueFacts, client_lists: Sequence[ClientList]) -> WorkerFacts:
    """The workers of one queue, by one reading of CLIENT LIST or, better, two, oldest first."""
    denied = next((client_list.denied for client_list in client_lists if client_list.denied), "")
    if denied:
        return _without_list(facts, client_lists, denied)
    last = client_lists[-1]
    seen_before = {
        connection.connection_id
        for client_list in client_lists[:-1]
        for name in queue.client_names()
        for connection in client_list.connections.get(name, ())
    }
    fetchers = _fetchers(queue, last, facts)
    states = _states(fetchers, facts, None if len(client_lists) == 1 else seen_before)
    workers = tuple(
        Worker(
            name=_given_name(queue, connection.name),
            address=connection.address,
            state=state,
            age_s=connection.age_s,
            idle_s=connection.idle_s,
        )
        for connection, state in zip(fetchers, states, strict=True)
    )
    restarted = last.uptime_s is not None and last.uptime_s < _RECONNECTING_S
    connecting = any(worker.state is WorkerState.CONNECTING for worker in workers)
    return WorkerFacts(
        known=True,
        alive=bool(workers),
        settled=len(client_lists) > 1 and not restarted and not connecting,
        workers=workers,
        because=f"the server started {last.uptime_s} s ago" if restarted else "",
    )


def _states(
    fetchers: Sequence[Connection], facts: QueueFacts, seen_before: set[str] | None
) -> list[WorkerState]:
    # Under load a worker takes the next job when it finishes one, and may not block for hours.
    last_pick_up_s = min(
        ((facts.at_ms - pick.at_ms) / MS_PER_S for pick in facts.pick_ups), default=None
    )
    takes_jobs = last_pick_up_s is not None and last_pick_up_s <= _BETWEEN_JOBS_S
    # A worker that has never blocked counts as busy only while there is a job it may be running.
    unassigned_jobs = max(facts.locked, takes_jobs) - sum(
        not connection.blocked and connection.command in FETCH_COMMANDS for connection in fetchers
    )
    states = []
    for connection in fetchers:
        if connection.blocked:
            state = WorkerState.CONSUMING
        elif seen_before is not None and connection.connection_id not in seen_before:
            state = WorkerState.CONNECTING
        elif connection.command in FETCH_COMMANDS:
            state = _between_fetches(connection, facts, takes_jobs=takes_jobs)
        elif unassigned_jobs > 0:
            unassigned_jobs -= 1
            state = WorkerState.BUSY
        elif connection.idle_s < _RECONNECTING_S:
            state = WorkerState.CONNECTING
        else:
            # Its last command was INFO or the like: the worker is paused, was never started, or
            # stopped fetching when it reconnected.
            state = WorkerState.NOT_CONSUMING
        states.append(state)
    return states


def _between_fetches(connection: Connection, facts: QueueFacts, *, takes_jobs: bool) -> WorkerState:
    if facts.limiter.left_ms and not facts.locked:
        return WorkerState.LIMITED
    if facts.locked or takes_jobs or connection.idle_s <= _BETWEEN_JOBS_S:
        return WorkerState.BUSY
    return WorkerState.FROZEN


def _fetchers(queue: Queue, client_list: ClientList, facts: QueueFacts) -> list[Connection]:
    """One connection for each worker: the connection on which it fetches jobs.

    Node's BullMQ names only that connection. Python's BullMQ gives both connections of a worker the
    plain name. Bull names all connections of a queue, producers' too, so only a connection whose
    last command is a fetch counts as a worker.
    """
    plain = queue.key()
    found: list[Connection] = []
    for base in sorted(queue.client_names()):
        named = client_list.connections.get(base, ())
        if facts.flavour == "bull":
            found += [connection for connection in named if connection.command in FETCH_COMMANDS]
        elif base == plain:
            found += _fetchers_of_python(named)
        else:
            found += named
    return found


def _fetchers_of_python(named: Iterable[Connection]) -> list[Connection]:
    """The fetching connection of each Python worker, or its other connection in its place.

    The fetching connection is missing from the list while it reconnects. As long as there was
    always a job to take, its last command is the one that named it.
    """
    by_name: dict[bytes, list[Connection]] = defaultdict(list)
    for connection in named:
        if not connection.command.startswith("client"):
            by_name[connection.name].append(connection)
    found = []
    for group in by_name.values():
        fetching = [connection for connection in group if connection.command in FETCH_COMMANDS]
        others = [connection for connection in group if connection.command not in FETCH_COMMANDS]
        found += [*fetching, *others[len(fetching) :]]
    return found


def _given_name(queue: Queue, name: bytes) -> str:
    for base in queue.client_names():
        if name.startswith(base + WORKER_NAME):
            return escaped(name.removeprefix(base + WORKER_NAME))
    return ""


def _without_list(
    facts: QueueFacts, client_lists: Sequence[ClientList], denied: str
) -> WorkerFacts:
    """The fallback where CLIENT LIST is denied: a worker is alive, or nothing is known."""
    counts = [
        client_list.blocking_calls
        for client_list in client_lists
        if client_list.blocking_calls is not None
    ]
    alive: bool | None = None
    because = "nothing else tells whether there are workers"
    if facts.stall_check_ms is not None:
        alive, because = True, "a worker of it looked for stalled jobs within the last 30 s"
    elif len(counts) > 1 and counts[-1] > counts[0]:
        because = "some worker fetches, of this queue or another"
    return WorkerFacts(
        known=False, alive=alive, settled=len(client_lists) > 1, because=f"{denied}; {because}"
    )
