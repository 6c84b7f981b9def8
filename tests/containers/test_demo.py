"""The runbook's scenarios A, B and C, end to end on the demo stack of deploy/compose."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import requests

from tests.support import product
from tests.support.places import ROOT
from tests.support.product import QUIET, Outcome
from tests.support.requirements import require

# Docker is asked with a limit, which a busy machine exceeds.
pytestmark = pytest.mark.quiet

STACK = ROOT / "deploy" / "compose"
PROJECT = "redis-runbook-demo"
LOGIN = "http://127.0.0.1:18080/login"
RUNBOOK = Path(sys.executable).parent / "redis-runbook"


def demo(step: str) -> None:
    subprocess.run(
        [ROOT / "scripts" / "demo.sh", step],
        cwd=ROOT,
        env={**QUIET, "RUNBOOK": str(RUNBOOK)},
        check=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def stack(api: docker.APIClient) -> Iterator[docker.APIClient]:
    """The whole stack, healthy when the first test begins."""
    require(any(map(shutil.which, ("docker-compose", "docker"))), "Compose is not installed")
    demo("up")
    try:
        yield api
    finally:
        demo("down")


def smoke(folder: Path, *more: str) -> Outcome:
    arguments = ("smoke", "--config", str(STACK / "runbook.toml"), *more)
    return product.run(folder, *arguments)


def containers(api: docker.APIClient, *services: str) -> list[str]:
    """Their ids; a service of the stack is one container."""
    filters = {"label": f"com.docker.compose.project={PROJECT}"}
    found = {
        one["Labels"]["com.docker.compose.service"]: one["Id"]
        for one in api.containers(all=True, filters=filters)
    }
    return [found[service] for service in services]


def events(done: Outcome) -> list[tuple[str, str]]:
    timeline = done.results["extra"]["recovery"]["timeline"]
    return [(step["event"], step["subject"]) for step in timeline]


def test_the_stack_becomes_healthy(stack: docker.APIClient, folder: Path) -> None:
    del stack
    done = smoke(folder, "--wait", "70")
    assert done.code == 0, done.out
    checked = {
        "queue.workers[render]",
        "incident.container[worker]",
        "incident.endpoints[worker]",
        "incident.exporter_reconnected[cache]",
        "jwt_cache.refreshes[cache]",
    }
    assert {name for name in checked if done.verdicts[name] in {"pass", "warn"}} == checked


def test_scenario_a_the_queue_is_unavailable(stack: docker.APIClient, folder: Path) -> None:
    (queue,) = containers(stack, "redis-queue")
    stack.kill(queue)
    try:
        broken = smoke(folder / "broken")
    finally:
        stack.start(queue)
    assert broken.code == 1
    assert broken.verdicts["connectivity.reachable[queue]"] == "fail"
    assert broken.verdicts["incident.container[redis-queue]"] == "fail"
    assert broken.verdicts["connectivity.reachable[cache]"] == "pass"
    done = smoke(folder / "back", "--wait", "70")
    assert done.code == 0, done.out
    assert done.verdicts["incident.workers_reconnected[worker]"] == "pass"
    assert done.verdicts["queue.workers[render]"] == "pass"


def test_scenario_b_the_cache_was_flushed(stack: docker.APIClient, folder: Path) -> None:
    (cache,) = containers(stack, "redis-cache")
    run = stack.exec_create(cache, ["redis-cli", "FLUSHDB"])
    stack.exec_start(run["Id"])
    only = ("--select", "jwt_cache.populated", "memory", "latency")
    broken = smoke(folder / "broken", *only)
    assert broken.code == 1
    assert broken.verdicts["jwt_cache.populated[cache]"] == "fail"
    assert requests.post(LOGIN, timeout=5).status_code == 204
    assert smoke(folder / "back", *only).code == 0


def test_scenario_c_both_are_down(stack: docker.APIClient, folder: Path) -> None:
    both = containers(stack, "redis-queue", "redis-cache")
    for one in both:
        stack.kill(one)
    broken = smoke(folder / "broken")
    assert broken.code == 1
    for service in ("queue", "cache"):
        assert broken.verdicts[f"connectivity.reachable[{service}]"] == "fail"
    waiting = product.Started(
        folder / "back",
        *("smoke", "--wait", "70", "--config", str(STACK / "runbook.toml")),
    )
    waiting.wait_for("attempt 1")
    for one in both:
        stack.start(one)
    done = waiting.finish(limit_s=100)
    assert done.code == 0, done.out
    assert {("reachable", "queue"), ("reachable", "cache")} <= set(events(done))
    assert events(done)[-1][0] == "healthy"
