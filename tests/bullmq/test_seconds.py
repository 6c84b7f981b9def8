"""Jobs whose `timestamp` is in seconds: their delay is over since 1970, by the queue's order."""

import time
from pathlib import Path

import pytest

from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, acting
from tests.support.bullmq_scene import NODE_LIBRARIES
from tests.support.queue_runs import config
from tests.support.requirements import require
from tests.support.servers import running, wait_until


@pytest.mark.parametrize("library", NODE_LIBRARIES)
def test_delayed_jobs_in_seconds_pass_only_once_they_are_promoted(
    library: str, folder: Path
) -> None:
    require(HAS_NODE_LIBRARIES, INSTALL)
    with running("--maxmemory", "100mb") as server, acting() as begin:
        actor = begin(library, server.port)
        jobs = [actor.add("mails", delay=1_000, timestamp=int(time.time())).job for _ in range(5)]
        arguments = ("smoke", "--select", "queue.overdue", "queue.latency")
        env, settings = product.urls(server.url), config({"mails": {}})
        before = product.run(folder / "before", *arguments, env=env, config=settings)
        actor.tell("worker", queue="mails")
        wait_until(lambda: all(("mails", job) in actor.ends for job in jobs))
        after = product.run(folder / "after", *arguments, env=env, config=settings)
    assert {*before.verdicts.values()} == {"unknown"}
    assert "5 delayed jobs are due at a time before 2009" in before.message("queue.latency[mails]")
    assert {*after.verdicts.values()} == {"pass"}
