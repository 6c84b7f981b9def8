"""Replies of another shape are never taken for facts."""

from typing import cast

import pytest
import redis

from redis_runbook.probes.bullmq.replay import complete_from_ms
from redis_runbook.probes.clients import clients_facts
from redis_runbook.probes.cluster import cluster_facts
from redis_runbook.probes.keyspace import keyspace_facts
from redis_runbook.probes.latency.histogram import take_snapshot
from redis_runbook.probes.memory import memory_facts
from redis_runbook.probes.persistence import PersistenceFacts, persistence_facts
from redis_runbook.probes.replies import clock_ms, pairs
from redis_runbook.probes.server import integer, server_facts
from redis_runbook.probes.slowlog import read_slowlog
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client


class Fixed:
    """A fake client: the same replies whatever is asked."""

    def __init__(self, *given: object) -> None:
        self.given = given

    def ask(self, *_command: object) -> object:
        return self.given[0]

    def ask_all(self, *_commands: object, **_options: object) -> list[object]:
        return list(self.given)


def fixed(*given: object) -> Client:
    return cast("Client", Fixed(*given))


CLOCK = [b"1700000000", b"0"]
SETTINGS = (
    [b"slowlog-log-slower-than", b"10000"],
    [b"slowlog-max-len", b"128"],
    b"uptime_in_seconds:90",
    b"",
)


@pytest.mark.parametrize(
    ("log", "clock"),
    [
        (b"", CLOCK),
        (None, CLOCK),
        ([b""], CLOCK),
        ([[1, 1, 1, [10**12]]], CLOCK),
        ([[1, 1, 10**400, [b"GET"]]], CLOCK),
        ([[1, 1, 1, []]], CLOCK),
        ([], [b"9" * 400, b"0"]),
        ([], [b"-1", b"0"]),
        ([], b""),
    ],
)
def test_a_slowlog_of_another_shape_is_not_taken_for_an_empty_one(
    log: object, clock: object
) -> None:
    with pytest.raises(CannotLook, match=r"unknown shape|did not tell its time"):
        read_slowlog(fixed(log, clock, *SETTINGS))
    assert read_slowlog(fixed([], CLOCK, *SETTINGS)).entries == []


@pytest.mark.parametrize("number", ["-1", "1e400", "nan", "1e300", "0.5", "", "many"])
def test_a_count_that_cannot_be_is_not_compared_with_a_limit(number: str) -> None:
    info = {"used_memory": "1", "maxmemory": number, "maxmemory_policy": "x", "evicted_keys": "0"}
    with pytest.raises(CannotLook, match="INFO's maxmemory is not a"):
        memory_facts(info)
    assert integer({"bytes": "-5"}, "bytes", signed=True) == -5


@pytest.mark.parametrize("told", [None, b"", [], [b"maxclients", b"0"], [b"maxclients", b"-5"]])
def test_no_limit_of_clients_is_no_room_for_clients(told: object) -> None:
    info = {"connected_clients": "5", "rejected_connections": "0"}
    with pytest.raises(CannotLook, match="does not tell its maxclients"):
        clients_facts(fixed(told), info)
    assert clients_facts(fixed([b"maxclients", b"100"]), info).maxclients == 100


@pytest.mark.parametrize("missing", ["role", "redis_mode"])
def test_a_server_that_does_not_say_what_it_is_is_unknown(missing: str) -> None:
    info = {"role": "master", "redis_mode": "standalone"}
    assert server_facts(info).role == "master"
    with pytest.raises(CannotLook):
        server_facts({**info, missing: ""})
    assert server_facts({"redis_mode": "sentinel"}).role == "sentinel"


def test_an_aof_whose_state_is_not_told_is_unknown() -> None:
    info = {"rdb_last_bgsave_status": "ok", "aof_enabled": "1"}
    with pytest.raises(CannotLook, match="aof_last_write_status"):
        persistence_facts(fixed([b"save", b""]), info)
    with pytest.raises(CannotLook, match="aof_enabled is neither 0 nor 1"):
        persistence_facts(fixed([b"save", b""]), {**UNSAVED, "aof_enabled": "yes"})


UNSAVED = {
    "rdb_last_bgsave_status": "ok",
    "rdb_changes_since_last_save": "5000000",
    "rdb_bgsave_in_progress": "0",
    "rdb_last_save_time": "1600000000",
    "aof_enabled": "0",
}
"""A save is due for years by `save 3600 1`, and no time is told."""


class Telling(Fixed):
    """FAKE: another reply to TIME than to CONFIG GET save."""

    def ask(self, *command: object) -> object:
        if command[0] == "TIME" and isinstance(self.given[0], Exception):
            raise self.given[0]
        told = {"TIME": self.given[0], "CONFIG": [b"save", b"3600 1"], "INFO": b"role:master"}
        return told[str(command[0])]


def persistence(time: object, **info: str) -> PersistenceFacts:
    return persistence_facts(cast("Client", Telling(time)), {**UNSAVED, **info})


def test_a_server_whose_info_tells_no_time_is_asked_for_it() -> None:
    late = persistence(CLOCK)
    assert (late.since_save_s, str(late.overdue)) == (100_000_000, "save 3600 1")
    early = persistence([b"1600000100", b"0"])
    assert (early.since_save_s, early.overdue, early.why_no_age) == (100, None, "")
    saved = persistence(CLOCK, rdb_changes_since_last_save="0")
    assert (saved.since_save_s, saved.why_no_age) == (None, "")


