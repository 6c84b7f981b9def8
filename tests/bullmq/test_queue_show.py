"""`redis-runbook queue show NAME`, on a queue that a real worker serves."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, Actor
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One queue with a worker that is busy, and a delayed job that is overdue."""
    require(HAS_NODE_LIBRARIES, INSTALL)
    with running() as server:
        actor = Actor.begin("bullmq6", server.port)
        try:
            actor.tell("worker", queue="render", options={"name": "render-7"})
            for _ in range(3):
                actor.add("render", {"ms": 30_000, "token": "planted-in-data"})
            wait_until(lambda: actor.starts)
            yield server
        finally:
            actor.end()


def show(*arguments: str, url: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        product.command("queue", "show", *arguments),
        env={**product.QUIET, "REDIS_QUEUE_URL": url},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_queue_is_shown_without_its_data_and_without_a_write(server: Server) -> None:
    server.client().config_resetstat()
    done = show("render", url=server.url)
    commands = server.client().info("commandstats")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "waiting 2" in lines
    assert "active 1" in lines
    assert "because: all workers busy" in lines
    assert any(line.startswith("render-7 at 127.0.0.1:") and "busy" in line for line in lines)
    assert any(line.startswith("2 (job), wait, ") for line in lines)
    assert "planted-in-data" not in done.stdout
    assert not {"cmdstat_eval", "cmdstat_keys", "cmdstat_set", "cmdstat_del"} & set(commands)


def test_a_queue_that_is_not_there_names_those_that_are(server: Server) -> None:
    done = show("rendre", url=server.url)
    assert done.returncode == 3
    said = "no such queue: rendre; found: render; did you mean render?"
    assert done.stderr.splitlines()[-1] == said
