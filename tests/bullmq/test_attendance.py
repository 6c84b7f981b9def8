"""Who is there to do the work: after a restart, in another database, frozen, without a name."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import product
from tests.support.bullmq_actors import (
    HAS_NODE_LIBRARIES,
    HAS_OLD_PYTHON_LIBRARY,
    HAS_PYTHON_LIBRARY,
    INSTALL,
    acting,
)
from tests.support.bullmq_scene import LONG
from tests.support.queue_runs import config
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until

BACK_S = 25
"""How long after a restart workers may still be on their way."""
SETTINGS: dict[str, dict[str, Any]] = {
    "elsewhere": {},
    "allowed": {"paused_ok": True},
    "unneeded": {"workers_min": 0},
    "overdue": {"overdue_grace_s": 0.5},
    "late": {"overdue_grace_s": 0.5},
}
LATER: dict[str, dict[str, Any]] = {"two": {"workers_min": 2}, "unnamed": {}}
"""The queues that are there after the restart only."""

pytestmark = pytest.mark.timeout(150)


@dataclass(frozen=True)
class Seen:
    """A run right after the server's restart, and one when workers had the time to come back."""

    early: product.Outcome
    late: product.Outcome


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    require(HAS_NODE_LIBRARIES and HAS_OLD_PYTHON_LIBRARY, INSTALL)
    folder = tmp_path_factory.mktemp("attendance")
    options = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "100mb")
    with running(*options) as server, acting() as begin:
        frozen = _prepare(server, begin)
        server.stop()
        server.start()
        early = _smoke(folder / "early", server, SETTINGS)
        _after_the_restart(server, begin)
        wait_until(lambda: _youngest_s(server) > BACK_S, 60)
        yield Seen(early=early, late=_smoke(folder / "late", server, SETTINGS | LATER))
        frozen.signal(signal.SIGCONT)


def _youngest_s(server: Server) -> int:
    """The age of the last worker that connected."""
    clients: Any = server.client().client_list()
    return min(int(client["age"]) for client in clients if client["cmd"] == "bzpopmin")


def _smoke(folder: Path, server: Server, settings: dict[str, dict[str, Any]]) -> product.Outcome:
    env = product.urls(server.url)
    return product.run(folder, "smoke", "--select", "queue", env=env, config=config(settings))


def _prepare(server: Server, begin: Any) -> Any:
    """What is there before the restart: jobs, one that is active, and a worker that will freeze."""
    actor, frozen = begin("bullmq6", server.port), begin("bullmq6", server.port)
    for queue in ("nobody", "unneeded", "elsewhere"):
        for _ in range(12):
            actor.add(queue)
    frozen.tell("worker", queue="held", options={"lockDuration": 1500, "stalledInterval": 10**6})
    actor.add("held", LONG)
    actor.add("overdue", delay=100)
    actor.tell("queue", queue="late", call="upsertJobScheduler", args=["tick", {"every": 1000}])
    for queue in ("allowed", "stopped"):
        args = ["tick", {"every": 1000}]
        actor.tell("queue", queue=queue, call="upsertJobScheduler", args=args)
        actor.tell("queue", queue=queue, call="pause")
    wait_until(lambda: frozen.starts)
    frozen.signal(signal.SIGSTOP)
    actor.end()
    raw = server.client()
    wait_until(lambda: not raw.exists("bull:held:1:lock"))
    return frozen


def _after_the_restart(server: Server, begin: Any) -> None:
    """Workers that come back, some of them to the wrong place or only to freeze."""
    actor = begin("bullmq6", server.port)
    begin("bullmq6", server.port, 1).tell("worker", queue="elsewhere")
    for name in ("steady", "lost"):
        options = {"lockDuration": 1500, "stalledInterval": 10**6}
        worker = begin("bullmq6", server.port)
        worker.tell("worker", queue="two", options=options)
        actor.add("two", LONG)
        wait_until(lambda worker=worker: worker.starts)
        if name == "lost":
            worker.signal(signal.SIGSTOP)
    actor.tell("worker", queue="scheduled", options={"concurrency": 1})
    actor.add("scheduled", LONG)
    args = ["tick", {"every": 1000}]
    actor.tell("queue", queue="scheduled", call="upsertJobScheduler", args=args)
    old = begin("python-2.15", server.port)
    old.tell("worker", queue="unnamed")
    old.tell("add", queue="unnamed")


def about(done: product.Outcome, check: str, queue: str) -> tuple[str, str]:
    found = done.finding(f"{check}[{queue}]")
    return found["verdict"], found["message"]


