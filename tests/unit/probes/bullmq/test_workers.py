"""Who consumes, by what CLIENT LIST says of the connections; and why jobs wait."""

import base64
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.judging.cause import Cause, cause
from redis_runbook.probes.bullmq.clients import ClientList, list_clients
from redis_runbook.probes.bullmq.facts import Limiter, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue, escaped
from redis_runbook.probes.bullmq.reasons import classify
from redis_runbook.probes.bullmq.worker_states import WorkerState
from redis_runbook.probes.bullmq.workers import WorkerFacts, misses_a_fetcher, workers_of
from tests.support.bullmq_facts import NOW_MS, active, picked, quiet, waiting

QUEUE = Queue(prefix=b"bull", name=b"bundle:render")
NODE = "bull:" + base64.b64encode(b"bundle:render").decode()
PREFIXED = "bull:bundle:" + base64.b64encode(b"render").decode()
PYTHON = "bull:bundle:render"
CONSUMING, BUSY, LIMITED = WorkerState.CONSUMING, WorkerState.BUSY, WorkerState.LIMITED
FROZEN, IDLE, CONNECTING = WorkerState.FROZEN, WorkerState.NOT_CONSUMING, WorkerState.CONNECTING
UNCLEAR = WorkerState.UNCLEAR
HELD = quiet(active=(active(),))


OURS = "id=3 addr=127.0.0.1:9 name=redis-runbook age=1 idle=0 flags=N db=0 cmd=client|list"


class _Listing:
    """Answers what `list_clients` asks, with these lines of CLIENT LIST."""

    def __init__(self, lines: Sequence[str], uptime_s: int = 9_999, fetches: int = 0) -> None:
        self.replies = [
            "\n".join([OURS, *lines]).encode(),
            f"# Server\r\nuptime_in_seconds:{uptime_s}\r\n".encode(),
            f"# Commandstats\r\ncmdstat_bzpopmin:calls={fetches},usec=9\r\n".encode(),
        ]

    database = 0

    def ask_all(self, *_commands: Any) -> list[Any]:
        return self.replies


def _line(  # the columns of the table
    name: str,
    flags: str,
    cmd: str,
    *,
    idle: int = 2,
    age: int = 100,
    id: int = 0,  # noqa: A002
    db: int = 0,
) -> str:
    number = id or sum(map(ord, f"{name}{flags}{cmd}{idle}{age}"))
    return (
        f"id={number} addr=127.0.0.1:{number} laddr=127.0.0.1:6379 fd=9 name={name} age={age} "
        f"idle={idle} flags={flags} db={db} cmd={cmd} user=default"
    )


def _client_list(*lines: str, **server: int) -> ClientList:
    return list_clients(_Listing(lines, **server))  # type: ignore[arg-type]


def _states(facts: QueueFacts, *lines: str) -> list[WorkerState]:
    client_list = _client_list(*lines)
    return sorted(worker.state for worker in workers_of(QUEUE, facts, [client_list] * 2).workers)


