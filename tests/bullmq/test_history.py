"""Queues that are busy for the whole window: every pick-up of the five minutes counts."""

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support import product
from tests.support.servers import Server, running

JOBS = 1_650  # in 300 s: more events than one look at the queue's state has


@pytest.mark.parametrize(("waited_ms", "verdict"), [(5_000, "fail"), (100, "pass")])
def test_a_busy_queue_is_judged_by_its_whole_window(
    waited_ms: int, verdict: str, folder: Path
) -> None:
    with running("--maxmemory", "100mb") as server:
        _fill(server, waited_ms, jobs=JOBS)
        done = product.run(
            folder, "smoke", "--select", "queue.latency", env=product.urls(server.url)
        )
    found = done.finding("queue.latency[render]")
    assert found["verdict"] == verdict, found["message"]
    assert found["observed"] == pytest.approx(waited_ms / 1000)
    seen = int(found["message"].partition(" pick-ups")[0].rpartition(" ")[2])
    # Where jobs do not wait, the newest events are enough to tell that.
    assert seen == pytest.approx(JOBS if verdict == "fail" else 650, abs=60)
    assert ("the events of " in found["message"]) is (verdict == "pass")


def test_what_the_events_do_not_reach_is_said_and_unknown_where_it_matters(folder: Path) -> None:
    with running("--maxmemory", "100mb") as server:
        _fill(server, 5_000, jobs=JOBS)
        server.client().xtrim("bull:render:events", maxlen=360, approximate=False)
        arguments = ("smoke", "--select", "queue.latency")
        done = product.run(folder, *arguments, env=product.urls(server.url))
    verdict, message = (
        done.finding("queue.latency[render]")[key] for key in ("verdict", "message")
    )
    assert verdict == "unknown"
    assert "the events of 2" in message
    assert message.endswith(", throughout which it was over")


def _fill(server: Server, waited_ms: int, *, jobs: int) -> None:
    """The events of jobs that were picked up one after the other for five minutes, until now."""
    now_ms = int(time.time() * 1000)
    events = []
    for job in range(jobs + 60):  # and on into the time in which the run looks
        at_ms = now_ms - 300_000 + job * 300_000 // jobs
        events += [(at_ms - waited_ms, "waiting", job), (at_ms, "active", job)]
        events += [(at_ms + 150, "completed", job)]
    entries: list[tuple[str, dict[Any, Any]]] = [
        (f"{at_ms}-{number}", {"event": event, "jobId": str(job), "prev": "active"})
        for number, (at_ms, event, job) in enumerate(sorted(events))
    ]
    raw = server.client()
    pipe = raw.pipeline(transaction=False)
    pipe.hset("bull:render:meta", "version", "bullmq:5.81.5")
    past = sum(at_ms <= now_ms for at_ms, _, _ in events)
    for entry_id, fields in entries[:past]:
        pipe.xadd("bull:render:events", fields, id=entry_id)
    pipe.execute()
    threading.Thread(target=_go_on, args=[server, entries[past:]], daemon=True).start()


def _go_on(server: Server, entries: list[tuple[str, dict[Any, Any]]]) -> None:
    """Add each entry when its time comes, until the server is gone: no event is ahead of it."""
    with contextlib.suppress(redis.ConnectionError), server.client() as raw:
        for entry_id, fields in entries:
            at_s = int(entry_id.partition("-")[0]) / 1000
            time.sleep(max(0.0, at_s - time.time()))
            raw.xadd("bull:render:events", fields, id=entry_id)
