"""The server's clock was set back: its events lie in the future, and are no evidence of anything.

A stream's ids never go back, so one id that is ahead does to all later events what such a clock
does: they get its time.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from redis_runbook.probes.bullmq.clients import ClientList, list_clients
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import workers_of
from redis_runbook.wire.client import Client
from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, acting
from tests.support.bullmq_scene import NODE_LIBRARIES, wait_until_all_are_known
from tests.support.queue_runs import DENIED, config
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until

AHEAD_MS = 3_600_000
_BOTH_RUNS_MS = 20_000
QUEUE = Queue(prefix=b"bull", name=b"q")
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, product.Outcome]]:
    """Two runs on queues with a worker and on queues whose worker was killed 10 s before."""
    require(HAS_NODE_LIBRARIES, INSTALL)
    folder = tmp_path_factory.mktemp("clock")
    queues: dict[str, dict[str, Any]] = {
        f"{library}-{story}": {} for library in NODE_LIBRARIES for story in ("served", "killed")
    }
    with running("--maxmemory", "200mb") as server, acting() as begin:
        _play(server, begin)
        urls = {
            "whole": server.url,
            "denied": server.user("shy", "shy-password", *DENIED),
        }
        yield {
            name: product.run(
                folder / name,
                *("smoke", "--select", "queue"),
                env=product.urls(url),
                config=config(queues, window_s=5),
            )
            for name, url in urls.items()
        }


def _play(server: Server, begin: Callable[..., Any]) -> None:
    raw = server.client()
    for library in NODE_LIBRARIES:
        served, killed = begin(library, server.port), begin(library, server.port)
        for actor, story in ((served, "served"), (killed, "killed")):
            queue = f"{library}-{story}"
            actor.tell("worker", queue=queue)
            _set_ahead(raw, queue)
            run = queue, actor.add(queue).job
            wait_until(lambda actor=actor, run=run: run in actor.ends)
        killed.end()
        raw.delete(f"bull:{library}-killed:stalled-check")  # it proves a worker for 30 s
        for _ in range(5):
            served.add(f"{library}-killed")
    wait_until_all_are_known(server)
    wait_until(lambda: all(_was_just_checked(raw, library) for library in NODE_LIBRARIES), 60)


def _was_just_checked(raw: Any, library: str) -> bool:
    """Whether its worker has looked for stalled jobs, and need not again while runs look."""
    return bool(raw.pttl(f"bull:{library}-served:stalled-check") > _BOTH_RUNS_MS)


def _set_ahead(raw: Any, queue: str, ahead_ms: int = AHEAD_MS) -> None:
    raw.xadd(f"bull:{queue}:events", {"event": "drained"}, id=f"{_now_ms() + ahead_ms}-0")


def _now_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.parametrize("library", NODE_LIBRARIES)
def test_a_queue_that_nobody_serves_is_broken(
    runs: dict[str, product.Outcome], library: str
) -> None:
    whole, denied = runs["whole"], runs["denied"]
    for done in (whole, denied):
        latency = done.finding(f"queue.latency[{library}-killed]")
        assert latency["verdict"] == "fail", latency["message"]
        assert "by its own timestamp" in latency["message"]
        assert "its events are 35" in str(latency["evidence"])
        assert "s ahead of the server's clock" in str(latency["evidence"])
        assert not re.search(r" -\d", str(latency["evidence"]["last events"]))
    assert whole.verdicts[f"queue.workers[{library}-killed]"] == "fail"
    assert denied.verdicts[f"queue.workers[{library}-killed]"] == "unknown"
    assert denied.verdicts[f"queue.workers[{library}-served]"] == "pass"  # by its stall check
    assert "a job was taken" not in denied.everything


@pytest.mark.parametrize("library", NODE_LIBRARIES)
def test_a_queue_that_is_served_is_healthy(runs: dict[str, product.Outcome], library: str) -> None:
    verdicts = {
        name: verdict
        for name, verdict in runs["whole"].verdicts.items()
        if name.endswith(f"[{library}-served]")
    }
    assert {*verdicts.values()} <= {"pass", "not_applicable"}, verdicts
    message = runs["whole"].message(f"queue.latency[{library}-served]")
    assert "no events tell whether one was picked up" in message


def _observe(client: Client) -> QueueFacts:
    return observe_queues(client, [QUEUE])[QUEUE]


def _denied(client: Client) -> list[ClientList]:
    listed = list_clients(client)
    nobody: dict[str, Any] = {
        "connections": listed.connections,
        "unnamed_waiting": 0,
        "unnamed_busy": 0,
        "uptime_s": 9_999,
        "blocking_calls": 0,
        "denied": "denied",
    }
    return [ClientList(**nobody)] * 2


@pytest.mark.parametrize("ahead_ms", [5_000, AHEAD_MS, 1 << 60])
def test_events_that_are_ahead_are_no_evidence(raw: Any, client: Client, ahead_ms: int) -> None:
    """Neither are those before: it was another clock that dated them."""
    events: list[dict[str, Any]] = [
        {"event": "waiting", "jobId": "1"},
        {"event": "active", "jobId": "1"},
        {"event": "failed", "jobId": "1", "failedReason": "no file"},
        {"event": "waiting", "jobId": "2"},
        {"event": "delayed", "jobId": "3", "delay": _now_ms()},
    ]
    for fields in events:
        raw.xadd("bull:q:events", fields)
    now_ms = _now_ms()
    raw.lpush("bull:q:wait", "2")
    raw.hset("bull:q:2", mapping={"name": "render", "timestamp": now_ms - 45_000, "opts": "{}"})
    raw.zadd("bull:q:delayed", {"3": (now_ms - 30_000) * 4096})
    assert len(_observe(client).pick_ups) == 1
    _set_ahead(raw, "q", ahead_ms)
    for fields in events:
        raw.xadd("bull:q:events", fields)
    facts = _observe(client)
    assert (facts.pick_ups, facts.history_from_ms, facts.failed_events) == ((), None, 0)
    assert facts.longest_wait_s == pytest.approx(45, abs=1)
    assert facts.overdue_s == pytest.approx(30, abs=1)
    assert facts.problems[0].startswith(f"its events are {str(ahead_ms)[0]}"[:-1])
    assert facts.last_events
    found = workers_of(QUEUE, facts, _denied(client))
    assert (found.alive, found.because) == (
        None,
        "denied; nothing else tells whether there are workers",
    )


def test_a_stream_whose_last_event_was_removed_is_still_ahead(raw: Any, client: Client) -> None:
    _set_ahead(raw, "q")
    raw.xtrim("bull:q:events", maxlen=0, approximate=False)
    raw.xadd("bull:q:events", {"event": "waiting", "jobId": "1"})
    raw.xadd("bull:q:events", {"event": "active", "jobId": "1"})
    facts = _observe(client)
    assert (facts.pick_ups, facts.history_from_ms) == ((), None)


def test_events_of_a_clock_that_went_back_by_less_than_a_second_count(
    raw: Any, client: Client
) -> None:
    _set_ahead(raw, "q", 600)
    raw.xadd("bull:q:events", {"event": "waiting", "jobId": "1"})
    raw.xadd("bull:q:events", {"event": "active", "jobId": "1"})
    facts = _observe(client)
    assert (len(facts.pick_ups), facts.problems) == (1, ())
    assert "a job was taken 0 s ago" in workers_of(QUEUE, facts, _denied(client)).because


@pytest.mark.parametrize(
    ("ahead_ms", "lives_ms", "alive"),
    [
        (20_000, 25_000, True),  # its worker's clock is ahead
        (20_000, 50_000, None),
        (20_000, None, None),
        (AHEAD_MS, AHEAD_MS + 30_000, None),
    ],
)
def test_a_stall_check_in_the_future_proves_no_worker(
    raw: Any, client: Client, ahead_ms: int, lives_ms: int | None, *, alive: bool | None
) -> None:
    raw.set("bull:q:stalled-check", _now_ms() + ahead_ms, px=lives_ms)
    found = workers_of(QUEUE, _observe(client), _denied(client))
    assert found.alive is alive
    ahead = f"at a time that is {ahead_ms // 1000} s ahead of the server's clock"
    assert found.because.endswith("stalled jobs 0 s ago" if alive else ahead)
