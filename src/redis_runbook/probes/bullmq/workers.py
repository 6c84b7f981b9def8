"""Tells the workers that consume jobs from those that are only connected, by CLIENT LIST.

A worker blocks for new jobs on a connection that it names after the queue. The last command of that
connection, and the time since, show whether the worker consumes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.bullmq.ages import SKEW_MS
from redis_runbook.probes.bullmq.clients import FETCH_COMMANDS, WORKER_NAME, ClientList, Connection
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.worker_states import (
    BETWEEN_JOBS_S,
    RECONNECTING_S,
    WorkerState,
    assign_states,
    last_pick_up_s,
)
from redis_runbook.redact import NO_TEXT, Shown, printable
from redis_runbook.words import counted

_USUAL_STALL_CHECK_S: Final = 30
"""How often a worker looks for stalled jobs, unless its options say otherwise."""


_AT_WORK: Final = frozenset({WorkerState.CONSUMING, WorkerState.BUSY, WorkerState.LIMITED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker of a queue. `name` is the name that its user gave it; most have none (empty)."""

    name: Shown
    address: Shown
    state: WorkerState
    age_s: int
    idle_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """The workers of one queue.

    `known` is False if CLIENT LIST is denied. `alive` says whether there is a worker at all (None:
    there is no evidence either way). `unnamed_at_work` counts the workers that must be there
    because jobs are taken although no connection carries the queue's name; `unnamed_fetchers`
    those that may be, as connections without a name fetch jobs of some queue.

    `reconnecting` says why workers may still be reconnecting after a restart; empty: they had the
    time. `listed_twice` is False if CLIENT LIST was read only once. `because` explains the rest.
    """

    known: bool
    alive: bool | None
    listed_twice: bool = True
    reconnecting: str = ""
    workers: tuple[Worker, ...] = ()
    unnamed_at_work: int = 0
    unnamed_fetchers: int = 0
    because: str = ""

    def count(self, *states: WorkerState) -> int:
        """How many workers are in one of these states."""
        return sum(worker.state in states for worker in self.workers)

    @property
    def at_work(self) -> int:
        """How many workers certainly wait for a job, are busy, or wait for the rate limit."""
        return self.count(*_AT_WORK) + self.unnamed_at_work

    @property
    def at_work_at_most(self) -> int:
        """How many workers could be at work, if all doubts were in their favour."""
        doubtful = self.count(WorkerState.UNCLEAR, WorkerState.CONNECTING)
        return max(self.at_work, self.count(*_AT_WORK) + doubtful + self.unnamed_fetchers)

    @property
    def settled(self) -> bool:
        """Whether a worker that is missing is missing for good."""
        connecting = self.count(WorkerState.CONNECTING) > 0
        return self.listed_twice and not self.reconnecting and not connecting


def workers_of(queue: Queue, facts: QueueFacts, client_lists: Sequence[ClientList]) -> WorkerFacts:
    """The workers of one queue, by one reading of CLIENT LIST or, better, more, oldest first."""
    denied = next((client_list.denied for client_list in client_lists if client_list.denied), "")
    if denied:
        return _without_list(facts, client_lists, denied)
    last, listed_twice = client_lists[-1], len(client_lists) > 1
    listed = _fetchers(queue, last, facts)
    fetched_before = _fetching_names(queue, client_lists[:-1])
    seen_before = {
        connection.connection_id
        for client_list in client_lists[:-1]
        for name in queue.client_names()
        for connection in client_list.connections.of(name)
    }
    states = assign_states(
        listed,
        facts,
        seen_before=seen_before if listed_twice else None,
        fetched_before=fetched_before,
    )
    workers = tuple(
        Worker(
            name=_given_name(queue, connection.name),
            address=printable(connection.address),
            state=state,
            age_s=connection.age_s,
            idle_s=connection.idle_s,
        )
        for connection, state in zip(listed, states, strict=True)
    )
    unnamed = max(_unnamed_of(facts, client_list) for client_list in client_lists)
    taken_s = last_pick_up_s(facts)
    # A worker that is gone, or was before a restart, took jobs too: but then nobody fetches now.
    takes_jobs = taken_s is not None and taken_s <= BETWEEN_JOBS_S and last.unnamed > 0
    alive: bool | None = bool(workers)
    because = ""
    if not workers and takes_jobs:
        alive, because = True, f"a job was taken {taken_s:.0f} s ago, by a worker without a name"
    elif not workers and unnamed:
        alive = None
        one, more = "connection without a name fetches", "connections without a name fetch"
        without = counted(unnamed, one, more)
        because = f"{without} jobs, of this queue or another"
    return WorkerFacts(
        known=True,
        alive=alive,
        listed_twice=listed_twice,
        reconnecting=_reconnecting(last, workers),
        workers=workers,
        unnamed_at_work=int(not workers and takes_jobs),
        unnamed_fetchers=0 if workers else unnamed,
        because=because,
    )


