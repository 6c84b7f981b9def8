"""What replicas of an application are told, and a file that they may read."""

from pathlib import Path
from typing import Any

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.probes.containers.facts import GivenUrl
from redis_runbook.probes.containers.urls import given_urls
from redis_runbook.wire.docker.answers import Inspected


def replica(name: str, *environment: str) -> Inspected:
    """A container of an application, in a network of its own."""
    told: dict[str, Any] = {
        "Id": name,
        "Name": f"/{name}",
        "State": {"Status": "running", "StartedAt": "2026-11-26T00:00:00Z"},
        "HostConfig": {"NetworkMode": "demo"},
        "Config": {"Env": list(environment)},
        "NetworkSettings": {"Networks": {"demo": {}, "other": {}}},
    }
    return Inspected.model_validate(told)


def urls(*containers: Inspected, dotenv: Path | None = None) -> list[GivenUrl]:
    settings = ContainerSettings.model_construct(
        kind="app", service="queue", container="x", dotenv=str(dotenv) if dotenv else None
    )
    return list(given_urls(settings, "URL", containers, run_here=True))


def test_a_replica_that_is_told_nothing_is_said_where_another_one_is() -> None:
    told, untold = urls(replica("api-1", "URL=redis://redis-queue"), replica("api-2"))
    assert (told.host, told.problem, told.networks) == ("redis-queue", "", ["demo", "other"])
    assert (untold.given_by, untold.problem) == ("URL of api-2", "is not set")
    assert urls(replica("api-1"), replica("api-2")) == []


def test_what_localhost_is_in_a_file_that_a_container_may_read_is_not_known(
    tmp_path: Path,
) -> None:
    file = tmp_path / ".env"
    file.write_text("URL=redis://localhost\n")
    (by_container,) = urls(replica("api-1"), dotenv=file)
    (by_process,) = urls(dotenv=file)
    assert (by_container.own_network, by_process.own_network) == (None, False)
