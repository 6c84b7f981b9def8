"""A job that has waited for long is not hidden by others that have not."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import product
from tests.support.bullmq_scene import wait_until_all_are_known
from tests.support.queue_runs import config
from tests.support.servers import Server, running

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("--maxmemory", "100mb") as started:
        wait_until_all_are_known(started)  # workers that are away may no longer be on their way
        yield started


def _seen(server: Server, folder: Path) -> product.Outcome:
    checks = ("queue.latency", "queue.workers", "queue.overdue")
    patient = config({queue: {"latency_s": 60} for queue in ("starved", "served")})
    env = product.urls(server.url)
    return product.run(folder, "smoke", "--select", *checks, env=env, config=patient)


def _job(raw: Any, queue: str, job: str, **fields: Any) -> None:
    known = {"name": "render", "data": "{}", "opts": "{}", "delay": 0, "priority": 0}
    raw.hset(f"bull:{queue}:{job}", mapping={**known, "timestamp": _now_ms(), **fields})


def _now_ms() -> int:
    return int(time.time() * 1000)


def test_a_retried_job_that_starves_behind_fresh_ones(
    server: Server, raw: Any, folder: Path
) -> None:
    tried_ms = _now_ms() - HOUR_MS
    for queue in ("starved", "served"):
        raw.hset(f"bull:{queue}:meta", "version", "bullmq:5.81.5")
        raw.lpush(f"bull:{queue}:wait", "2")
        _job(raw, queue, "2", timestamp=_now_ms() + 900)
    raw.zadd("bull:starved:prioritized", {"1": 5 << 32})
    _job(raw, "starved", "1", timestamp=tried_ms, priority=5, processedOn=tried_ms, ats=1, atm=1)
    done = _seen(server, folder)
    assert done.verdicts["queue.latency[starved]"] == "unknown"
    assert done.message("queue.latency[starved]").endswith(
        "1 of 2 waiting jobs that were looked at does not tell since when"
    )
    assert done.verdicts["queue.workers[starved]"] == "fail"
    assert "2 jobs wait, nobody knows since when one of them does in starved" in done.message(
        "queue.workers[starved]"
    )
    assert done.code == 1
    assert done.verdicts["queue.latency[served]"] in {"pass", "warn"}


def test_a_number_that_a_client_chose_is_no_later_than_the_counter(
    server: Server, raw: Any, folder: Path
) -> None:
    due_ms = _now_ms() - HOUR_MS
    for queue, counter in (("orders", 200), ("counted", 20_000)):
        raw.set(f"bull:{queue}:id", counter)
        raw.zadd(f"bull:{queue}:delayed", {"9999": due_ms * 4096})
        _job(raw, queue, "9999", timestamp=due_ms - HOUR_MS, delay=HOUR_MS)
        for job in ("101", "102"):
            _job(raw, queue, job)
            raw.zadd(f"bull:{queue}:completed", {job: _now_ms()})
    done = _seen(server, folder)
    assert done.verdicts["queue.overdue[orders]"] == "fail"
    assert done.finding("queue.overdue[orders]")["observed"] == pytest.approx(3_600, abs=30)
    # Where the counter has reached it, jobs with smaller numbers show that it is fresh.
    assert done.finding("queue.overdue[counted]")["observed"] == pytest.approx(4, abs=4)


def test_where_clients_may_not_be_listed_nobody_is_said_to_be_there(
    server: Server, raw: Any, folder: Path
) -> None:
    raw.hset("bull:later:meta", "version", "bullmq:5.81.5")
    raw.zadd("bull:later:delayed", {"1": (_now_ms() + HOUR_MS) * 4096})
    _job(raw, "later", "1", delay=HOUR_MS)
    url = server.user("shy", "shy-password", "~*", "&*", "+@all", "-client|list")
    done = product.run(folder, "smoke", "--select", "queue.workers", env=product.urls(url))
    verdict, message = (done.finding("queue.workers[later]")[key] for key in ("verdict", "message"))
    assert verdict == "warn"
    assert message.endswith("nobody may be there for 1 delayed job")


def test_a_lock_is_no_worker(server: Server, raw: Any, folder: Path) -> None:
    for queue in ("locked", "done"):
        raw.hset(f"bull:{queue}:meta", "version", "bullmq:5.81.5")
    _job(raw, "locked", "1", processedOn=_now_ms(), ats=1)
    raw.rpush("bull:locked:active", "1")
    raw.set("bull:locked:1:lock", "token", px=HOUR_MS)
    done = _seen(server, folder)
    assert done.verdicts["queue.workers[locked]"] == "warn"
    assert done.message("queue.workers[locked]").endswith(": nobody is there for 1 active job")
    assert done.verdicts["queue.workers[done]"] == "pass"