@pytest.mark.parametrize(
    ("facts", "lines", "states"),
    [
        (quiet(), [], []),
        (quiet(), [_line(NODE, "b", "bzpopmin")], [CONSUMING]),
        (quiet(), [_line(PREFIXED, "b", "bzpopmin")], [CONSUMING]),
        (quiet(), [_line(NODE + ":w:render-7", "b", "bzpopmin")], [CONSUMING]),
        (quiet(), [_line(NODE, "b", "brpoplpush")], [CONSUMING]),
        (quiet(), [_line(NODE, "b", "bzpopmin", idle=9)], [CONSUMING]),
        # Events and v1's scheduler are no workers, nor is another queue with the same beginning.
        (quiet(), [_line(NODE + ":qe", "b", "xread")], []),
        (quiet(), [_line(NODE + ":qs", "b", "bzpopmin")], []),
        (quiet(), [_line(PYTHON + "er", "b", "bzpopmin")], []),
        (quiet(), [_line(NODE + ":x", "b", "bzpopmin")], []),
        (quiet(), [_line("", "b", "bzpopmin")], []),
        # Busy: for long, too, while a job of the queue is locked or jobs are being taken.
        (quiet(), [_line(NODE, "N", "bzpopmin", idle=1)], [BUSY]),
        (quiet(), [_line(NODE, "N", "bzpopmin", idle=2)], [UNCLEAR]),
        (quiet(counts={"active": 1}), [_line(NODE, "N", "bzpopmin", idle=15)], [BUSY]),
        (HELD, [_line(NODE, "N", "bzpopmin", idle=90)], [BUSY]),
        (quiet(pick_ups=picked((3, 0))), [_line(NODE, "N", "bzpopmin", idle=90)], [BUSY]),
        (quiet(), [_line(NODE, "N", "bzpopmin", idle=16)], [FROZEN]),
        # Last heard before the server's clock was set back: nobody knows for how long it is idle.
        (HELD, [_line(NODE, "N", "bzpopmin", idle=-3_570)], [UNCLEAR]),
        (quiet(), [_line(NODE, "N", "bzpopmin", idle=-3_570)], [UNCLEAR]),
        (quiet(), [_line(NODE, "b", "bzpopmin", idle=-3_570)], [CONSUMING]),
        (
            quiet(active=(active(locked=False),), pick_ups=picked((60, 0))),
            [_line(NODE, "N", "bzpopmin", idle=90)],
            [FROZEN],
        ),
        (
            quiet(limiter=Limiter(used=1, limit=None, left_ms=500)),
            [_line(NODE, "N", "bzpopmin", idle=90)],
            [LIMITED],
        ),
        # A worker of the same name in another database serves another queue.
        (quiet(), [_line(NODE, "b", "bzpopmin", db=1)], []),
        # One lock makes one worker busy: the other was frozen after its lock was lost.
        (
            HELD,
            [_line(NODE, "N", "bzpopmin", idle=idle) for idle in (21, 50)],
            [BUSY, FROZEN],
        ),
        # Between short jobs of a backlog no lock is held: who is frozen cannot be told.
        (
            quiet(counts={"waiting": 9}, pick_ups=picked((1, 0)), active=(active(),)),
            [_line(NODE, "N", "bzpopmin", idle=90, id=n) for n in (1, 2)],
            [BUSY, UNCLEAR],
        ),
        # Without a backlog a worker that is not blocked, and holds nothing, does not fetch.
        (
            quiet(counts={"waiting": 0}, pick_ups=picked((1, 0))),
            [_line(NODE, "b", "bzpopmin", id=1), _line(NODE, "N", "bzpopmin", idle=90, id=2)],
            [CONSUMING, FROZEN],
        ),
        # More jobs are active than were read: any of them may be locked.
        (
            quiet(counts={"active": 70}, active=(active(locked=False),)),
            [_line(NODE, "N", "bzpopmin", idle=90)],
            [BUSY],
        ),
        # However many a server claims, nothing is kept for each.
        (
            quiet(counts={"active": 1 << 62}, active=(active(locked=False),)),
            [_line(NODE, "N", "bzpopmin", idle=90)],
            [BUSY],
        ),
        # A zombie, a local pause and `autorun: false` look alike; so, at first, do new ones.
        (quiet(), [_line(NODE, "N", "info", idle=100)], [IDLE]),
        (quiet(), [_line(NODE, "N", "info", idle=24, age=24)], [CONNECTING]),
        # One that began with a backlog has never blocked: a job shows that it works.
        (HELD, [_line(NODE, "N", "info", idle=100)], [BUSY]),
        # … but one job is not held by two workers.
        (HELD, [_line(NODE, "N", "info", idle=100, id=n) for n in (1, 2)], [BUSY, IDLE]),
        (
            HELD,
            [_line(NODE, "N", "bzpopmin", idle=100), _line(NODE, "N", "info", idle=100)],
            [BUSY, IDLE],
        ),
        # Python's two connections carry the same name.
        (quiet(), [_line(PYTHON, "b", "bzpopmin"), _line(PYTHON, "N", "evalsha")], [CONSUMING]),
        (
            quiet(),
            [_line(f"{PYTHON}:w:{name}", flags, cmd, id=n)
             for n, (name, flags, cmd) in enumerate(
                 [("a", "b", "bzpopmin"), ("a", "N", "evalsha"),
                  ("b", "b", "bzpopmin"), ("b", "N", "evalsha")], start=1)],
            [CONSUMING, CONSUMING],
        ),
        (HELD, [_line(PYTHON, "N", "client|setname"), _line(PYTHON, "N", "evalsha")], [BUSY]),
        (HELD, [_line(PYTHON, "N", "client"), _line(PYTHON, "N", "evalsha")], [BUSY]),  # 6.2
        # Its fetching connection is away for a moment, or for good.
        (quiet(), [_line(PYTHON, "N", "evalsha", idle=8)], [CONNECTING]),
        (quiet(), [_line(PYTHON, "N", "evalsha", idle=60)], [IDLE]),
        # Bull names a producer's connections, too.
        (
            quiet(flavour="bull"),
            [_line(NODE, "b", "brpoplpush"), _line(NODE, "N", "evalsha", idle=70)],
            [CONSUMING],
        ),
        (quiet(flavour="bull"), [_line(NODE, "N", "evalsha", idle=70)], []),
    ],
)  # fmt: skip
def test_signatures(facts: QueueFacts, lines: list[str], states: list[WorkerState]) -> None:
    assert _states(facts, *lines) == sorted(states)


