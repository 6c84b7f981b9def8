"""The ACL user of the README: it passes every check, and may write no key but the canary."""

import re
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from tests.support import product
from tests.support.healthy import HEALTHY, fill
from tests.support.places import ROOT
from tests.support.programs import program
from tests.support.servers import running

(RULES,) = re.findall(
    r"ACL SETUSER redis-runbook on >password ([^`]+)", (ROOT / "README.md").read_text()
)
WITHOUT_READ_RULES = RULES.replace("%R~* ~redis-runbook:canary:*", "~*")
NO_WRITE = WITHOUT_READ_RULES.replace("+set +del", "")


@pytest.mark.parametrize(
    ("version", "rules", "options"),
    [
        ("redis-7.0", RULES, []),
        ("valkey-9", RULES, []),
        ("redis-6.2", WITHOUT_READ_RULES, []),
        ("redis-6.2", NO_WRITE, ["--read-only"]),
    ],
)
def test_it_lacks_nothing_and_writes_nothing_else(
    version: str, rules: str, options: list[str], folder: Path
) -> None:
    with running(*HEALTHY, program=program(version)) as server:
        fill(server)
        url = server.user("redis-runbook", "password-of-a-user", *rules.split())
        done = product.run(
            folder,
            *("smoke", *options),
            env=product.urls(url),
            config="[exporter]\nenabled = false\n",
        )
        saved = product.run(folder, "snapshot", "before.json", env=product.urls(url))
        assert saved.code == 0, saved.err
        user = server.client(username="redis-runbook", password="password-of-a-user")
        user.ping()
        may_overwrite = _may(user, "SET", "jwt:0", "x")
        assert may_overwrite is (version == "redis-6.2" and not options)
        assert _may(user, "SET", "redis-runbook:canary:1", "x") is not bool(options)
        assert not _may(user, "FLUSHALL")
    assert "no permission" not in done.everything
    assert done.code == 0, done.out


def _may(user: "redis.Redis", *command: str) -> bool:
    try:
        user.execute_command(*command)
    except NoPermissionError:
        return False
    return True
