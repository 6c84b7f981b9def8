"""Latency as the probe reports it, on real servers with real faults."""

import contextlib
import queue
import socket
import statistics
import subprocess
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.judging.stats import summarise
from redis_runbook.judging.window import Outcome, judge_window
from redis_runbook.probes.connection import Problem
from redis_runbook.probes.latency import sample as latency
from redis_runbook.probes.latency.sample import LatencyFacts, look_at_latency, sample_latency
from redis_runbook.wire.endpoint import Endpoint, Tls, parse_endpoint
from redis_runbook.wire.ports import free_port
from tests.support.programs import program
from tests.support.servers import Server, running

pytestmark = pytest.mark.quiet


def sample(
    url: str | Endpoint, *, window_s: float = 0.5, timeout_s: float = 1.0, stop: Any = None
) -> LatencyFacts:
    return sample_latency(
        url if isinstance(url, Endpoint) else parse_endpoint(url),
        "cache",
        window_s=window_s,
        timeout_s=timeout_s,
        stop=stop or threading.Event(),
    )


@contextlib.contextmanager
def later(seconds: float, action: Callable[[], object]) -> Iterator[None]:
    """Do something that much later, beside what the block does."""
    timer = threading.Timer(seconds, action)
    timer.start()
    try:
        yield
    finally:
        timer.join(10)


def commands_run(server: Server) -> dict[str, int]:
    stats: dict[str, Any] = server.client().info("commandstats")
    return {name.removeprefix("cmdstat_"): facts["calls"] for name, facts in stats.items()}


@pytest.fixture
def finds_all_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """RANDOMKEY often enough that no key of a handful is missed by chance."""
    monkeypatch.setattr(latency, "_KEYS", 300)


def test_a_healthy_server_is_sampled_200_times_a_second(healthy: Server) -> None:
    facts = sample(healthy.url, window_s=1.2)

    assert (facts.error, facts.unanswered, facts.unseen) == (None, 0, ())
    assert (facts.window_s, facts.elapsed_s, facts.judged_s) == (1.2, 1.2, 1.2)
    assert facts.workload.startswith("reads of ")
    assert facts.workload.endswith(" random keys")
    summary = summarise(facts.samples_ms)
    assert len(facts.offsets_s) == summary.n == 240
    assert summary.p50_ms < 5


@pytest.mark.usefixtures("finds_all_keys")
def test_each_type_of_key_is_read_at_constant_cost_and_stays_idle() -> None:
    with running(program=program("valkey-9")) as server:
        client = server.client()
        client.set("string", "x" * 1_000_000)
        client.hset("hash", "field", "value")
        client.rpush("list", "value")
        client.sadd("set", "value")
        client.zadd("zset", {"value": 1})
        client.xadd("stream", {"field": "value"})
        client.config_resetstat()
        facts = sample(server.url, window_s=1.5)
        idle_s = client.object("idletime", "string")
        run = commands_run(server)

    assert facts.workload == "reads of 6 random keys"
    reads = {name: run.pop(name) for name in ("getrange", "hlen", "llen", "scard", "zcard", "xlen")}
    assert set(reads.values()) == {51}
    assert not set(run) & {"get", "hgetall", "lrange", "smembers", "keys", "scan"}
    assert idle_s >= 1


def test_keys_that_vanish_or_change_type_midway_are_round_trips_still() -> None:
    with running() as server:
        client = server.client()
        for number in range(20):
            client.set(f"key:{number}", "value")

        def change() -> None:
            client.flushall()
            for number in range(10):
                client.rpush(f"key:{number}", "value")

        with later(0.25, change):
            facts = sample(server.url)

    assert (facts.error, facts.unanswered, len(facts.samples_ms)) == (None, 0, 100)


def test_choosing_keys_costs_about_100_commands() -> None:
    with running() as server:
        client = server.client()
        client.mset({f"key:{number}": "value" for number in range(1000)})
        client.config_resetstat()
        facts = sample(server.url, window_s=0)
        run = commands_run(server)

    assert (len(facts.samples_ms), facts.workload[:9]) == (0, "reads of ")
    assert run["randomkey"] == 32
    assert sum(run.values()) <= 105


def test_an_empty_database_gets_ping() -> None:
    with running() as server:
        server.client(db=1).set("key", "in another database")
        facts = sample(server.url)
        run = commands_run(server)

    assert facts.workload == "PING"
    assert run["ping"] == 100