def misses_a_fetcher(queue: Queue, facts: QueueFacts, client_lists: Sequence[ClientList]) -> bool:
    """Whether a worker was listed without the connection on which it fetches, in every list.

    Python's BullMQ on redis-py 8 drops that connection every few seconds and opens it again: one
    more list may show it.
    """
    if facts.flavour == "bull" or any(client_list.denied for client_list in client_lists):
        return False
    fetching = _fetching_names(queue, client_lists)
    names = {connection.name for connection in client_lists[-1].connections.of(queue.key())}
    return not names <= fetching


def _unnamed_of(facts: QueueFacts, client_list: ClientList) -> int:
    """How many connections without a name may be workers of this queue.

    One that is blocked for a job serves a queue without a backlog; one that has fetched a job
    serves a queue with an active one.
    """
    waits = facts.counts.backlog != 0 or bool(facts.overdue_s)
    waiting = 0 if waits and not facts.paused else client_list.unnamed_waiting
    return waiting + (client_list.unnamed_busy if facts.counts.active else 0)


def _reconnecting(last: ClientList, workers: Sequence[Worker]) -> str:
    """Why workers may still be reconnecting; empty if they had the time."""
    if last.uptime_s is not None and last.uptime_s < RECONNECTING_S:
        return _ago("the server started", last.uptime_s)
    youngest_s = min((worker.age_s for worker in workers), default=None)
    if youngest_s is not None and youngest_s < RECONNECTING_S:
        return _ago("a worker connected", youngest_s)
    return ""


def _ago(what: str, ago_s: int) -> str:
    return f"{what} {ago_s} s ago" if ago_s >= 0 else f"{what} before the server's clock went back"


def _fetching_names(queue: Queue, client_lists: Sequence[ClientList]) -> frozenset[bytes]:
    """The connection names of the queue under which some list shows a fetch."""
    return frozenset(
        connection.name
        for client_list in client_lists
        for connection in client_list.connections.of(queue.key())
        if connection.command in FETCH_COMMANDS
    )


def _fetchers(queue: Queue, client_list: ClientList, facts: QueueFacts) -> list[Connection]:
    """One connection for each worker: the connection on which it fetches jobs.

    Node's BullMQ names only that connection. Python's BullMQ gives both connections of a worker the
    plain name. Bull names all connections of a queue, producers' too, so only a connection whose
    last command is a fetch counts as a worker.
    """
    plain = queue.key()
    found: list[Connection] = []
    for base in sorted(queue.client_names()):
        named = client_list.connections.of(base)
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


def _given_name(queue: Queue, name: bytes) -> Shown:
    for base in queue.client_names():
        if name.startswith(base + WORKER_NAME):
            return printable(name.removeprefix(base + WORKER_NAME))
    return NO_TEXT


def _without_list(
    facts: QueueFacts, client_lists: Sequence[ClientList], denied: str
) -> WorkerFacts:
    """The fallback where CLIENT LIST is denied: a worker is alive, or nothing is known."""
    alive, because = _other_evidence(facts, client_lists)
    return WorkerFacts(
        known=False,
        alive=alive,
        listed_twice=len(client_lists) > 1,
        reconnecting=_reconnecting(client_lists[-1], ()),
        because=f"{denied}; {because}",
    )


def _other_evidence(
    facts: QueueFacts, client_lists: Sequence[ClientList]
) -> tuple[bool | None, str]:
    """Whether a worker is alive, by what jobs and the stall check tell; and the evidence."""
    taken_s = last_pick_up_s(facts)
    if taken_s is not None and taken_s <= BETWEEN_JOBS_S:
        return True, f"a job was taken {taken_s:.0f} s ago"
    if facts.stall_checked_at_ms is not None:
        return _by_stall_check(facts, (facts.at_ms - facts.stall_checked_at_ms) / MS_PER_S)
    counts = [
        client_list.blocking_calls
        for client_list in client_lists
        if client_list.blocking_calls is not None
    ]
    if len(counts) > 1 and counts[-1] > counts[0]:
        return None, "some worker fetches, of this queue or another"
    return None, "nothing else tells whether there are workers"


def _by_stall_check(facts: QueueFacts, checked_s: float) -> tuple[bool | None, str]:
    """Whether a worker is alive that looked for stalled jobs so long ago, by its own clock.

    That clock may be ahead of the server's. Or the server's was set back, and then the key of the
    check lives for longer than a worker lets it.
    """
    looked = "a worker of it last looked for stalled jobs"
    usual_ms = _USUAL_STALL_CHECK_S * MS_PER_S
    if checked_s < -SKEW_MS / MS_PER_S and not 0 < (facts.stall_check_ms or 0) <= usual_ms:
        return None, f"{looked} at a time that is {-checked_s:.0f} s ahead of the server's clock"
    alive = True if checked_s <= _USUAL_STALL_CHECK_S else None
    return alive, f"{looked} {max(0.0, checked_s):.0f} s ago"
