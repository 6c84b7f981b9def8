"""The server's own p95 of a window, against what is known of the commands that were run in it."""

import contextlib
import importlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.check import Advised, Broken, Judge, Outcome
from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.probes.latency.histogram import (
    Durations,
    Snapshot,
    Traffic,
    take_snapshot,
    traffic_between,
)
from redis_runbook.probes.latency.sample import sample_latency
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests import product
from tests.check_cases import latency
from tests.delaying_proxy import delaying
from tests.programs import program
from tests.servers import Server, running

DEBUG = ("--enable-debug-command", "yes", "--slowlog-log-slower-than", "0",
         "--slowlog-max-len", "2000")  # fmt: skip
ENDS_US = [1, 2, 4, 8, 16, 33, 67, 135, 270, 541, 1082, 2162, 4325, 8650, 17301, 34603, 67633,
           135266, 270532, 541065, 1073741]  # fmt: skip


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
    commands = dict(found.by_command)
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


def test_traffic_is_counted_also_where_it_runs_the_same_commands_as_the_sampler() -> None:
    with running() as server:
        server.client().set("key", "x")
        with traffic(server, "GETRANGE", "key", 0, 63) as sent:
            time.sleep(0.2)
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


class Says:
    """FAKE: a client that has one reply to everything."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply

    def ask(self, *command: str) -> Any:
        if command[0] == "INFO":
            raise CannotLook("no permission for INFO on cache")
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@pytest.mark.parametrize(
    "reply",
    [
        b"OK",
        7,
        None,
        [b"get"],
        [b"get", b"calls"],
        [b"get", [b"calls", 1, b"histogram_usec", [1, 2, 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", [8, 2, 4, 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", [4, 3, 8, 2]]],
        [b"get", [b"calls", 1, b"histogram_usec", [-4, 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", [b"x", 3]]],
        [b"get", [b"calls", 1, b"histogram_usec", b"none"]],
        [[b"get"], [b"calls", 1, b"histogram_usec", [1, 1]]],
    ],
)
def test_a_reply_of_another_shape_is_never_a_histogram(reply: Any) -> None:
    found = take_snapshot(Says(reply))  # type: ignore[arg-type]
    assert found == Snapshot(missing="LATENCY HISTOGRAM has a reply of an unknown shape")


def test_a_command_name_with_control_characters_is_harmless() -> None:
    reply = [b"\x1b[31mget\n", [b"calls", 1, b"histogram_usec", [1, 1]]]
    assert take_snapshot(Says(reply)).commands == {r"\x1b[31mget\n": {1: 1}}  # type: ignore[arg-type]


def recorded(durations: Mapping[str, list[int]]) -> dict[str, dict[int, int]]:
    """Buckets of durations in microseconds, as a server keeps them."""
    return {
        command: Counter(next(end for end in ENDS_US if duration <= end) for duration in own)
        for command, own in durations.items()
    }


COMMANDS = st.dictionaries(
    st.sampled_from(["get", "getrange", "keys"]), st.lists(st.integers(1, 900_000), max_size=30)
)


@given(earlier=COMMANDS, others=COMMANDS, ours=st.lists(st.integers(1, 900_000), max_size=30))
def test_whatever_ran_before_and_whatever_we_sent_the_p95_of_the_others_is_between_the_ends(
    earlier: dict[str, list[int]], others: dict[str, list[int]], ours: list[int]
) -> None:
    now = {name: earlier.get(name, []) + others.get(name, []) for name in {*earlier, *others}}
    now["getrange"] = now.get("getrange", []) + ours
    now["latency|histogram"] = [5]
    found = traffic_between(
        Snapshot(run_id="a", commands=recorded(earlier)),
        Snapshot(run_id="a", commands=recorded(now)),
        sent={"getrange": len(ours)},
    )
    assert found.missing == ""
    for name, durations in found.by_command:
        assert durations.n == len(others[name])
        assert holds(durations, p95([us / 1000 for us in others[name]]))
    every = [us / 1000 for own in others.values() for us in own]
    assert (found.total is not None) == bool(every)
    assert not every or holds(found.total, p95(every))


def durations(n: int, low_ms: float, high_ms: float | None) -> Durations:
    return Durations(n=n, p95_low_ms=low_ms, p95_high_ms=high_ms)


def traffic_of(n: int, low_ms: float, high_ms: float | None, **slowest: Durations) -> Traffic:
    total = durations(n, low_ms, high_ms)
    return Traffic(total=total, by_command=tuple(slowest.items()) or (("get", total),))


@pytest.mark.parametrize(
    ("client_ms", "served", "outcome", "words"),
    [
        (1, Traffic(), None, "; the server had no other traffic"),
        (
            1,
            traffic_of(900, 0.008, 0.016),
            None,
            "; the server's own p95 is at most 0.016 ms (n 900)",
        ),
        (1, traffic_of(900, 33.8, 67.6), None, "that of GET at most 67.6 ms (n 900)"),  # may be 40
        (
            1,
            traffic_of(200, 67.6, 135.2),
            Advised,
            "the server's own p95 is at most 135.2 ms (n 200)",
        ),
        (1, traffic_of(200, 536.9, None), Advised, "the server's own p95 is over 536.9 ms (n 200)"),
        (1, traffic_of(199, 67.6, 135.2), None, "at most 135.2 ms (n 199)"),  # too few
        (60, Traffic(), Broken, "the server had no other traffic"),
        (60, Traffic(missing="why"), Broken, "is not available, client side only: why"),
        (60, traffic_of(9, 0.008, 0.016), Broken, ": the server is fast, so network or client"),
        (60, traffic_of(9, 33.8, 67.6), Broken, ": the server is slow"),
        (
            60,
            traffic_of(9_999, 0.008, 0.016, keys=durations(9, 135.2, 270.5)),
            Broken,
            "at most 0.016 ms (n 9999), that of KEYS at most 270.5 ms (n 9): the server is slow",
        ),
    ],
)
def test_a_ruling_on_p95_takes_both_sides_into_account(
    client_ms: float, served: Traffic, outcome: type[Outcome] | None, words: str
) -> None:
    settings = ServiceSettings.model_validate({"role": "cache"})
    check = importlib.import_module("redis_runbook.checks.test_latency")
    facts = replace(latency(client_ms, client_ms), traffic=served)
    service, judge = Service(name="cache", settings=settings, endpoint=None), Judge()
    ended, ruling = None, None
    try:
        check.test_command_p95(service, facts, judge)
        ruling = judge.ruling
    except Outcome as error:
        ended, ruling = type(error), error.ruling
    assert ended is outcome
    assert ruling
    assert words in ruling.message
    assert ruling.observed == client_ms
    assert ("slowest commands, by the server" in ruling.evidence) == bool(served.by_command)


def test_a_finding_tells_a_slow_server_from_a_slow_network(folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(running(*DEBUG)) for name in ("slow", "far", "denied")}
        servers["old"] = stack.enter_context(running(program=program("redis-6.2")))
        stack.enter_context(traffic(servers["slow"], "DEBUG", "SLEEP", 0.08))
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
