"""How checks end that could not look, or were stopped by a plugin of pytest's."""

import sys
from pathlib import Path

from tests.support import product
from tests.support.servers import Server, running

SLOW = """
import time

import pytest

def test_is_stopped():
    time.sleep(30)

def test_fails_by_itself():
    pytest.fail("on purpose")

def test_expects_an_error():
    with pytest.raises(ValueError):
        pass
"""


# An advisory check that cannot look


def test_an_advisory_check_that_cannot_look_leaves_the_run_healthy(folder: Path) -> None:
    arguments = ("smoke", "--select", "connectivity.reachable", "latency.slowlog", "--", "-x")
    with running() as server:
        url = server.user("ops", "needed-password", "~*", "&*", "+@all", "-slowlog")
        done = product.run(folder, *arguments, env=product.urls(url))
        promoted = product.run(
            folder,
            *arguments[:-2],
            env=product.urls(url),
            config="[checks.'latency.slowlog']\nlevel = 'invariant'\n",
        )
    assert (done.code, done.results["extra"]["healthy"]) == (0, True), done.out
    assert done.finding("latency.slowlog[queue]")["advisory"] is True
    assert done.results["extra"]["counts"]["unknown"] == 2
    assert "2 unknown (advisory)" in done.out
    assert "2 unknown (advisory)" in done.html
    assert "UNKNOWN  latency.slowlog[queue]" in done.out
    assert promoted.code == 3
    assert promoted.finding("latency.slowlog[queue]")["advisory"] is False
    assert "2 unknown, 2 pass" in promoted.out


# Stopped by a plugin


def test_a_check_that_pytest_timeout_stopped_is_unknown_and_no_failure(
    healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\ntimeout = 1\ntimeout_method = signal\n")
    (folder / "test_own.py").write_text(SLOW)
    program = [sys.executable, "-m", "pytest", "--profile", "smoke", "test_own.py"]
    done = product.started(program, folder, env=product.urls(healthy.url))
    assert done.verdicts["latency.round_trip[queue]"] == "unknown"
    for name in ("latency.round_trip[queue]", "test_own[test_is_stopped]"):
        assert "the check was stopped by pytest_timeout" in done.message(name)
    assert done.verdicts["test_own[test_is_stopped]"] == "unknown"
    assert done.verdicts["test_own[test_fails_by_itself]"] == "fail"
    assert done.verdicts["test_own[test_expects_an_error]"] == "fail"
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
