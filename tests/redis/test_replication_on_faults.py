"""Replicas and masters that hang: "online" and "up" for minutes, by INFO's other fields not."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support import product
from tests.support.servers import Server, running, wait_until

NAME = "replication.link[queue]"
ARGUMENTS = ("smoke", "--select", "replication")
LIMITS = "[services.queue.limits]\nreplication_lag_s = 2\n"
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