def test_a_queue_that_ends_as_a_workers_name_begins_keeps_its_own_workers() -> None:
    odd = Queue(prefix=b"bull", name=b"a:w:b")
    client_list = _client_list(_line("bull:a:w:b", "b", "bzpopmin"))
    assert workers_of(odd, quiet(), [client_list] * 2).at_work == 1


def test_one_sighting_settles_nothing() -> None:
    blocked = _client_list(_line(NODE, "b", "bzpopmin"))
    assert not workers_of(QUEUE, quiet(), [blocked]).settled
    assert workers_of(QUEUE, quiet(), [blocked, blocked]).settled


def test_soon_after_a_restart_nothing_is_settled() -> None:
    client_list = _client_list(_line(NODE, "b", "bzpopmin"), uptime_s=24)
    found = workers_of(QUEUE, quiet(), [client_list, client_list])
    assert (found.settled, found.reconnecting) == (False, "the server started 24 s ago")


def test_what_began_before_the_clock_was_set_back_began_at_no_known_time() -> None:
    line = _line(NODE, "b", "bzpopmin", age=-3_500)
    for client_list, what in (
        (_client_list(line, uptime_s=-900), "the server started"),
        (_client_list(line), "a worker connected"),
    ):
        found = workers_of(QUEUE, quiet(), [client_list, client_list])
        assert found.reconnecting == f"{what} before the server's clock went back"


def test_a_connection_that_appeared_between_the_sightings_is_still_connecting() -> None:
    found = workers_of(
        QUEUE, quiet(), [_client_list(), _client_list(_line(NODE, "N", "bzpopmin", idle=0, age=1))]
    )
    assert [worker.state for worker in found.workers] == [CONNECTING]
    assert not found.settled


def _denied(facts: QueueFacts, *fetches: int) -> WorkerFacts:
    client_lists = [
        replace(_client_list(fetches=count), denied="no permission for CLIENT LIST on queue")
        for count in fetches
    ]
    return workers_of(QUEUE, facts, client_lists)


@pytest.mark.parametrize(
    ("facts", "alive", "words"),
    [
        (quiet(stall_checked_at_ms=NOW_MS - 12_000), True, "last looked for stalled jobs 12 s ago"),
        # Its interval is its own: the key alone tells nothing of the last 30 s.
        (quiet(stall_checked_at_ms=NOW_MS - 60_000), None, "last looked for stalled jobs 60 s ago"),
        (quiet(stall_check_ms=60_000), None, "nothing else tells"),
        (quiet(pick_ups=picked((3, 0))), True, "a job was taken 3 s ago"),
    ],
)
def test_without_client_list_jobs_and_stall_checks_show_a_living_worker(
    facts: QueueFacts,
    alive: bool | None,  # noqa: FBT001  # a column of the table
    words: str,
) -> None:
    found = _denied(facts, 5, 5)
    assert (found.known, found.alive) == (False, alive)
    assert found.because.startswith("no permission for CLIENT LIST on queue; ")
    assert words in found.because


