"""What a throwaway cache holds."""

import json
import time

import pytest

from redis_runbook.config.model import JwtCache
from redis_runbook.targets.seed import key_matching, seed_jwt_cache
from redis_runbook.wire.endpoint import Endpoint
from tests.support.servers import Server
from tests.support.targets import config, opened

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
        assert not list(clients["queue"].scan_iter("jwt:*", count=1000))


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
