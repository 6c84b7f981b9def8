"""The first run, on throwaway servers, shows what is said of a queue; no installation is needed."""

import time
from pathlib import Path

import pytest

from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.queues import look_again, look_first
from redis_runbook.probes.bullmq.worker_states import WorkerState
from redis_runbook.targets.demonstration import demonstrated_queues, demonstrating
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import Endpoint
from tests.support import product
from tests.support.programs import bundled, every_version, program
from tests.support.servers import Server, running, wait_until
from tests.support.targets import config, open_

SAID = (
    "no service URL is set: checked throwaway servers; this says nothing about yours; "
    "the queue bundle:render is a demonstration"
)
QUEUE_CHECKS = "depth latency workers overdue stalled schedulers failures paused".split()


def endpoint(server: Server) -> Endpoint:
    return Endpoint(scheme="redis", host="127.0.0.1", port=server.port)


def test_a_first_run_has_a_finding_of_every_queue_check(folder: Path) -> None:
    done = product.run(folder, "smoke", "--target", "embedded")
    verdicts = {name: done.verdicts[f"queue.{name}[bundle:render]"] for name in QUEUE_CHECKS}
    assert verdicts.pop("depth") == "not_applicable"
    assert set(verdicts.values()) == {"pass"}
    assert "it has 1 delayed, 12 completed" in done.message("queue.depth[bundle:render]")
    assert "12 pick-ups" in done.message("queue.latency[bundle:render]")
    assert "1 of 1 connected worker" in done.message("queue.workers[bundle:render]")
    assert done.code == 0


def test_a_first_run_says_that_the_queue_is_a_demonstration(folder: Path) -> None:
    done = product.run(folder, "smoke", "--target", "embedded", "--select", "queue")
    assert done.out.splitlines()[0] == SAID
    assert done.results["extra"]["announcement"] == SAID
    assert SAID in done.html
    evidence = done.finding("queue.workers[bundle:render]")["evidence"]
    assert evidence["workers"][0].startswith("demonstration at 127.0.0.1:")
    assert evidence["library"] == "bullmq redis-runbook:demonstration"


@every_version
def test_it_is_a_healthy_queue_on_every_version(version: str, folder: Path) -> None:
    with (
        running(program=program(version)) as server,
        demonstrating(endpoint(server), "queue", config()),
    ):
        done = product.run(folder, "smoke", "--select", "queue", env=product.urls(server.url))
    found = {name: verdict for name, verdict in done.verdicts.items() if "bundle:render" in name}
    assert len(found) == len(QUEUE_CHECKS)
    assert found.pop("queue.depth[bundle:render]") == "not_applicable"
    assert set(found.values()) == {"pass"}
    assert done.code == 0, done.out


def test_queues_that_are_listed_are_made_with_as_many_workers(folder: Path) -> None:
    listed = (
        '[services.queue]\nqueues = ["pictures"]\nprefix = "acme"\n'
        '[queues."bundle:pdf files"]\nworkers_min = 2\ndepth = 5\nlatency_s = 0.01\n'
    )
    done = product.run(folder, "smoke", "--target", "embedded", "--select", "queue", config=listed)
    assert done.code == 0, done.out
    assert done.out.splitlines()[0].endswith("the 2 queues are a demonstration")
    assert done.verdicts["queue.depth[bundle:pdf files]"] == "pass"
    assert done.verdicts["queue.latency[bundle:pdf files]"] == "pass"
    assert "2 of 2" in done.message("queue.workers[bundle:pdf files]")
    assert "1 of 1" in done.message("queue.workers[pictures]")
    assert not [name for name in done.verdicts if "bundle:render" in name]


def test_its_workers_take_jobs_as_long_as_it_is_open_and_no_longer() -> None:
    with bundled() as server, connected(endpoint(server), "queue", timeout_s=5) as client:
        with demonstrating(endpoint(server), "queue", config()):
            found = discover(client, prefix="bull")
            first = look_first(client, found)
            time.sleep(2.1)
            (queue,) = look_again(client, found, first, window_s=300).by_name.values()
            assert [worker.state for worker in queue.workers.workers] == [WorkerState.CONSUMING]
            assert queue.workers.settled is False  # the server has just started
        raw = server.client()
        wait_until(lambda: not [one for one in raw.client_list() if one["name"].startswith("bull")])


def test_a_service_that_looks_for_no_queue_gets_none() -> None:
    assert demonstrated_queues(config(), "queue") == ("bundle:render",)
    assert demonstrated_queues(config(), "cache") == ()
    alone = config(services={"queue": {"discover": False}})
    assert demonstrated_queues(alone, "queue") == ()
    many = config(services={"queue": {"queues": [f"tenant-{n}" for n in range(500)]}})
    assert len(demonstrated_queues(many, "queue")) == 100
    target = open_(alone, product.QUIET, requested="embedded")
    target.close()
    assert target.announcement
    assert "demonstration" not in target.announcement


@pytest.mark.parametrize("name", ["a b:c", "ünïcode:ü", "*:?", ":", "x" * 5000])
def test_a_listed_queue_may_have_any_name(name: str) -> None:
    settings = config(services={"queue": {"queues": [name]}})
    with (
        bundled() as server,
        demonstrating(endpoint(server), "queue", settings),
        connected(endpoint(server), "queue", timeout_s=5) as client,
    ):
        found = discover(client, prefix="bull", configured=[name])
        assert [queue.configured_as for queue in found.queues] == [name]
