"""A network that is slow."""

from collections.abc import Iterator

from redis_runbook.drills.fault import fault
from redis_runbook.drills.proxy import proxy
from redis_runbook.drills.stand import Stand


@fault(
    "the network to the cache takes 80 ms",
    "latency.round_trip[cache]",
    "latency.command_p95[cache]",
)
def network_latency(stand: Stand) -> Iterator[None]:
    """A proxy holds back what the server sends."""
    endpoint = stand.cache.endpoint
    with proxy(endpoint, delay_s=0.08) as port:
        stand.cache.url_override = f"redis://:{endpoint.password}@127.0.0.1:{port}"
        yield
    stand.cache.url_override = None
