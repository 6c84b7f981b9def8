"""A JWT cache that is empty, or keeps its entries too long."""

import contextlib
from collections.abc import Iterator
from typing import Final

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Stand

_POPULATED: Final = "jwt_cache.populated[cache]"
_EXPIRES: Final = "jwt_cache.expires[cache]"


@fault("the JWT cache was flushed", _POPULATED, _EXPIRES)
@contextlib.contextmanager
def jwt_flushed(stand: Stand) -> Iterator[None]:
    """FLUSHDB."""
    stand.cache.client().flushdb()
    yield
    stand.fill_cache()


@fault("entries of the JWT cache never expire", _EXPIRES)
@contextlib.contextmanager
def jwt_without_ttl(stand: Stand) -> Iterator[None]:
    """All of them, as a sample is looked at."""
    client = stand.cache.client()
    for key in client.scan_iter("jwt:*", count=1000):
        client.persist(key)
    yield
    client.flushdb()
    stand.fill_cache()


@fault("entries of the JWT cache expire too late", _EXPIRES)
@contextlib.contextmanager
def jwt_ttl_too_long(stand: Stand) -> Iterator[None]:
    """In a month."""
    client = stand.cache.client()
    for key in client.scan_iter("jwt:*", count=1000):
        client.expire(key, 30 * 86_400)
    yield
    client.flushdb()
    stand.fill_cache()
