"""Saves that do not end or do not begin, on real servers, beside their healthy twins."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.probes.persistence import PersistenceFacts, SavePoint, persistence_facts
from redis_runbook.probes.server import read_info
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.programs import every_version, program
from tests.support.servers import Server, running, wait_until

NAME = "persistence.saving[queue]"
SLOWLY = ("--rdb-key-save-delay", "100000")
"""0.1 s a key, in a save and in a rewrite: there is no other end than that of the server."""

ARGUMENTS = ("smoke", "--select", "persistence")
CONFIG = "[services.queue.limits]\nsaving_s = {limit_s}\n"


@contextlib.contextmanager
def filled(*options: str) -> Iterator[Server]:
    with running(*options) as server:
        server.client().mset({f"key:{number}": number for number in range(1000)})
        yield server


def test_a_save_that_does_not_end_is_a_warning_and_says_since_when(folder: Path) -> None:
    with filled("--save", "3600 1", *SLOWLY) as server:
        client = server.client()
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_current_bgsave_time_sec"] >= 2)
        env = product.urls(server.url)
        endless = product.run(folder, *ARGUMENTS, env=env, config=CONFIG.format(limit_s=1))
        patient = product.run(folder, *ARGUMENTS, env=env, config=CONFIG.format(limit_s=30))
    assert (endless.code, endless.verdicts[NAME]) == (0, "warn")
    assert "an RDB save has not ended after" in endless.message(NAME)
    assert "s (limit 1 s), 1000 changes are unsaved" in endless.message(NAME)
    assert patient.verdicts[NAME] == "pass"


def test_a_save_that_does_not_begin_is_a_warning(folder: Path) -> None:
    """A rewrite that hangs keeps every save from beginning."""
    with filled("--save", "1 1", "--appendonly", "yes", *SLOWLY) as server:
        client = server.client()
        client.config_set("save", "")
        wait_until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], 120)
        client.bgrewriteaof()
        client.config_set("save", "1 1")
        client.set("key", "changed")
        saved_at = client.info("persistence")["rdb_last_save_time"]
        wait_until(lambda: client.time()[0] - saved_at > 3)
        done = product.run(
            folder,
            *ARGUMENTS,
            env=product.urls(server.url),
            config=CONFIG.format(limit_s=1),
        )
    assert done.verdicts[NAME] == "warn"
    assert "s although `save 1 1` is set" in done.message(NAME)
    assert "an AOF rewrite has not ended after" in done.message(NAME)


def observed(server: Server) -> PersistenceFacts:
    with connected(parse_endpoint(server.url), "queue", timeout_s=5) as client:
        return persistence_facts(client, read_info(client).fields)


@every_version
def test_what_is_read_of_saves_is_the_same_on_every_version(version: str) -> None:
    with running(program=program(version)) as server:
        client = server.client()
        client.config_set("save", "3600 1 60 100")
        client.set("key", "value")
        client.bgsave()
        wait_until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"])
        facts = observed(server)
        client.set("key", "changed")
        changed = observed(server)
    assert (facts.rdb_enabled, facts.rdb_ok, facts.changes_since_save) == (True, True, 0)
    assert (facts.rdb.for_s, facts.aof.for_s, facts.overdue) == (None, None, None)
    assert facts.rdb.last_s is not None
    assert facts.rdb.last_s < 5
    assert facts.since_save_s is None or facts.since_save_s < 5
    assert changed.since_save_s is not None
    assert -1 < changed.since_save_s < 5
    assert (changed.changes_since_save, changed.overdue, changed.why_no_age) == (1, None, "")


@pytest.mark.quiet
def test_a_save_that_has_just_become_due_is_looked_at_again() -> None:
    with running("--save", "1 1") as server:
        client = server.client()
        saved_at = client.info("persistence")["rdb_last_save_time"]
        wait_until(lambda: client.time()[0] - saved_at > 2)
        facts = []
        for number in range(5):
            client.set("key", number)
            facts.append(observed(server))
    assert [one.overdue for one in facts] == [None] * 5
    assert str(SavePoint(after_s=1, changes=1)) == "save 1 1"