@pytest.mark.usefixtures("finds_all_keys")
@pytest.mark.parametrize(
    ("rules", "workload"),
    [
        (["+ping"], "PING"),
        (["~*", "+ping", "+randomkey", "+type"], "PING"),
        (["~own:*", "+@all"], "reads of 3 random keys"),
    ],
)
def test_what_the_user_may_not_read_is_not_read(rules: list[str], workload: str) -> None:
    with running() as server:
        client = server.client()
        for number in range(3):
            client.set(f"own:{number}", "value")
        client.hset("foreign", "field", "value")
        client.config_resetstat()
        facts = sample(server.user("watcher", "pass-word", *rules))
        stats = client.info("commandstats")

    assert facts.workload == workload
    assert (facts.error, facts.unanswered, len(facts.samples_ms)) == (None, 0, 100)
    stats.pop("cmdstat_randomkey")
    assert sum(command["rejected_calls"] for command in stats.values()) < 10  # each key tried once


def test_names_of_keys_stay_in_the_probe() -> None:
    with running() as server:
        server.client().set("jwt:eyJhbGciOiJIUzI1NiJ9", "value")
        facts = sample(server.url, window_s=0.1)

    assert "jwt" not in repr(facts)


def test_a_stall_midway_is_seen_in_p95_and_maximum() -> None:
    with running("--enable-debug-command", "yes") as server:
        client = server.client()
        with later(0.3, lambda: client.execute_command("DEBUG", "SLEEP", "0.5")):
            facts = sample(server.url, window_s=1.2)

    assert (facts.error, facts.unanswered, len(facts.samples_ms)) == (None, 0, 240)
    summary = summarise(facts.samples_ms)
    assert summary.p50_ms < 50
    assert 350 < summary.p95_ms < summary.max_ms < 600
    slow = sum(latency_ms > 100 for latency_ms in facts.samples_ms)
    assert slow == pytest.approx(0.4 * 200, abs=21)  # those due in the first 0.4 s of the stall


def test_a_server_that_freezes_midway_is_bounded_and_counted() -> None:
    with running() as server:
        started = time.monotonic()
        with later(0.3, server.freeze):
            facts = sample(server.url, window_s=0.8, timeout_s=0.6)
        took_s = time.monotonic() - started

    assert took_s < 0.8 + 0.6 + 0.5
    assert facts.error is None
    assert len(facts.samples_ms) == 160
    assert 85 <= facts.unanswered <= 110
    summary = summarise(facts.samples_ms)
    assert summary.max_ms == pytest.approx((0.8 + 0.6 - 0.3) * 1000, abs=150)
    judged = judge_window(
        facts.offsets_s, facts.samples_ms, window_s=0.8, limit=50, min_samples=100
    )
    assert judged.outcome is Outcome.OVER_IN_PART
    assert judged.steps[-1].over


def test_a_server_that_is_killed_midway_is_a_lost_connection_and_the_rest_is_over() -> None:
    with running() as server:
        started = time.monotonic()
        with later(1.3, server.process.kill):
            facts = sample(server.url, window_s=4)
        took_s = time.monotonic() - started

    assert 4 < took_s < 5  # it may come back until then
    assert facts.error in {
        f"connection lost after {facts.elapsed_s:.1f} s: {how} by the server"
        for how in ("closed", "reset")
    }
    assert facts.judged_s == 4
    judged = judge_window(facts.offsets_s, facts.samples_ms, window_s=facts.judged_s, limit=50)
    assert judged.outcome is Outcome.OVER_IN_PART
    assert judged.over_s == pytest.approx(2.8)  # from 1.2 s on: a step is 0.4 s


def test_a_server_that_is_frozen_from_the_start_is_an_error_in_time() -> None:
    with running() as server:
        server.freeze()
        started = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            sample(server.url, timeout_s=0.3)

    assert time.monotonic() - started < 1


def look(url: str, window_s: float = 0.3) -> Any:
    """What the probe is given to look with."""
    return SimpleNamespace(
        endpoint=parse_endpoint(url),
        service=Service(
            name="cache",
            settings=ServiceSettings.model_validate(
                {"role": "cache", "limits": {"connect_s": 0.3}}
            ),
            endpoint=None,
        ),
        window_s=window_s,
        time_left_s=20.0,
        stop=threading.Event(),
        watch=lambda _: None,
    )