def test_a_save_of_the_future_is_not_of_now() -> None:
    ahead = persistence(CLOCK, rdb_last_save_time="1700036000")
    assert (ahead.since_save_s, ahead.overdue) == (-36_000, None)


@pytest.mark.parametrize(
    ("time", "info", "why"),
    [
        (CannotLook("no permission for TIME"), {}, "no permission for TIME"),
        (b"", {}, "the server did not tell its time"),
        (CLOCK, {"rdb_last_save_time": "0"}, "INFO does not report rdb_last_save_time"),
    ],
    ids=str,
)
def test_a_save_of_nobody_knows_when_is_not_of_now(
    time: object, info: dict[str, str], why: str
) -> None:
    assert persistence(time, **info).why_no_age == why
    assert persistence(time, **info, rdb_changes_since_last_save="0").why_no_age == ""


def test_a_save_that_runs_says_since_when() -> None:
    with pytest.raises(CannotLook, match="does not report rdb_current_bgsave_time_sec"):
        persistence(CLOCK, rdb_bgsave_in_progress="1")


@pytest.mark.parametrize("told", ["keys=1", "expires=0", ""])
def test_a_database_whose_keys_are_not_counted_is_not_an_empty_one(told: str) -> None:
    assert keyspace_facts({"db0": "keys=1,expires=0"}).keys == {0: 1}
    with pytest.raises(CannotLook, match="of a database"):
        keyspace_facts({"db0": told})


def test_slots_that_are_not_counted_are_not_fine() -> None:
    info = {"cluster_state": "ok", "cluster_slots_assigned": "16384", "cluster_slots_fail": "0"}
    with pytest.raises(CannotLook, match="does not report cluster_slots_pfail"):
        cluster_facts(info)


MEMORY = {
    "used_memory": "1000",
    "maxmemory": "0",
    "maxmemory_policy": "noeviction",
    "evicted_keys": "0",
    "mem_allocator": "jemalloc-5.3.0",
}
PROCESS_WASTE = {"mem_fragmentation_ratio": "9.9", "mem_fragmentation_bytes": "300000000"}
ALLOCATOR_WASTE = {"allocator_frag_ratio": "1.05", "allocator_frag_bytes": "4000"}


@pytest.mark.parametrize(
    ("told", "waste"),
    [
        ({}, (None, None)),
        ({"allocator_frag_ratio": "1.0"}, (None, None)),
        (PROCESS_WASTE, (9.9, 300_000_000)),
        ({**PROCESS_WASTE, **ALLOCATOR_WASTE}, (1.05, 4_000)),
        ({**PROCESS_WASTE, **ALLOCATOR_WASTE, "allocator_frag_ratio": "0.00"}, (9.9, 300_000_000)),
        ({**ALLOCATOR_WASTE, "mem_allocator": "libc"}, (None, None)),
    ],
)
def test_a_waste_that_is_not_told_is_not_made_up(
    told: dict[str, str], waste: tuple[float | None, int | None]
) -> None:
    facts = memory_facts({**MEMORY, **told})
    assert (facts.waste_ratio, facts.waste_bytes) == waste
    assert facts.rss_bytes is None


# What `make fuzz` has found


@pytest.mark.parametrize("time", [[10**400, 0], [0, 0], [b"9" * 20, b"0"], [1_700_000_000, None]])
def test_a_time_that_cannot_be_is_none(time: object) -> None:
    with pytest.raises(CannotLook, match="did not tell its time"):
        clock_ms(time)
    assert clock_ms([1_700_000_000, 5_000]) == 1_700_000_000_005


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CannotLook("no permission for TIME on queue"), "^no permission for TIME on queue$"),
        (redis.ResponseError("LOADING the dataset"), "^the server refuses TIME: LOADING$"),
    ],
    ids=str,
)
def test_why_the_time_is_not_told_is_said(error: Exception, words: str) -> None:
    with pytest.raises(CannotLook, match=words):
        clock_ms(error)
    with pytest.raises(CannotLook, match=words):
        read_slowlog(fixed([], error, *SETTINGS))


def test_a_field_of_a_stream_may_be_anything() -> None:
    asked = {"read_from_ms": 5, "cut": False, "max_entries": None}
    assert complete_from_ms([], stream=[[], 1, b"length", 3], **asked) == 5  # type: ignore[arg-type]


def test_a_command_whose_name_is_a_number_takes_no_memory() -> None:
    class Asked(Fixed):
        def ask(self, *command: object) -> object:
            return self.given[command[0] != "INFO"]

    one, huge = ([b"calls", 1, b"histogram_usec", [1, count]] for count in (1, b"9" * 400))
    for name, told, missing in (
        (b"get", one, ""),
        (10**12, one, "an unknown shape"),
        ([b"get"], one, "unknown shape"),
        (b"get", huge, "unknown shape"),
    ):
        snapshot = take_snapshot(cast("Client", Asked(b"run_id:a", [name, told])))
        assert missing in snapshot.missing
        assert bool(snapshot.commands) is not bool(missing)


@pytest.mark.parametrize("text", ["١٢", "1_0", " 1", "0x1", "1e", "infinity", "9" * 401, ""])
def test_a_number_is_one_as_redis_writes_it(text: str) -> None:
    with pytest.raises(CannotLook, match="is not a number"):
        integer({"used_memory": text}, "used_memory")


def test_a_name_that_is_no_text_names_nothing() -> None:
    """Found by changing replies at random: the stream's own description may hold anything."""
    assert list(pairs([[b"last-entry"], 1, b"length", 2, None, 3, b"odd"])) == [(b"length", 2)]
    assert list(pairs(b"length")) == []
