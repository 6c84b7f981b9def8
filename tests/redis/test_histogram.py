"""The server's own p95 of a window, against what is known of the commands that were run in it."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from redis_runbook.probes.latency.histogram import (
    Durations,
    Snapshot,
    Traffic,
    take_snapshot,
    traffic_between,
)
from redis_runbook.probes.latency.sample import sample_latency
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.delaying_proxy import delaying
from tests.support.programs import program
from tests.support.servers import Server, running, wait_until

DEBUG = ("--enable-debug-command", "yes", "--slowlog-log-slower-than", "0",
         "--slowlog-max-len", "2000")  # fmt: skip


def snapshot(url: str) -> Snapshot:
    with connected(parse_endpoint(url), "cache", timeout_s=5) as client:
        return take_snapshot(client)


def p95(durations: list[float]) -> float:
    """Nearest rank, in the plainest way."""
    return sorted(durations)[math.ceil(len(durations) * 95 / 100) - 1]


def holds(durations: Durations | None, truth_ms: float) -> bool:
    assert durations
    return durations.p95_low_ms <= truth_ms <= (durations.p95_high_ms or math.inf)


@pytest.mark.parametrize("version", ["redis-7.0", "valkey-9"])
def test_the_p95_of_scripted_commands_is_where_the_server_timed_them(version: str) -> None:
    with running(*DEBUG, program=program(version)) as server:
        client = server.client()
        client.execute_command("DEBUG", "SLEEP", 0.07)  # before the window: not in it
        before = snapshot(server.url)
        client.slowlog_reset()
        client.eval("for i = 1, 20000 do redis.call('PING') end", 0)
        for _ in range(19):
            client.set("key", "x" * 100)
            client.execute_command("DEBUG", "SLEEP", 0.001)
            client.execute_command("DEBUG", "SLEEP", 0.012)
        log = [entry for entry in client.slowlog_get(2000) if entry["command"] != b"SLOWLOG RESET"]
        after = snapshot(server.url)
    truth: dict[str, list[float]] = {}
    for entry in log:
        truth.setdefault(entry["command"].split()[0].decode().lower(), []).append(
            entry["duration"] / 1000
        )
    found = traffic_between(
        before, after, sent={"ping": 20_000, "slowlog|reset": 1, "slowlog|get": 1}
    )
    commands: dict[str, Durations] = dict(found.by_command)
    for name in ("debug", "set", "eval"):
        assert commands[name].n == len(truth[name])
        assert holds(commands[name], p95(truth[name])), (name, commands[name], truth[name])
    every = [duration for name in ("debug", "set", "eval") for duration in truth[name]]
    assert found.total
    assert found.total.n == len(every)
    assert holds(found.total, p95(every)), (found.total, sorted(every))
    assert found.by_command[0][0] in {"debug", "eval"}


def test_a_second_and_a_half_has_no_upper_end() -> None:
    with running(*DEBUG) as server:
        before = snapshot(server.url)
        server.client().execute_command("DEBUG", "SLEEP", 1.5)
        found = traffic_between(before, snapshot(server.url), sent={})
    (_, slow), *_ = found.by_command
    assert (slow.n, slow.p95_high_ms) == (1, None)
    assert 500 < slow.p95_low_ms < 600


@contextlib.contextmanager
def traffic(server: Server, *command: object, pause_s: float = 0.002) -> Iterator[list[int]]:
    """That command, again and again; the list holds how often."""
    sent, stop = [0], threading.Event()

    def work() -> None:
        client = server.client()
        while not stop.wait(pause_s):
            with contextlib.suppress(redis.RedisError):
                client.execute_command(*command)
                sent[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(10)


def sample(url: str, window_s: float = 1.2) -> Traffic:
    return sample_latency(
        parse_endpoint(url), "cache", window_s=window_s, timeout_s=2, stop=threading.Event()
    ).traffic


def test_what_the_sampler_sends_is_not_traffic() -> None:
    with running() as server:
        assert sample(server.url) == Traffic()  # PING
        client = server.client()
        for number in range(40):
            client.set(f"string:{number}", "x")
            client.hset(f"hash:{number}", "field", "x")
        client.close()
        found = sample(server.url)
    assert found == Traffic()


@pytest.mark.quiet
def test_traffic_is_counted_also_where_it_runs_the_same_commands_as_the_sampler() -> None:
    with running() as server:
        server.client().set("key", "x")
        with traffic(server, "GETRANGE", "key", 0, 63) as sent:
            wait_until(lambda: sent[0] > 10)
            before = sent[0]
            found = sample(server.url, 1.5)
            after = sent[0]
    ((command, durations),) = found.by_command
    assert command == "getrange"
    assert 0 < durations.n <= after - before
    assert durations.n > 0.8 * (after - before)


def resets(server: Server) -> None:
    server.client().config_resetstat()


def restarts(server: Server) -> None:
    server.stop()
    server.start()


@pytest.mark.parametrize(
    ("happens", "words"),
    [(resets, "reset within the window"), (restarts, "was restarted within the window")],
)
def test_counters_that_began_anew_are_not_compared(
    happens: Callable[[Server], None], words: str
) -> None:
    with running() as server:
        snapshot(server.url)
        before = snapshot(server.url)
        happens(server)
        client = server.client()
        for _ in range(200):  # more than before, so that hardly any counter is smaller
            client.ping()
        found = traffic_between(before, snapshot(server.url), sent={})
    assert found.total is None
    assert words in found.missing


def test_without_run_ids_a_restart_reads_as_a_reset() -> None:
    with running() as server:
        url = server.user("ops", "needed-password", "~*", "+@all", "-info")
        before = snapshot(url)
        restarts(server)
        url = server.user("ops", "needed-password", "~*", "+@all", "-info")
        after = snapshot(url)
    assert (before.run_id, before.missing) == ("", "")
    assert "reset within the window" in traffic_between(before, after, sent={}).missing


def test_a_server_that_does_not_keep_track_says_nothing() -> None:
    with running("--latency-tracking", "no") as server:
        before = snapshot(server.url)
        server.client().ping()
        found = traffic_between(before, snapshot(server.url), sent={})
    assert "latency-tracking is off" in found.missing


def test_a_denied_histogram_is_named_and_an_absent_one_said() -> None:
    with running() as server:
        denied = snapshot(server.user("ops", "needed-password", "~*", "+@all", "-latency"))
    with running(program=program("redis-6.2")) as server:
        absent = snapshot(server.url)
    assert denied.missing == "no permission for LATENCY HISTOGRAM on cache"
    assert absent.missing == "LATENCY HISTOGRAM needs Redis 7 or Valkey"
    assert traffic_between(denied, absent, sent={}).missing == denied.missing


@pytest.mark.quiet
def test_a_finding_tells_a_slow_server_from_a_slow_network(folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(running(*DEBUG)) for name in ("slow", "far", "denied")}
        servers["old"] = stack.enter_context(running(program=program("redis-6.2")))
        stack.enter_context(traffic(servers["slow"], "DEBUG", "SLEEP", 0.12))
        stack.enter_context(traffic(servers["far"], "GET", "absent"))
        far = stack.enter_context(delaying(servers["far"].port, [70]))
        urls = {name: server.url for name, server in servers.items()}
        urls["far"] = f"redis://127.0.0.1:{far.port}"
        urls["denied"] = servers["denied"].user("ops", "needed-pw", "~*", "+@all", "-latency")
        config = "".join(
            f'[services.{name}]\nrole = "cache"\nurl = "{url}"\n' for name, url in urls.items()
        )
        config += '[services.queue]\nrole = "queue"\nenabled = false\n'
        config += '[services.cache]\nrole = "cache"\nenabled = false\n'
        config += "[jwt_cache]\nenabled = false\n"
        done = product.run(
            folder, "smoke", "--target", "live", "--select", "latency.command_p95", config=config
        )
    said = {name: done.message(f"latency.command_p95[{name}]") for name in servers}
    assert "the server's own p95" in said["slow"]
    assert "that of DEBUG" in said["slow"]
    assert "at most 135" in said["slow"]
    assert said["slow"].endswith(": the server is slow")
    assert said["far"].endswith(": the server is fast, so network or client")
    for name in ("slow", "far"):
        assert done.verdicts[f"latency.command_p95[{name}]"] == "fail", said
        assert "over throughout, looked at 2 s of the runbook's 600 s" in said[name]
    for name, words in {"old": "needs Redis 7", "denied": "no permission for LATENCY"}.items():
        assert done.verdicts[f"latency.command_p95[{name}]"] == "pass", said
        assert "is not available, client side only: " in said[name]
        assert words in said[name]
