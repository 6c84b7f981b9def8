"""A Docker daemon, as a FAKE one."""

import pytest

from redis_runbook.wire.docker.client import Docker


@pytest.mark.parametrize(
    ("host", "machine"),
    [
        ("", ""),
        ("unix:///nowhere/docker.sock", ""),
        ("unix://nowhere/docker.sock", ""),
        ("tcp://127.0.0.1:1", ""),
        ("tcp://[::1]:1", ""),
        ("tcp://localhost:1", ""),
        ("10.0.0.7:1", "10.0.0.7"),
        ("https://far.example:2376", "far.example"),
    ],
)
def test_the_machine_of_a_daemon_is_this_one_or_has_a_name(
    monkeypatch: pytest.MonkeyPatch, host: str, machine: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert Docker(limit_s=5).machine == machine
