"""The newest lines of a container's log, as evidence has them."""

import time
from types import SimpleNamespace
from typing import cast

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.config.model import Config
from redis_runbook.probes.containers.log_tails import log_tails
from redis_runbook.redact import MASK
from tests.support.fake_docker import FakeDocker


def newest(daemon: FakeDocker, *lines: bytes) -> list[str]:
    """What is told of these lines, without the time of each."""
    daemon.log = [(time.time() - 10, line) for line in lines]
    entry = ContainerSettings.model_construct(container="redis-1", service="queue")
    config = cast("Config", SimpleNamespace(containers={"one": entry}))
    told = log_tails(config, "queue", 5.0)["log of redis-1"]  # type: ignore[index]
    assert all(line[2] == line[5] == ":" for line in told)
    return [line[9:] for line in told]


def test_a_key_that_has_several_lines_is_masked_as_a_whole(daemon: FakeDocker) -> None:
    begin, end = b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----"
    told = newest(daemon, b"before", begin, b"MIIEplanted1", b"planted2==", end, b"after")
    assert "planted" not in "".join(told)
    assert MASK in told[1]
    assert (told[0], told[-1]) == ("before", "after")


def test_a_secret_between_colours_is_masked_and_the_colours_are_gone(daemon: FakeDocker) -> None:
    told = newest(daemon, b'\x1b[35mpassword\x1b[39m: "planted"', b"\x1b[31mred\x1b[0m")
    assert told == [f'password: "{MASK}"', "red"]
