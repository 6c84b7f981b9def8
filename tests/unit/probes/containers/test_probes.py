"""What the probes of containers make of what a FAKE daemon tells them."""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.probes.containers.facts import (
    ContainerState,
    EntryFacts,
    GivenUrl,
    ReconnectFacts,
)
from redis_runbook.probes.containers.states import look_at_containers
from redis_runbook.probes.containers.worker_logs import look_at_worker_logs
from redis_runbook.probes.probe import Look
from redis_runbook.probes.server import InfoReply, ServerFacts
from redis_runbook.redact import KNOWN, MASK
from redis_runbook.verdict import CannotLook
from tests.support.fake_docker import FakeDocker, Log

ROTATES = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What a container's environment lets the process know is forgotten after the test."""
    yield
    KNOWN.forget()


def seen(**settings: Any) -> EntryFacts:
    """What is known of an entry with the daemon's container."""
    entry = ContainerSettings.model_construct(container="redis-1", **settings)
    config = SimpleNamespace(containers={"one": entry}, services={})
    look = SimpleNamespace(config=config, time_left_s=5.0)
    return look_at_containers(cast("Look", look)).of("one")


def reconnects(daemon: FakeDocker, uptime_s: int) -> ReconnectFacts:
    """What a worker has logged since the server started, both in a container 100 s old."""
    server = ContainerSettings.model_construct(container="redis-1", service="queue")
    worker = ContainerSettings.model_construct(container="redis-1", service="queue", kind="worker")
    told: dict[type, object] = {
        InfoReply: SimpleNamespace(read_at=daemon.started_at + 100),
        ServerFacts: SimpleNamespace(uptime_s=uptime_s),
    }
    look = SimpleNamespace(
        config=SimpleNamespace(containers={"server": server, "worker": worker}),
        service=SimpleNamespace(name="queue"),
        facts=told.__getitem__,
        time_left_s=5.0,
    )
    return look_at_worker_logs(cast("Look", look))


def state() -> ContainerState:
    """What is known of the daemon's container."""
    (found,) = seen().states
    return found


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        ([], False),
        ([(6, b"x")], False),
        ([(4, b"x"), (90, b"y")], True),
        ([(-500, b"of a life before")], True),
    ],
)
def test_a_log_that_may_have_lost_its_beginning_is_said(
    daemon: FakeDocker, log: Log, *, kept: bool
) -> None:
    daemon.inspected = {"HostConfig": ROTATES}
    daemon.log = [(daemon.started_at + at, text) for at, text in log]
    found = state().log
    assert (found.lines, found.complete) == (sum(at > 0 for at, _ in log), True)
    assert found.kept == kept


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ({"LogConfig": {"Type": "json-file"}}, True),
        ({"LogConfig": {"Type": "json-file", "Config": {"max-file": "3"}}}, True),
        ({"LogConfig": {"Type": "local"}}, False),
        ({"LogConfig": {"Type": "journald"}}, False),
        ({}, False),
    ],
)
def test_a_log_that_is_kept_may_begin_whenever_it_does(
    daemon: FakeDocker, host: dict[str, Any], *, kept: bool
) -> None:
    daemon.inspected = {"HostConfig": host}
    daemon.log = [(daemon.started_at + 50, b"x")]
    assert state().log.kept == kept


def test_the_newest_5000_lines_are_searched(daemon: FakeDocker) -> None:
    daemon.log = [(daemon.started_at + 1, b"panic: %d" % number) for number in range(5_001)]
    found = state().log
    assert (found.lines, found.complete, found.fatal_lines) == (5_000, False, 5_000)
    assert found.fatal == [f"panic: {number}" for number in range(4_996, 5_001)]
    daemon.log = daemon.log[-4_999:]
    assert state().log.complete


SECRET = "PlantedContainerSecretZZ42"


def test_a_secret_with_a_colour_or_a_control_character_in_it_is_masked(
    daemon: FakeDocker, forgotten: None
) -> None:
    daemon.inspected = {"Config": {"Env": [f"DB_PASSWORD={SECRET}"]}}
    for between in ("\x1b[1m", "\0", "X\b", "\x1b(B\x1b[m"):
        text = f"MISCONF PlantedCo{between}ntainerSecretZZ42 it is"
        daemon.log = [(daemon.started_at + 1, text.encode())]
        assert state().log.fatal == [f"MISCONF {MASK} it is"]
    assert forgotten is None


def test_a_fatal_word_in_colour_is_one_and_is_shown_without(daemon: FakeDocker) -> None:
    daemon.log = [(daemon.started_at + 1, b"\x1b[31mFATAL\x1b[0m: no disk")]
    assert state().log.fatal == ["FATAL: no disk"]


