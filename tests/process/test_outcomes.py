"""How checks end that could not look, or were stopped by a plugin of pytest's."""

import datetime as dt
import sys
from pathlib import Path

import pytest

from redis_runbook.wire.ports import free_port
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


# Interrupted


@pytest.mark.parametrize(
    "ends",
    ["raise KeyboardInterrupt", "pytest.exit('enough', returncode=0)"],
    ids=["signal", "exit"],
)
def test_an_interruption_is_one_whatever_pytest_makes_of_it(
    ends: str, healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    (folder / "conftest.py").write_text("def pytest_keyboard_interrupt():\n    raise TypeError\n")
    (folder / "test_own.py").write_text(f"import pytest\n\ndef test_own():\n    {ends}\n")
    options = ["--profile", "smoke", "--deadline", "6", "test_own.py"]
    program = [sys.executable, "-m", "pytest", *options]
    done = product.started(program, folder, env=product.urls(healthy.url))
    assert done.code == 2, done.out + done.err
    assert done.results["extra"]["interrupted"] is True
    assert "INTERRUPTED: " in done.out
    assert "HEALTHY" not in done.out


# After the deadline


def test_what_was_not_begun_before_the_deadline_is_unknown_and_ends_the_run(
    healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    slow = "import time\n\nimport pytest\n\n"
    slow += "@pytest.mark.parametrize('number', range(20))\n"
    slow += "def test_slow(number):\n    time.sleep(0.5)\n"
    (folder / "test_own.py").write_text(slow)
    program = [sys.executable, "-m", "pytest", "--profile", "smoke", "--deadline", "5"]
    done = product.started([*program, "test_own.py"], folder, env=product.urls(healthy.url))
    own = {name: verdict for name, verdict in done.verdicts.items() if name.startswith("test_own")}
    assert len(own) == 20
    assert set(own.values()) == {"pass", "unknown"}
    last = done.finding("test_own[test_slow[19]]")
    assert last["verdict"] == "unknown"
    assert last["message"] == "not judged: the run's deadline of 5 s had passed"
    assert done.code == 3
    assert done.results["extra"]["exit_code"] == 3


@pytest.mark.parametrize("plugin", ["html", "metadata", "terminal"])
def test_without_a_plugin_of_pytest_that_is_needed_the_run_is_refused(
    plugin: str, healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    program = [sys.executable, "-m", "pytest", "--profile", "smoke", "-p", f"no:{plugin}"]
    done = product.started(program, folder, env=product.urls(healthy.url))
    assert done.code == 4
    assert f"need pytest's plugin {plugin}" in done.out + done.err
    assert "Traceback" not in done.out + done.err


# Two runs of a second


def test_a_run_of_the_same_second_keeps_the_reports_of_the_other(
    healthy: Server, folder: Path
) -> None:
    others = folder / "reports"
    others.mkdir(parents=True)
    now = dt.datetime.now(dt.UTC)
    for ahead_s in range(20):
        name = f"smoke-{now + dt.timedelta(seconds=ahead_s):%Y%m%dT%H%M%SZ}.json"
        (others / name).write_text("of another run")
    options = ("smoke", "--select", "connectivity.role")
    done = product.run(folder, *options, env=product.urls(healthy.url))
    assert done.code == 0
    texts = [path.read_text() for path in others.glob("smoke-*Z.json")]
    assert texts == ["of another run"] * 20
    assert [path.suffix for path in sorted(others.glob("smoke-*Z-2.*"))] == [
        ".html",
        ".json",
        ".xml",
    ]


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


# What follows from one that is not reachable


def test_what_follows_from_an_unreachable_service_says_so_and_alerts_nobody(
    healthy: Server, folder: Path
) -> None:
    dead = f"redis://127.0.0.1:{free_port()}"
    done = product.run(
        folder, "smoke", "--metrics-file", "m.prom",
        env=product.urls(dead, healthy.url),
        config="[queues.render]\ndepth = 2\n[exporter]\nenabled = false\n",
    )  # fmt: skip
    found = {test["name"]: test["extra"] for test in done.results["tests"]}
    unknown = {name: one for name, one in found.items() if one["verdict"] == "unknown"}
    of_queue = [one["follows_from"] for one in unknown.values() if one["service"] == "queue"]
    assert len(of_queue) > 12
    assert set(of_queue) == {"connectivity.reachable[queue]"}
    assert {one["follows_from"] for one in found.values() if one["service"] == "cache"} == {None}
    assert found["connectivity.reachable[queue]"]["follows_from"] is None
    lines = (folder / "m.prom").read_text().splitlines()
    undetermined = [
        line for line in lines if "redis_runbook_check{" in line and line[-4:] == " 2.0"
    ]
    assert len(undetermined) == len(unknown)
    causes = [line for line in undetermined if 'follows_from=""' in line]
    assert len(causes) == len([one for one in unknown.values() if one["follows_from"] is None])
    assert not any('service="queue"' in line for line in causes)


def test_what_follows_from_nothing_that_is_told_stands_for_itself(folder: Path) -> None:
    dead = f"redis://127.0.0.1:{free_port()}"
    done = product.run(folder, "smoke", "--select", "memory", env=product.urls(dead))
    assert {test["extra"]["follows_from"] for test in done.results["tests"]} == {None}