def test_after_the_window_somebody_looks_whether_the_server_still_answers() -> None:
    with running() as server:
        answers = look_at_latency(look(server.url)).at_end
        server.freeze()
        frozen = look_at_latency(look(server.url))
        server.stop()
        gone = look_at_latency(look(server.url))
    assert answers is not None
    assert answers.reachable
    for facts, problem in ((frozen, Problem.TIMED_OUT), (gone, Problem.REFUSED)):
        assert len(facts.samples_ms) == 0
        assert facts.at_end is not None
        assert facts.at_end.problem is problem


def test_a_stopped_run_looks_no_more() -> None:
    with running() as server:
        stopped = look(server.url, window_s=60)
        with later(0.2, stopped.stop.set):
            assert look_at_latency(stopped).at_end is None


def test_stop_ends_the_window_early_and_only_what_was_looked_at_is_judged(
    healthy: Server,
) -> None:
    stop = threading.Event()
    with later(0.3, stop.set):
        facts = sample(healthy.url, window_s=60, stop=stop)

    assert (facts.error, facts.unanswered) == (None, 0)
    assert facts.elapsed_s == facts.judged_s == pytest.approx(0.3, abs=0.1)
    assert len(facts.samples_ms) == pytest.approx(60, abs=20)


def test_without_a_sample_there_is_no_summary(healthy: Server) -> None:
    assert sample(healthy.url, window_s=0).samples_ms == array("d")


@contextlib.contextmanager
def far_away(server: Server, delay_s: float) -> Iterator[str]:
    """A proxy that holds each reply back for as long, however many are under way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        replies: queue.Queue[tuple[float, bytes]] = queue.Queue()

        def carry() -> None:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", server.port))
            with near, far:
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=receive, args=[far], daemon=True).start()
                threading.Thread(target=reply, args=[near], daemon=True).start()
                while received := near.recv(1 << 16):
                    far.sendall(received)
                far.shutdown(socket.SHUT_RDWR)

        def receive(far: socket.socket) -> None:
            while received := far.recv(1 << 16):
                replies.put((time.perf_counter() + delay_s, received))
            replies.put((0, b""))

        def reply(near: socket.socket) -> None:
            while (pending := replies.get())[1]:
                time.sleep(max(0.0, pending[0] - time.perf_counter()))
                near.sendall(pending[1])

        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


def test_a_slow_network_is_measured_as_it_is_and_builds_no_queue(healthy: Server) -> None:
    with far_away(healthy, 0.02) as url:
        facts = sample(url, window_s=1.5)

    assert (facts.error, facts.unanswered, len(facts.samples_ms)) == (None, 0, 300)
    first, last = facts.samples_ms[:100], facts.samples_ms[-100:]
    assert 20 <= min(facts.samples_ms) < 20.4
    assert 20 <= statistics.median(first) < 22  # the proxy wakes up late on a busy machine
    assert 20 <= statistics.median(last) < 22


def test_a_server_that_speaks_tls_is_sampled(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-days", "2", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    with running(*files, "--tls-auth-clients", "no", tls=True) as server:
        facts = sample(
            Endpoint(
                scheme="rediss",
                host="127.0.0.1",
                port=server.port,
                tls=Tls(ca_file=str(certificate)),
            )
        )

    assert (facts.error, facts.unanswered, len(facts.samples_ms)) == (None, 0, 100)


def test_nobody_listening_is_an_error() -> None:
    with pytest.raises(redis.ConnectionError):
        sample(f"redis://127.0.0.1:{free_port()}")


def test_reads_that_are_errors_are_counted_by_code() -> None:
    with running("--replica-serve-stale-data", "no") as server:
        client = server.client()
        client.set("key", "value")

        def lose_the_master() -> None:
            client.replicaof("127.0.0.1", free_port())

        with later(0.5, lose_the_master):
            facts = sample(server.url, window_s=1.5)
    ((code, count),) = facts.errors.items()
    assert (code, facts.refusal) == ("MASTERDOWN", "")
    assert 0.4 < count / len(facts.samples_ms) < 0.8


def test_errors_in_the_place_of_keys_are_no_reads() -> None:
    with running("--replica-serve-stale-data", "no") as server:
        client = server.client()
        client.set("key", "value")
        client.replicaof("127.0.0.1", free_port())
        facts = sample(server.url)
    assert (facts.workload, facts.refusal) == ("PING", "MASTERDOWN")


def test_a_key_that_becomes_another_type_is_still_read() -> None:
    with running() as server:
        client = server.client()
        client.set("key", "value")

        def change() -> None:
            client.delete("key")
            client.lpush("key", "value")

        with later(0.2, change):
            facts = sample(server.url)
    assert (facts.errors, facts.refusal) == ({}, "")
