"""Drills on containers: faults are noticed exactly, and nothing is left of them."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
import pytest

from redis_runbook.targets import leftovers
from redis_runbook.verdict import ExitCode
from tests.support import product
from tests.support.containers import ENVIRONMENT, IMAGES
from tests.support.servers import wait_until

# A drill that is interrupted by other work on the machine takes longer than its patience.
pytestmark = pytest.mark.quiet

OF_CONTAINERS = ("container-oom-killed", "restart-loop", "packet-loss")
ON_CONTAINERS = ("drill", "--target", "container", "--fault")


def left(api: docker.APIClient) -> list[dict[str, Any]]:
    filters = {"label": leftovers.RUN}
    return [*api.containers(all=True, filters=filters), *api.networks(filters=filters)]


@pytest.mark.parametrize(
    "names",
    [
        ("stopped", "misconf", "exporter-stopped", "maxmemory-0", "read-only-replica"),
        OF_CONTAINERS,
    ],
    ids=["of-all-targets", "of-containers"],
)
def test_faults_are_noticed_exactly_and_nothing_is_left(
    names: Sequence[str], folder: Path, api: docker.APIClient
) -> None:
    done = product.run(folder, *ON_CONTAINERS, *names, env=ENVIRONMENT)
    drills = json.loads(done.files["drill.json"])["faults"]
    assert [drill["name"] for drill in drills if drill["ok"]] == [*names], done.everything
    assert {drill["target"] for drill in drills} == {"container"}
    assert any(name.startswith("incident.container[") for name in drills[0]["found"])
    assert "in containers" in done.files["drill.md"]
    assert done.code == 0
    assert left(api) == []


def test_images_have_the_prefix_of_testcontainers(folder: Path, api: docker.APIClient) -> None:
    prefix = "redis-runbook-test/"
    env = {name: image.removeprefix(prefix) for name, image in ENVIRONMENT.items()}
    env["TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX"] = prefix
    done = product.run(folder, *ON_CONTAINERS, "packet-loss", env=env)
    assert done.code == 0, done.everything
    assert left(api) == []


def test_iptables_that_cannot_do_it_is_told(folder: Path, api: docker.APIClient) -> None:
    other = {"REDIS_RUNBOOK_CONTAINER__IPTABLES_IMAGE": IMAGES["redis_image"]}
    done = product.run(folder, *ON_CONTAINERS, "packet-loss", env={**ENVIRONMENT, **other})
    (drill,) = json.loads(done.files["drill.json"])["faults"]
    assert "iptables" in drill["problem"]
    assert done.code == 3
    assert left(api) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_nothing(
    number: signal.Signals, folder: Path, api: docker.APIClient
) -> None:
    started = product.Started(folder, *ON_CONTAINERS, "stopped", env=ENVIRONMENT)
    wait_until(lambda: len(left(api)) == 4)  # two servers, an exporter, their network
    started.process.send_signal(number)
    code = started.finish().code
    if number is signal.SIGINT:
        assert code == ExitCode.INTERRUPTED
    else:  # the next run removes it
        leftovers.sweep(api)
    assert left(api) == []
