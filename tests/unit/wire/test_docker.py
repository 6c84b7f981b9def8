"""A Docker daemon, as a FAKE one."""

import pytest

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.docker.client import Docker
from redis_runbook.wire.docker.engine import Engine
from redis_runbook.wire.lines import Line
from tests.support.fake_docker import FakeDocker


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


def newest_of(daemon: FakeDocker, texts: list[bytes]) -> tuple[list[Line], bool]:
    """What the 5000 newest lines are, and whether there are more."""
    daemon.log = [(daemon.started_at + 1, text) for text in texts]
    engine = Engine(limit_s=5)
    (container,) = engine.by_name("redis-1")
    return engine.log(container, since=daemon.started_at, newest=5_000)


@pytest.mark.parametrize(
    ("count", "length", "lines", "more"),
    [
        (4_999, 10, 4_999, False),
        (5_000, 10, 5_000, True),  # there may be another
        (400, 9_000, 50, True),
        (600, 9_000, 50, True),
        (600, 4_000, 500, True),
    ],
)
def test_of_a_log_of_long_lines_fewer_are_the_newest(
    daemon: FakeDocker, count: int, length: int, lines: int, *, more: bool
) -> None:
    texts = [b"%d %s" % (number, b"x" * length) for number in range(count)]
    found, is_more = newest_of(daemon, texts)
    assert (len(found), is_more) == (lines, more)
    assert [line.text.split()[0] for line in found] == [b"%d" % at for at in range(count)][-lines:]


def test_lines_that_are_much_longer_than_any_are_not_looked_at(daemon: FakeDocker) -> None:
    with pytest.raises(CannotLook, match="its newest 50 lines are longer than 2 MiB"):
        newest_of(daemon, [b"x" * 50_000] * 60)
