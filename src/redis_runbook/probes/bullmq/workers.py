"""Who really consumes: what the queue's connections in CLIENT LIST are doing, not that they exist.

A worker blocks for new jobs on a connection that it names after the queue. What that connection
did last, and for how long, tells a consumer from one that is connected and does nothing.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.bullmq.clients import FETCHES, WORKER_NAME, Connection, Sighting
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue, shown

_BETWEEN_JOBS_S: Final = 15
"""A worker that fetches asks again within its lock's renewal time; idle for longer, it does not."""
_RECONNECTING_S: Final = 25
"""How long after a restart the workers' backoff may still keep them away."""


class WorkerState(enum.StrEnum):
    """What a worker's connection shows that it does."""

    CONSUMING = "consuming"
    BUSY = "busy"
    LIMITED = "waits for the rate limit"
    CONNECTING = "connecting"
    NOT_CONSUMING = "connected but not consuming"
    FROZEN = "frozen"


_AT_WORK: Final = frozenset({WorkerState.CONSUMING, WorkerState.BUSY, WorkerState.LIMITED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker of a queue. `name` is the one that it was given, empty for most."""

    name: str
    address: str
    state: WorkerState
    age_s: int
    idle_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """The workers of one queue.

    `known` is False where CLIENT LIST is denied; `alive` then says whether the fallbacks show a
    worker at all (None: they cannot tell). `settled` is False so soon after a restart of the server
    that workers may still be on their way, and as long as there is only one sighting.
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
        """Workers that take jobs: blocked for one, busy with one, or held by the rate limit."""
        return self.count(*_AT_WORK)


def workers_of(queue: Queue, facts: QueueFacts, sightings: Sequence[Sighting]) -> WorkerFacts:
    """Judge the connections of one queue by one sighting or, better, two, oldest first."""
    denied = next((sighting.denied for sighting in sightings if sighting.denied), "")
    if denied:
        return _without_list(facts, sightings, denied)
    last = sightings[-1]
    seen_before = {
        connection.connection_id
        for sighting in sightings[:-1]
        for name in queue.client_names()
        for connection in sighting.connections.get(name, ())
    }
    fetchers = _fetchers(queue, last, facts)
    states = _states(fetchers, facts, None if len(sightings) == 1 else seen_before)
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
        settled=len(sightings) > 1 and not restarted and not connecting,
        workers=workers,
        because=f"the server started {last.uptime_s} s ago" if restarted else "",
    )


def _states(
    fetchers: Sequence[Connection], facts: QueueFacts, seen_before: set[str] | None
) -> list[WorkerState]:
    # Under load a worker takes the next job as it finishes one, and need not block for hours.
    taken_s = min(((facts.at_ms - pick.at_ms) / MS_PER_S for pick in facts.pick_ups), default=None)
    takes = taken_s is not None and taken_s <= _BETWEEN_JOBS_S
    # One that has not blocked since it started is busy only if there is a job for it to hold.
    held = max(facts.locked, takes) - sum(
        not connection.blocked and connection.command in FETCHES for connection in fetchers
    )
    states = []
    for connection in fetchers:
        if connection.blocked:
            state = WorkerState.CONSUMING
        elif seen_before is not None and connection.connection_id not in seen_before:
            state = WorkerState.CONNECTING
        elif connection.command in FETCHES:
            state = _between_fetches(connection, facts, takes=takes)
        elif held > 0:
            held -= 1
            state = WorkerState.BUSY
        elif connection.idle_s < _RECONNECTING_S:
            state = WorkerState.CONNECTING
        else:
            # Its last words were INFO or the like. A worker that is paused, was never started, or
            # is dead inside since it reconnected, says no more.
            state = WorkerState.NOT_CONSUMING
        states.append(state)
    return states


def _between_fetches(connection: Connection, facts: QueueFacts, *, takes: bool) -> WorkerState:
    if facts.limiter.left_ms and not facts.locked:
        return WorkerState.LIMITED
    if facts.locked or takes or connection.idle_s <= _BETWEEN_JOBS_S:
        return WorkerState.BUSY
    return WorkerState.FROZEN


def _fetchers(queue: Queue, sighting: Sighting, facts: QueueFacts) -> list[Connection]:
    """One connection for each worker: the one that it fetches jobs on.

    Node's BullMQ names only that one. Python's names both of a worker's, with the plain name; Bull
    names all of a queue's, a producer's too: of those only one that has fetched is a worker's.
    """
    plain = queue.key()
    found: list[Connection] = []
    for base in sorted(queue.client_names()):
        named = sighting.connections.get(base, ())
        if facts.flavour == "bull":
            found += [connection for connection in named if connection.command in FETCHES]
        elif base == plain:
            found += _of_python(named)
        else:
            found += named
    return found


def _of_python(named: Iterable[Connection]) -> list[Connection]:
    """Of each Python worker's two connections the one that fetches, or the other without one.

    The fetching one is absent while it reconnects, and has only been named as long as there was
    always a job to take.
    """
    by_name: dict[bytes, list[Connection]] = defaultdict(list)
    for connection in named:
        if not connection.command.startswith("client"):
            by_name[connection.name].append(connection)
    found = []
    for group in by_name.values():
        fetching = [connection for connection in group if connection.command in FETCHES]
        others = [connection for connection in group if connection.command not in FETCHES]
        found += [*fetching, *others[len(fetching) :]]
    return found


def _given_name(queue: Queue, name: bytes) -> str:
    for base in queue.client_names():
        if name.startswith(base + WORKER_NAME):
            return shown(name.removeprefix(base + WORKER_NAME))
    return ""


def _without_list(facts: QueueFacts, sightings: Sequence[Sighting], denied: str) -> WorkerFacts:
    """What can be said of workers where connections may not be listed: alive, or cannot tell."""
    counts = [one.blocking_calls for one in sightings if one.blocking_calls is not None]
    alive: bool | None = None
    because = "nothing else tells whether there are workers"
    if facts.stall_check_ms is not None:
        alive, because = True, "a worker of it looked for stalled jobs within the last 30 s"
    elif len(counts) > 1 and counts[-1] > counts[0]:
        because = "some worker fetches, of this queue or another"
    return WorkerFacts(
        known=False, alive=alive, settled=len(sightings) > 1, because=f"{denied}; {because}"
    )
