"""What befalls a server in a container only."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import redis

from redis_runbook.drills.fault import fault
from redis_runbook.drills.packet_loss import losing_packets
from redis_runbook.drills.stand import wait_until

if TYPE_CHECKING:
    from redis_runbook.drills.container_stand import ContainerStand

_GONE: Final = ("connectivity.reachable[cache]", "incident.container[cache]")
_FILLS_UP: Final = "for i = 1, 300000 do redis.call('SET', 'k' .. i, string.rep('x', 1000)) end"
_LOOP_RESTARTS: Final = 2


@fault("the cache took more memory than its container may", *_GONE, targets=("container",))
def container_oom_killed(stand: "ContainerStand") -> Iterator[None]:
    """Nothing but the container limits it, so that the kernel kills it."""
    client = stand.cache.client()
    client.config_set("maxmemory", 0)
    with contextlib.suppress(redis.ConnectionError):  # it dies of it
        client.eval(_FILLS_UP, 0)
    wait_until(lambda: stand.cache.state["OOMKilled"])
    yield
    stand.cache.start()
    stand.fill_cache()


@fault(
    "the cache ends at once, and is started over and over",
    *_GONE,
    "incident.logs[cache]",  # it tells why: FATAL CONFIG FILE ERROR
    targets=("container",),
)
def restart_loop(stand: "ContainerStand") -> Iterator[None]:
    """Its configuration is wrong, and it has a restart policy."""
    stand.cache.stop()
    stand.cache.set_restart_policy("always")
    stand.cache.start("maxmemory much", wait=False)
    wait_until(lambda: stand.cache.restarts >= _LOOP_RESTARTS)
    yield
    stand.cache.end_restarts()
    stand.cache.start()
    stand.fill_cache()


@fault(
    "the network to the cache loses what is sent faster than 50 packets a second",
    "latency.round_trip[cache]",
    "latency.command_p95[cache]",
    targets=("container",),
)
def packet_loss(stand: "ContainerStand") -> Iterator[None]:
    """It is sent again, after a while."""
    _, port = stand.cache.inside
    image = stand.images.iptables_image
    with losing_packets(stand.containers, stand.cache.container, image=image, port=port):
        yield
