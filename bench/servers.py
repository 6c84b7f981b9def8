"""The servers of the benchmarks: a queue and a cache on which every check passes."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.support import product
from tests.support.servers import Server, running


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A running queue and a running cache."""

    queue: Server
    cache: Server

    @property
    def env(self) -> Mapping[str, str]:
        """The environment with the URLs of both servers."""
        return product.urls(self.queue.url, self.cache.url)

    @property
    def by_name(self) -> Mapping[str, Server]:
        """The servers by service name."""
        return {"queue": self.queue, "cache": self.cache}


@contextlib.contextmanager
def running_pair(*, jwt_entries: int) -> Iterator[Pair]:
    """Start both servers, with only that many JWT entries in the cache."""
    common = ("--maxmemory", "1gb", "--enable-debug-command", "yes")
    with (
        running(*common, "--maxmemory-policy", "noeviction", "--appendonly", "yes") as queue,
        running(*common, "--maxmemory-policy", "allkeys-lru") as cache,
    ):
        pipeline = cache.client().pipeline(transaction=False)
        for number in range(jwt_entries):
            pipeline.set(f"jwt:{number}", "{}", ex=3600)
        pipeline.execute()
        yield Pair(queue=queue, cache=cache)
