"""A snapshot of real queues: what workers do is no loss, and what is taken away is."""

from pathlib import Path

import pytest

from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, acting
from tests.support.bullmq_scene import NODE_LIBRARIES, wait_until_all_are_known
from tests.support.requirements import require
from tests.support.servers import running, wait_until

pytestmark = pytest.mark.timeout(60)

NAME = "incident.data_kept[queue]"


def test_work_is_no_loss_and_an_obliterated_queue_is(folder: Path) -> None:
    require(HAS_NODE_LIBRARIES, INSTALL)
    libraries = (*NODE_LIBRARIES, "bull")
    with running("--appendonly", "yes", "--appendfsync", "always") as server, acting() as begin:
        env = product.urls(server.url)

        def compared() -> product.Outcome:
            kept = ("--select", "incident", "--baseline", "before.json")
            return product.run(folder, "smoke", *kept, env=env)

        actors = {library: begin(library, server.port) for library in libraries}
        for library, actor in actors.items():
            for _ in range(3):
                actor.add(library, {"ms": 10}, removeOnComplete=True)
            if library != "bull":
                every = {"every": 3_600_000}
                actor.tell("queue", queue=library, call="upsertJobScheduler", args=["tick", every])
        taken = product.run(folder, "snapshot", "before.json", env=env)
        assert (taken.code, "3 queues" in taken.out) == (0, True), taken.out
        server.stop()
        server.start()
        for library, actor in actors.items():
            actor.tell("worker", queue=library)
            wait_until(lambda actor=actor: len(actor.ends) >= 3, 30)
        done = compared()
        assert done.verdicts[NAME] == "pass", done.out
        changes = done.finding(NAME)["evidence"]["changed"]
        assert any(
            change.startswith("queue bull has no jobs (had 3 waiting)") for change in changes
        )

        actors["bullmq6"].tell("queue", queue="bullmq6", call="removeJobScheduler", args=["tick"])
        assert "queue bullmq6 has 0 of 1 scheduler" in compared().message(NAME)
        force = {"force": True}
        actors["bullmq5"].tell("queue", queue="bullmq5", call="obliterate", args=[force])
        done = compared()
        assert (done.code, done.verdicts[NAME]) == (1, "fail")
        assert "queue bullmq5 is gone (it had " in done.message(NAME)


def test_a_worker_that_does_not_come_back_is_missed_though_nothing_waits(folder: Path) -> None:
    require(HAS_NODE_LIBRARIES, INSTALL)
    name = "queue.workers[bullmq6]"
    with running("--appendonly", "yes", "--appendfsync", "always") as server, acting() as begin:
        env = product.urls(server.url)
        select = ("smoke", "--select", "queue.workers")
        actor = begin("bullmq6", server.port)
        actor.tell("worker", queue="bullmq6")
        actor.add("bullmq6")
        wait_until(lambda: len(actor.ends) >= 1, 30)
        product.run(folder, "snapshot", "before.json", env=env)
        actor.end()
        server.stop()
        server.start()
        soon = product.run(folder, *select, "--baseline", "before.json", env=env)
        wait_until_all_are_known(server)
        later = product.run(folder, *select, "--baseline", "before.json", env=env)
        without = product.run(folder, *select, env=env)
    assert (soon.verdicts[name], later.verdicts[name]) == ("unknown", "fail")
    assert later.message(name).endswith("(at least 1): 1 was connected in the snapshot")
    assert without.verdicts[name] == "warn"
    assert "somebody took jobs until " in without.message(name)