def test_a_worker_that_names_no_connection_is_shown_by_the_jobs_that_are_taken() -> None:
    unnamed = _client_list(_line("", "b", "bzpopmin"))
    taken = workers_of(QUEUE, quiet(pick_ups=picked((2, 0))), [unnamed] * 2)
    gone = workers_of(QUEUE, quiet(pick_ups=picked((2, 0))), [_client_list()] * 2)
    assert (gone.alive, gone.at_work_at_most) == (False, 0)
    waits = workers_of(QUEUE, quiet(**waiting(9)), [unnamed] * 2)
    assert (waits.alive, waits.at_work_at_most) == (False, 0)  # it would take the job
    assert (taken.alive, taken.at_work, taken.at_work_at_most) == (True, 1, 1)
    maybe = workers_of(QUEUE, quiet(), [unnamed] * 2)
    assert (maybe.alive, maybe.at_work, maybe.at_work_at_most) == (None, 0, 1)
    none = workers_of(QUEUE, quiet(), [_client_list()] * 2)
    assert (none.alive, none.at_work_at_most) == (False, 0)
    elsewhere = workers_of(QUEUE, quiet(), [_client_list(_line("", "b", "bzpopmin", db=3))] * 2)
    assert (elsewhere.alive, elsewhere.at_work_at_most) == (False, 0)


def test_a_python_worker_that_reconnects_its_fetching_connection_is_at_work() -> None:
    other = _line(PYTHON, "N", "evalsha", idle=60, id=7)
    with_it = _client_list(other, _line(PYTHON, "b", "bzpopmin", id=8))
    without = _client_list(other)
    assert misses_a_fetcher(QUEUE, quiet(), [without, without])
    assert not misses_a_fetcher(QUEUE, quiet(), [without, with_it])
    assert not misses_a_fetcher(QUEUE, quiet(), [_client_list(_line(NODE, "N", "info"))] * 2)
    found = workers_of(QUEUE, quiet(), [with_it, without])
    assert [worker.state for worker in found.workers] == [CONSUMING]


def test_without_client_list_fetches_may_be_of_another_queue() -> None:
    assert _denied(quiet(), 5, 9).alive is None
    assert "of this queue or another" in _denied(quiet(), 5, 9).because
    assert _denied(quiet(), 5, 5).alive is None
    assert cause(quiet(**waiting(9)), _denied(quiet(), 5, 5)) is Cause.UNKNOWN


def _workers(*lines: str, facts: QueueFacts | None = None) -> WorkerFacts:
    return workers_of(QUEUE, facts or quiet(), [_client_list(*lines)] * 2)


WAITS = quiet(**waiting(9))
BLOCKED = _workers(_line(NODE, "b", "bzpopmin"))
HOLDING = _workers(_line(NODE, "N", "bzpopmin", idle=90), facts=HELD)
PERIOD = Limiter(used=1, limit=None, left_ms=5_000)


@pytest.mark.parametrize(
    ("facts", "workers", "reason"),
    [
        (quiet(), _workers(), Cause.NOTHING_WAITS),
        (WAITS, _workers(), Cause.NO_WORKER),
        (replace(WAITS, paused=True), _workers(), Cause.PAUSED),
        (WAITS, _workers(_line(NODE, "N", "info", idle=90)), Cause.NOT_CONSUMING),
        (WAITS, _workers(_line(NODE, "N", "info", idle=1, age=1)), Cause.UNKNOWN),
        (WAITS, HOLDING, Cause.BUSY),
        (WAITS, BLOCKED, Cause.UNKNOWN),
        (quiet(overdue_s=9.0), BLOCKED, Cause.NOT_PROMOTED),
        # A period runs, but its limit is not used up.
        (replace(WAITS, limiter=replace(PERIOD, limit=5)), HOLDING, Cause.BUSY),
        (replace(WAITS, limiter=replace(PERIOD, limit=1)), BLOCKED, Cause.RATE_LIMITED),
        (replace(WAITS, limiter=PERIOD), BLOCKED, Cause.UNKNOWN),
        (replace(WAITS, limiter=PERIOD, active=(active(),)), HOLDING, Cause.BUSY),
        (replace(WAITS, limiter=PERIOD), HOLDING, Cause.RATE_LIMITED),
        (
            replace(WAITS, limiter=replace(PERIOD, used=(1 << 53) - 1)),
            HOLDING,
            Cause.RATE_LIMITED,
        ),
        (replace(WAITS, limiter=replace(PERIOD, left_ms=None)), HOLDING, Cause.BUSY),
        (
            quiet(**{**waiting(9), "counts": {"waiting": 1, "active": 2}}, concurrency=2),
            HOLDING,
            Cause.CONCURRENCY,
        ),
    ],
)
def test_causes(facts: QueueFacts, workers: WorkerFacts, reason: Cause) -> None:
    assert cause(facts, workers) is reason


