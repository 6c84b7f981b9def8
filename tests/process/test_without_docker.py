"""No Docker, one that hangs, or a library for it that cannot be loaded."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redis_runbook.targets.target import TargetError
from tests.support.containers import open_container
from tests.support.product import QUIET

# --- without a daemon ---------------------------------------------------------------------------


@pytest.fixture
def no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@pytest.mark.usefixtures("no_daemon")
def test_containers_without_a_daemon_are_an_error() -> None:
    with pytest.raises(TargetError, match="no Docker daemon answers"):
        open_container()


@pytest.mark.usefixtures("no_daemon")
def test_auto_takes_embedded_servers_without_a_daemon() -> None:
    opened = open_container("auto")
    opened.close()
    assert opened.kind == "embedded"


def test_auto_takes_embedded_servers_where_the_daemon_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(path)
        hanging.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        started = time.monotonic()
        opened = open_container("auto")
        opened.close()
    assert opened.kind == "embedded"
    assert time.monotonic() - started < 20  # docker itself would wait 60 s


def test_docker_is_not_even_loaded_where_there_is_no_sign_of_it() -> None:
    script = """
import os, sys
from redis_runbook.targets import choose
from redis_runbook.config.model import Config
choose._DOCKER_FILES = ("nowhere/docker.sock",)
config = Config.model_validate({"services": {"cache": {"role": "cache"}}})
target = choose.open_target(config, os.environ, requested="auto", profile="smoke")
target.close()
print(target.kind, "docker" in sys.modules, "testcontainers" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={name: value for name, value in QUIET.items() if not name.startswith("DOCKER_")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.split() == ["embedded", "False", "False"]


def test_auto_takes_embedded_servers_where_testcontainers_cannot_be_loaded(
    tmp_path: Path,
) -> None:
    script = """
import os
from redis_runbook.config.model import Config
from redis_runbook.targets.target import TargetError
from redis_runbook.targets.choose import open_target
config = Config.model_validate({"services": {"cache": {"role": "cache"}}})
target = open_target(config, os.environ, requested="auto", profile="smoke")
target.close()
print(target.kind)
try:
    open_target(config, os.environ, requested="container", profile="smoke")
except TargetError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**QUIET, "DOCKER_HOST": f"unix://{tmp_path}/s", "TESTCONTAINERS_CONNECTION_MODE": "x"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    kind, error = done.stdout.splitlines()
    assert kind == "embedded"
    assert error.startswith("testcontainers cannot be loaded: ")
    assert "TESTCONTAINERS_CONNECTION_MODE" in error
