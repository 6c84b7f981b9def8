"""The embedded target: servers of our own that never outlive us."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.processes import is_running, working_in
from tests.support.product import QUIET
from tests.support.servers import wait_until
from tests.support.targets import config, open_, opened


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_service_that_is_switched_off_is_no_part_of_a_target() -> None:
    settings = config(services={"queue": {"enabled": False}})
    with opened(settings) as clients:
        assert list(clients) == ["cache"]
    target = open_(settings, {"REDIS_CACHE_URL": "redis://cache.example"})
    assert [service.name for service in target.services] == ["cache"]


# --- embedded servers ---------------------------------------------------------------------------


def test_embedded_servers_are_what_their_roles_ask_for() -> None:
    with opened() as clients:
        queue, cache = clients["queue"], clients["cache"]
        assert queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert cache.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert {client.config_get("maxmemory")["maxmemory"] for client in clients.values()} == {
            str(64 * 2**20)
        }
        assert queue.info("persistence")["aof_enabled"] == 1
        assert queue.info("persistence")["aof_last_write_status"] == "ok"
        assert cache.info("persistence")["aof_enabled"] == 0


def test_a_throwaway_target_says_that_it_is_one() -> None:
    target = open_(environ=QUIET, requested="embedded")
    try:
        assert target.announcement == (
            "no service URL is set: checked throwaway servers; this says nothing about yours; "
            "the queue bundle:render is a demonstration"
        )
        for route in target.exporters.values():
            assert (route.url, route.missing) == (None, "the embedded target has no exporter")
        for service in target.services:
            assert service.endpoint
            assert service.endpoint.password
            assert service.endpoint.password not in repr(target)
    finally:
        target.close()


def test_throwaway_servers_on_request_do_not_claim_that_no_url_is_set() -> None:
    target = open_(
        environ={**QUIET, "REDIS_QUEUE_URL": "redis://queue.example"}, requested="embedded"
    )
    target.close()
    assert target.announcement
    assert target.announcement.startswith("--target embedded: checked throwaway servers")


def test_throwaway_servers_are_not_held_to_how_live_ones_are_deployed() -> None:
    settings = config(services={"cache": {"expected_role": "replica", "tls": {"verify": False}}})
    target = open_(settings, QUIET, requested="embedded")
    target.close()
    cache = target.services[1]
    assert cache.settings.expected_role == "master"
    assert cache.settings.tls.verify
    assert cache.limits.round_trip_ms == 50


def test_nobody_else_can_use_an_embedded_server() -> None:
    with opened() as clients:
        port = clients["cache"].connection_pool.connection_kwargs["port"]
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port, retry=Retry(NoBackoff(), 0)).dbsize()


def test_the_password_of_a_throwaway_server_is_in_no_command_line() -> None:
    with opened() as clients:
        password = clients["cache"].connection_pool.connection_kwargs["password"]
        lines = {}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                lines[int(process.name)] = (process / "cmdline").read_text()
        assert {client.info("server")["process_id"] for client in clients.values()} <= set(lines)
        assert not [line for line in lines.values() if password in line]


def test_close_leaves_neither_process_nor_folder(temporary: Path) -> None:
    with opened() as clients:
        pids = [client.info("server")["process_id"] for client in clients.values()]
        assert all(map(is_running, pids))
        (folder,) = temporary.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not any(map(is_running, pids))
    assert not list(temporary.iterdir())


def test_a_target_may_be_closed_twice() -> None:
    target = open_(environ=QUIET, requested="embedded")
    target.close()
    target.close()


def test_close_works_without_the_watchdog_and_on_a_frozen_server(temporary: Path) -> None:
    with opened() as clients:
        pid = clients["queue"].info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(temporary) in cmdline.read_text():
                    os.kill(int(cmdline.parent.name), signal.SIGKILL)
    assert not is_running(pid)
    assert not list(temporary.iterdir())


def test_servers_go_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = """
import json, os, sys, time
from redis_runbook.config.roles import ROLES
from redis_runbook.targets import embedded
started = embedded.start(ROLES, os.environ)
print(json.dumps([e.port for e in started.endpoints.values()]), flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**QUIET, "TMPDIR": str(tmp_path)},
    ) as parent:
        try:
            assert parent.stdout
            ports = json.loads(parent.stdout.readline())
            assert all(map(listens, ports))
            assert list(tmp_path.iterdir())
        finally:
            parent.kill()
    wait_until(lambda: not any(map(listens, ports)))
    wait_until(lambda: not list(tmp_path.iterdir()))


def test_a_server_that_is_not_watched_yet_goes_when_its_parent_is_killed(tmp_path: Path) -> None:
    """It would be without its configuration: on every address, and without a password."""
    script = """
import os, signal
from redis_runbook.config.roles import ROLES
from redis_runbook.targets import embedded
embedded.Watchdog.guard = lambda self, process: os.kill(os.getpid(), signal.SIGKILL)
embedded.start(ROLES, os.environ)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], env={**QUIET, "TMPDIR": str(tmp_path)}, check=False
    )
    try:
        assert ended.returncode == -signal.SIGKILL
        wait_until(lambda: not working_in(tmp_path))
        wait_until(lambda: not list(tmp_path.iterdir()))
    finally:
        for pid in working_in(tmp_path):
            os.kill(pid, signal.SIGKILL)


def test_a_frozen_process_goes_when_its_parent_is_killed_while_it_ends_it(tmp_path: Path) -> None:
    script = """
import signal, subprocess
from redis_runbook.targets.embedded import Watchdog
class Frozen(subprocess.Popen):
    def wait(self, timeout=None):
        print(self.pid, flush=True)
        return super().wait(timeout)
watchdog = Watchdog()
frozen = Frozen(["sleep", "600"], start_new_session=True)
watchdog.guard(frozen)
frozen.send_signal(signal.SIGSTOP)
watchdog.end(frozen, signal.SIGTERM)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**QUIET, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    try:
        wait_until(lambda: not is_running(pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