def test_reasons_are_grouped_and_hold_no_secret() -> None:
    classes = classify(
        [
            b"timeout after 5000 ms\n    at Worker.run (/app/worker.js:12)",
            b"timeout after 7000 ms",
            b"connect redis://default:hunter2@10.0.0.1:6379 failed",
            b"token=abcdef123456 refused",
            b"no user joe@example.org",
            b"job 550e8400-e29b-41d4-a716-446655440000 lost",
            b"\x1b[31mred\x1b[0m " + b"x" * 500,
            b"",
        ]
    )
    texts = [one.reason for one in classes]
    assert (classes[0].reason, classes[0].count) == ("timeout after # ms", 2)
    assert "(no reason)" in texts
    assert all(text.isprintable() and len(text) < 140 for text in texts)
    for secret in ("hunter2", "abcdef", "joe", "550e8400"):
        assert not [text for text in texts if secret in text]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_shown_names_are_printable_and_differ(one: bytes, other: bytes) -> None:
    assert escaped(one).isprintable()
    assert (escaped(one) == escaped(other)) == (one == other)


@given(st.binary(max_size=300))
def test_a_client_list_of_anything_is_no_error(listed: bytes) -> None:
    listing = _Listing([])
    listing.replies = [listed, listed, listed]
    client_list = list_clients(listing)  # type: ignore[arg-type]
    workers_of(QUEUE, quiet(), [client_list, client_list])


def test_more_connections_than_are_looked_at_leave_the_workers_unknown() -> None:
    others = [_line("", "N", "get")] * 9_000 + [_line(NODE, "b", "bzpopmin", db=1)] * 9_000
    named = [_line(NODE, "b", "bzpopmin", id=number) for number in range(1, 10_002)]
    enough, too_many = (_client_list(*others, *named[first:]) for first in (1, 0))
    assert workers_of(QUEUE, quiet(), [enough, enough]).at_work == 10_000
    found = workers_of(QUEUE, quiet(), [enough, too_many])
    assert (found.known, found.alive) == (False, None)
    assert found.because.startswith("more than 10000 connections have a name or fetch jobs; ")


def test_as_many_active_jobs_as_workers_are_assigned_at_once() -> None:
    listed = _client_list(
        *(_line(NODE, "N", "bzpopmin", idle=90, id=number) for number in range(1, 10_001))
    )
    began = time.monotonic()
    found = workers_of(QUEUE, quiet(counts={"active": 9_990}), [listed, listed])
    assert (found.count(BUSY), found.count(FROZEN)) == (9_990, 10)
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("_little_memory")
def test_a_name_of_many_parts_takes_little_memory() -> None:
    queue = Queue(prefix=b"bull", name=b"a:w:b")
    long = "bull:a:w:b" + ":w:" * 20_000
    for name in ("bull:a:w:b:w:c:w:d", "bull:a:w:b", long):
        client_list = _client_list(_line(name, "b", "bzpopmin"), _line("bull:a:w", "b", "bzpopmin"))
        assert len(workers_of(queue, quiet(), [client_list, client_list]).workers) == 1


@pytest.mark.parametrize("listed", [b"", b"OK", b"\n\n"])
def test_a_client_list_without_the_one_who_asks_is_none(listed: bytes) -> None:
    listing = _Listing([])
    listing.replies[0] = listed
    client_list = list_clients(listing)  # type: ignore[arg-type]
    found = workers_of(QUEUE, quiet(), [client_list, client_list])
    assert not found.known
    assert "does not even list the connection that asks" in found.because
