"""Drills on containers: faults are noticed exactly, and nothing is left of them."""

import json
import signal
from pathlib import Path
from typing import Any

import docker
import pytest

from redis_runbook.targets import leftovers
from tests.support import product
from tests.support.containers import IMAGES
from tests.support.servers import wait_until

# A drill that is interrupted by other work on the machine takes longer than its patience.
pytestmark = pytest.mark.quiet

ENV = {f"REDIS_RUNBOOK_CONTAINER__{key.upper()}": image for key, image in IMAGES.items()}
ON_CONTAINERS = ("drill", "--target", "container", "--fault")


def left(api: docker.APIClient) -> list[dict[str, Any]]:
    filters = {"label": leftovers.RUN}
    return [*api.containers(all=True, filters=filters), *api.networks(filters=filters)]


def test_faults_are_noticed_exactly_and_nothing_is_left(
    folder: Path, api: docker.APIClient
) -> None:
    names = ("stopped", "misconf", "exporter-stopped", "maxmemory-0", "read-only-replica")
    done = product.run(folder, *ON_CONTAINERS, *names, env=ENV)
    drills = json.loads(done.files["drill.json"])["faults"]
    assert [drill["name"] for drill in drills if drill["ok"]] == [*names], done.everything
    assert {drill["target"] for drill in drills} == {"container"}
    assert drills[0]["found"] == ["connectivity.reachable[queue]", "incident.container[queue]"]
    assert "in containers" in done.files["drill.md"]
    assert done.code == 0
    assert left(api) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_nothing(
    number: signal.Signals, folder: Path, api: docker.APIClient
) -> None:
    started = product.Started(folder, *ON_CONTAINERS, "stopped", env=ENV)
    wait_until(lambda: len(left(api)) == 4)  # two servers, an exporter, their network
    started.process.send_signal(number)
    started.finish()
    if number is signal.SIGKILL:  # then the next one removes it
        leftovers.sweep(api)
    assert left(api) == []
