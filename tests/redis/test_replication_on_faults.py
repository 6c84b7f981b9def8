"""Replicas and masters that hang: "online" and "up" for minutes, by INFO's other fields not."""

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from redis_runbook.judging.replication import in_step
from redis_runbook.probes.replication import replication_facts
from redis_runbook.probes.server import parse_info, read_info
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.programs import every_version, program
from tests.support.servers import Server, running, wait_until
from tests.support.slow_proxy import slow_proxy

NAME = "replication.link[queue]"
ARGUMENTS = ("smoke", "--select", "replication")
LIMITS = "[services.queue.limits]\nreplication_lag_s = 2\n"
UNASKED = "[services.queue]\nrole = 'queue'\n"
PATIENT = ("--repl-timeout", "3600", "--repl-diskless-sync-delay", "0")


@contextlib.contextmanager
def pair() -> Iterator[tuple[Server, Server]]:
    """A master that pings every second, and its replica, both linked and online."""
    with (
        running(*PATIENT, "--repl-ping-replica-period", "1") as master,
        running(*PATIENT, "--replicaof", f"127.0.0.1 {master.port}") as replica,
    ):
        wait_until(lambda: replica.client().info("replication")["master_link_status"] == "up")
        wait_until(lambda: attached(master).get("state") == "online")
        yield master, replica


def attached(master: Server) -> dict[str, object]:
    return dict(master.client().info("replication").get("slave0", {}))


def test_a_frozen_replica_is_online_and_not_in_step(folder: Path) -> None:
    wanted = f"[services.queue]\nrole = 'queue'\nreplicas_min = 1\n{LIMITS}"
    with pair() as (master, replica):
        env = product.urls(master.url)
        before = product.run(folder, *ARGUMENTS, env=env, config=wanted)
        replica.freeze()
        wait_until(lambda: int(str(attached(master)["lag"])) > 3, 20)
        assert attached(master)["state"] == "online"
        frozen = product.run(folder, *ARGUMENTS, env=env, config=wanted)
        unasked = product.run(folder, *ARGUMENTS, env=env, config=LIMITS)
    assert before.verdicts[NAME] == "pass"
    assert frozen.verdicts[NAME] == "fail"
    assert "0 of 1 replica of queue are online and in step (lag" in frozen.message(NAME)
    assert unasked.verdicts[NAME] == "warn"
    assert "replicas_min is not configured" in unasked.message(NAME)


def test_a_replica_of_a_frozen_master_is_linked_and_not_in_step(folder: Path) -> None:
    def silent_s() -> int:
        return int(replica.client().info("replication")["master_last_io_seconds_ago"])

    with pair() as (master, replica):
        env = product.urls(replica.url)
        before = product.run(folder, *ARGUMENTS, env=env, config=LIMITS)
        master.freeze()
        wait_until(lambda: silent_s() > 3, 20)
        assert replica.client().info("replication")["master_link_status"] == "up"
        frozen = product.run(folder, *ARGUMENTS, env=env, config=LIMITS)
    assert before.verdicts[NAME] == "pass"
    assert frozen.verdicts[NAME] == "fail"
    assert "its link to the master is up, the master was heard of" in frozen.message(NAME)
    assert "(limit 2 s)" in frozen.message(NAME)


@contextlib.contextmanager
def written(server: Server) -> Iterator[None]:
    """A master that is written to all the time, 100 times a second."""
    stop = threading.Event()

    def write() -> None:
        with server.client() as client:
            while not stop.wait(0.01):
                client.set("live", "x" * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def test_a_replica_that_confirms_what_is_long_past_is_behind(folder: Path) -> None:
    wanted = "[services.queue]\nrole = 'queue'\nreplicas_min = 1\n"
    with (
        running(*PATIENT) as master,
        slow_proxy(master.port) as proxy,
        running(*PATIENT, "--replicaof", f"127.0.0.1 {proxy.port}"),
    ):
        wait_until(lambda: attached(master).get("state") == "online")
        env = product.urls(master.url)
        with written(master):
            busy = product.run(folder, *ARGUMENTS, env=env, config=wanted)
        proxy.bytes_per_s = 30_000
        for number in range(40):
            master.client().set(f"key:{number}", "x" * 1_000_000)
        wait_until(lambda: int(str(attached(master)["lag"])) <= 1)
        late = product.run(folder, *ARGUMENTS, env=env, config=wanted)
        unasked = product.run(folder, *ARGUMENTS, env=env, config=UNASKED)
        proxy.bytes_per_s = None
        wait_until(lambda: gap(master) == 0)
        after = product.run(folder, *ARGUMENTS, env=env, config=wanted)
    assert (busy.verdicts[NAME], after.verdicts[NAME]) == ("pass", "pass")
    assert (late.code, late.verdicts[NAME]) == (1, "fail")
    assert re.search(
        r"0 of 1 replica of queue are online and in step \(lag \d s; limit 10 s; \d\d\.\d MiB of "
        r"what the master had 1\d s before are not confirmed\), at least 1 wanted",
        late.message(NAME),
    )
    assert unasked.verdicts[NAME] == "warn"


def gap(master: Server) -> int:
    """By how many bytes the replica is behind."""
    told = master.client().info("replication")
    return int(told["master_repl_offset"]) - int(told["slave0"]["offset"])


@every_version
def test_a_replica_of_a_busy_master_is_in_step(version: str) -> None:
    server = program(version)
    with (
        running(*PATIENT, program=server) as master,
        running(*PATIENT, program=server) as replica,
        connected(parse_endpoint(master.url), "queue", timeout_s=5) as client,
    ):
        replica.client().replicaof("127.0.0.1", master.port)
        wait_until(lambda: attached(master).get("state") == "online")
        found = []
        with written(master):
            for _ in range(4):
                wait_until(lambda: gap(master) > 0)
                facts = replication_facts(
                    read_info(client).fields,
                    ask=lambda: parse_info(client.ask("INFO", "replication")),
                    longest_s=5,
                    pause=threading.Event().wait,
                )
                found.append(facts)
    assert all(facts.lags_s in {(0,), (1,)} for facts in found)
    assert [in_step(facts, limit_s=2) for facts in found] == [1] * 4
    assert any(facts.waited_s > 0 for facts in found)