def test_right_after_a_restart_nobody_at_work_is_unknown(seen: Seen) -> None:
    assert seen.early.code == 3, seen.early.out
    for check, queue in (
        ("queue.workers", "nobody"),
        ("queue.latency", "nobody"),
        ("queue.overdue", "overdue"),
        ("queue.stalled", "held"),
        ("queue.schedulers", "late"),
    ):
        verdict, message = about(seen.early, check, queue)
        assert verdict == "unknown", message
        assert "workers may still be reconnecting: the server started " in message
    assert "fail" not in seen.early.verdicts.values()


def test_when_workers_had_the_time_it_is_broken(seen: Seen) -> None:
    assert seen.late.code == 1
    for check, queue, words in (
        ("queue.workers", "nobody", "12 jobs wait, the oldest for "),
        ("queue.workers", "nobody", " in nobody, and nobody takes them: 0 of 0 connected workers"),
        ("queue.workers", "overdue", "a delayed job is "),
        ("queue.overdue", "overdue", ": no worker"),
        ("queue.stalled", "held", "no lock"),
        ("queue.schedulers", "late", "tick has stopped: no worker"),
    ):
        verdict, message = about(seen.late, check, queue)
        assert verdict == "fail", message
        assert words in message


def test_a_queue_that_is_meant_to_have_no_worker_needs_none(seen: Seen) -> None:
    assert about(seen.late, "queue.workers", "unneeded")[0] == "pass"


def test_a_worker_of_another_database_is_no_worker(seen: Seen) -> None:
    verdict, message = about(seen.late, "queue.workers", "elsewhere")
    assert (verdict, "0 of 0 connected workers" in message) == ("fail", True)
    assert ": no worker; " in about(seen.late, "queue.latency", "elsewhere")[1]


def test_a_frozen_worker_beside_a_busy_one_is_not_at_work(seen: Seen) -> None:
    verdict, message = about(seen.late, "queue.workers", "two")
    assert (verdict, message) == (
        "fail",
        "1 of 2 connected workers of two takes jobs (at least 2)",
    )
    states = seen.late.finding("queue.workers[two]")["evidence"]["workers"]
    assert sorted(state.split(": ")[1].split(",")[0] for state in states) == ["busy", "frozen"]


def test_a_scheduler_behind_busy_workers_has_not_stopped(seen: Seen) -> None:
    verdict, message = about(seen.late, "queue.schedulers", "scheduled")
    assert (verdict, message) == (
        "pass",
        "1 job scheduler of scheduled: 1 is late: all workers busy",
    )
    assert ": all workers busy; " in about(seen.late, "queue.latency", "scheduled")[1]


def test_a_scheduler_of_a_paused_queue_has_not_stopped(seen: Seen) -> None:
    assert about(seen.late, "queue.schedulers", "allowed") == (
        "not_applicable",
        "allowed is paused, as the configuration allows",
    )
    verdict, message = about(seen.late, "queue.schedulers", "stopped")
    assert (verdict, "1 is late: the queue is paused" in message) == ("pass", True)
    assert about(seen.late, "queue.paused", "stopped")[0] == "warn"


def test_a_worker_without_a_name_may_be_there(seen: Seen) -> None:
    verdict, message = about(seen.late, "queue.workers", "unnamed")
    assert (verdict, "without a name fetch" in message) == ("unknown", True)


def test_a_delayed_job_that_nobody_is_there_for_is_a_warning(folder: Path) -> None:
    require(HAS_NODE_LIBRARIES, INSTALL)
    with running("--maxmemory", "100mb") as server, acting() as begin:
        actor = begin("bullmq6", server.port)
        actor.add("later", delay=3_600_000)
        alone = _smoke(folder / "alone", server, {})
        actor.tell("worker", queue="later")
        served = _smoke(folder / "served", server, {})
    verdict, message = about(alone, "queue.workers", "later")
    assert (verdict, message.endswith(": nobody is there for 1 delayed job")) == ("warn", True)
    assert about(served, "queue.workers", "later")[0] == "pass"


def test_a_python_worker_whose_connection_drops_every_5_s_is_always_there(folder: Path) -> None:
    """By default redis-py 8 ends each fetch after 5 s, and the library connects again."""
    require(HAS_PYTHON_LIBRARY, INSTALL)
    with running("--maxmemory", "100mb") as server, acting() as begin:
        actor = begin("python", server.port)
        connection = {"host": "127.0.0.1", "port": server.port}
        actor.tell("worker", queue="render", options={"connection": connection})
        actor.add("render")
        wait_until(lambda: actor.ends, 30)
        runs = [
            product.run(
                folder / str(number),
                *("smoke", "--select", "queue.workers"),
                env=product.urls(server.url),
                config=config({"render": {"workers_min": 1}}),
            )
            for number in range(5)
        ]
        fetching = [one for one in server.client().client_list() if one["cmd"] == "bzpopmin"]
        assert all(int(one["age"]) < 10 for one in fetching)  # it did drop
    assert [done.verdicts["queue.workers[render]"] for done in runs] == ["pass"] * len(runs)