def test_what_is_left_of_a_secret_in_the_output_of_a_health_check_is_masked(
    daemon: FakeDocker, forgotten: None
) -> None:
    health = {"Status": "unhealthy", "Log": [{"Output": f"curl: cannot use {SECRET[:14]}"}]}
    daemon.inspected = {
        "Config": {"Env": [f"DB_PASSWORD={SECRET}"]},
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z", "Health": health},
    }
    assert state().health_said == f"curl: cannot use {MASK}"
    assert forgotten is None


def test_a_worker_that_logged_it_before_its_log_was_rotated_is_not_known(
    daemon: FakeDocker,
) -> None:
    daemon.inspected = {"HostConfig": ROTATES}
    daemon.log = [(daemon.started_at + 50, b"x")]
    (log,) = reconnects(daemon, 60).of("worker")
    assert log.why_unknown == "what it logged then may have been rotated away"
    (log,) = reconnects(daemon, 40).of("worker")
    assert (log.line_at, log.why_unknown) == (None, "")
    daemon.log = [*daemon.log, (daemon.started_at + 70, b"Queue connection restored")]
    (log,) = reconnects(daemon, 60).of("worker")
    assert log.line_at == pytest.approx(daemon.started_at + 70, abs=1)
    assert not log.why_unknown


def test_of_a_worker_that_logs_a_lot_not_all_is_looked_at(daemon: FakeDocker) -> None:
    daemon.log = [(daemon.started_at + 50, b"x" * 9_000)] * 300
    (log,) = reconnects(daemon, 60).of("worker")
    assert log.line_at is None
    assert "of its log only the first 2" in log.why_unknown


@pytest.mark.parametrize(("uptime_s", "later_s"), [(98, 0), (102, 0), (97, 2), (103, -4)])
def test_a_server_started_when_its_container_did_if_that_may_be(
    daemon: FakeDocker, uptime_s: int, later_s: int
) -> None:
    found = reconnects(daemon, uptime_s)
    assert found.started_at == pytest.approx(daemon.started_at + later_s, abs=0.4)


@pytest.mark.parametrize(
    "environment",
    [[f"P{number}_TOKEN={number:016x}" for number in range(301)], ["X_SECRET=" + "x" * 40_000]],
    ids=["many", "long"],
)
def test_more_secrets_than_can_be_looked_for_are_not_looked_for(
    daemon: FakeDocker, environment: list[str]
) -> None:
    daemon.inspected = {"Config": {"Env": environment}}
    with pytest.raises(CannotLook, match="holds more secrets than are looked for"):
        seen()


def test_a_port_of_5000_digits_is_none(daemon: FakeDocker) -> None:
    ports = {"6379/tcp": [{"HostPort": "9" * 5_000}, {"HostPort": "16379"}]}
    daemon.inspected = {"NetworkSettings": {"Ports": ports}}
    assert seen().states[0].ports == {6379: [16379]}


def in_network(daemon: FakeDocker, mode: str) -> GivenUrl:
    """What an application in that network is told."""
    daemon.inspected = {
        "Config": {"Env": ["URL=redis://localhost"]},
        "HostConfig": {"NetworkMode": mode},
    }
    (url,) = seen(kind="app", service="queue", url_variable="URL").urls
    assert url.host == "localhost"
    return url


@pytest.mark.parametrize(
    ("mode", "own"),
    [
        ("bridge", True),
        ("demo_default", True),
        ("none", True),
        ("host", False),
        ("container:abc", None),
        ("ns:/run/netns/x", None),
        ("", None),
    ],
)
def test_a_container_has_a_network_of_its_own_or_not(
    daemon: FakeDocker, mode: str, *, own: bool | None
) -> None:
    assert in_network(daemon, mode).own_network == own


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"kind": "app", "service": "queue", "url_variable": "URL"}, "URL"),
        ({"kind": "app", "service": "queue"}, ""),
        ({"kind": "app", "url_variable": "URL"}, ""),
        ({"kind": "exporter", "service": "queue", "url_variable": "URL"}, ""),
    ],
)
def test_only_an_application_is_told_a_url(
    daemon: FakeDocker, settings: dict[str, str], variable: str
) -> None:
    del daemon
    found = seen(**settings)
    assert (found.url_variable, found.urls) == (variable, ())


def test_the_network_of_another_machine_is_not_ours(
    daemon: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.environ["DOCKER_HOST"]
    monkeypatch.setenv("DOCKER_HOST", here.replace("127.0.0.1", "127.1"))  # as if it were another
    assert in_network(daemon, "host").own_network is None
    assert in_network(daemon, "bridge").own_network is True
    assert state().published_on == "127.1"
