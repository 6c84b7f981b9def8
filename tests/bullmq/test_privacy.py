"""`[privacy] job_details = false`: the same verdicts, and nothing that tells jobs apart."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import product
from tests.support.servers import Server, running

WITHOUT = "[privacy]\njob_details = false\n"
PLANTED = ("planted-waiting", "planted-name", "planted-reason", "planted-tick", "planted-active")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A queue with a job, a scheduler and a failure that can be told apart by their names."""
    with running() as server:
        raw, now_ms = server.client(), int(time.time() * 1000)
        raw.hset("bull:render:meta", mapping={"version": "bullmq:5.81.5"})
        for state, command in (("waiting", "wait"), ("active", "active")):
            job = f"planted-{state}"
            raw.lpush(f"bull:render:{command}", job)
            raw.hset(
                f"bull:render:{job}",
                mapping={"name": "planted-name", "timestamp": now_ms - 9_000, "opts": "{}"},
            )
            raw.xadd("bull:render:events", {"event": state, "jobId": job, "prev": "wait"})
        raw.zadd("bull:render:failed", {"planted-failed": now_ms})
        raw.hset("bull:render:planted-failed", "failedReason", "planted-reason: no such file")
        raw.zadd("bull:render:repeat", {"planted-tick": now_ms - 60_000})
        raw.hset("bull:render:repeat:planted-tick", mapping={"name": "planted-tick"})
        yield server


def test_no_output_tells_one_job_from_another(server: Server, folder: Path) -> None:
    arguments, env = ("smoke", "--select", "queue"), product.urls(server.url)
    shown = product.run(folder / "shown", *arguments, env=env)
    hidden = product.run(folder / "hidden", *arguments, env=env, config=WITHOUT)
    assert [words for words in PLANTED if words not in shown.everything] == []
    assert [words for words in PLANTED if words in hidden.everything] == []
    assert "planted" not in hidden.everything
    assert hidden.verdicts == shown.verdicts
    assert "fail" in hidden.verdicts.values()
    assert "render" in hidden.everything


def test_an_id_that_looks_like_a_secret_is_masked_in_sentences_too(folder: Path) -> None:
    with running() as server:
        raw, now_ms = server.client(), int(time.time() * 1000)
        raw.hset("bull:render:meta", mapping={"version": "bullmq:5.81.5"})
        for scheduler in ("sync:token=planted-token", f"{'s' * 110} rediss://u:planted-pass@h"):
            raw.zadd("bull:render:repeat", {scheduler: now_ms - 60_000})
            raw.hset(f"bull:render:repeat:{scheduler}", mapping={"name": "x"})
        env = product.urls(server.url)
        done = product.run(folder, "smoke", "--select", "queue", env=env)
        shown = product.run(folder / "show", "queue", "show", "render", env=env)
    assert "sync:token=[redacted]: its next run is" in shown.out
    assert "planted" not in shown.out
    assert "sync:token=[redacted] is orphaned" in done.message("queue.schedulers[render]")
    assert "planted" not in done.everything


def test_neither_does_a_look_at_the_queue(server: Server, folder: Path) -> None:
    arguments, env = ("queue", "show", "render"), product.urls(server.url)
    shown = product.run(folder / "shown", *arguments, env=env)
    hidden = product.run(folder / "hidden", *arguments, env=env, config=WITHOUT)
    assert "planted-waiting (planted-name)" in shown.out
    assert (hidden.code, shown.code) == (0, 0)
    assert "planted" not in hidden.everything
