"""A JWT cache that is empty, or keeps its entries too long."""

from collections.abc import Callable, Iterator
from typing import Final

import redis

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Stand

_POPULATED: Final = "jwt_cache.populated[cache]"
_EXPIRES: Final = "jwt_cache.expires[cache]"
_DAY_S: Final = 86_400


@fault("the JWT cache was flushed", _POPULATED, _EXPIRES)
def jwt_flushed(stand: Stand) -> Iterator[None]:
    """FLUSHDB."""
    stand.cache.client().flushdb()
    yield
    stand.fill_cache()


@fault("entries of the JWT cache never expire", _EXPIRES)
def jwt_without_ttl(stand: Stand) -> Iterator[None]:
    """All of them, as a sample is looked at."""
    yield from _changed(stand, redis.Redis.persist)


@fault("entries of the JWT cache expire too late", _EXPIRES)
def jwt_ttl_too_long(stand: Stand) -> Iterator[None]:
    """In a month."""
    yield from _changed(stand, lambda client, key: client.expire(key, 30 * _DAY_S))


def _changed(stand: Stand, change: Callable[[redis.Redis, bytes], object]) -> Iterator[None]:
    """Change every entry; the repair makes them anew."""
    client = stand.cache.client()
    for key in client.scan_iter("jwt:*", count=1000):
        change(client, key)
    yield
    client.flushdb()
    stand.fill_cache()
