"""A server that is gone, does not answer, or refuses."""

import signal
from collections.abc import Iterator
from typing import Final

import redis

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Stand, wait_until
from redis_runbook.drills.stand_server import StandServer

_REACHABLE: Final = "connectivity.reachable[queue]"
_SHARED_EXPORTER: Final = ("exporter.reachable[cache]", "incident.exporter_reconnected[cache]")
"""It hangs with the server whose metrics it is asked for first, and then says nothing of others."""

_NOT_RUNNING: Final = (_REACHABLE, "incident.container[queue]")

_ALL_OF_INFO: Final = (
    "connectivity.clients[queue]",
    "connectivity.role[queue]",
    "exporter.reachable[queue]",
    "exporter.truthful[queue]",
    "incident.exporter_reconnected[queue]",
    "latency.slowlog[queue]",
    "memory.eviction_policy[queue]",
    "memory.evictions[queue]",
    "memory.fragmentation[queue]",
    "memory.used_ratio[queue]",
    "persistence.saving[queue]",
    "replication.link[queue]",
)
_BLOCKS: Final = """
local function now() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end
local began = now()
repeat until now() > began + 200000
"""


@fault("the queue's server was stopped", _REACHABLE, in_container=_NOT_RUNNING)
def stopped(stand: Stand) -> Iterator[None]:
    """SIGTERM."""
    stand.queue.stop()
    yield
    stand.queue.start()


@fault("the queue's server was killed", _REACHABLE, in_container=_NOT_RUNNING)
def killed(stand: Stand) -> Iterator[None]:
    """SIGKILL."""
    stand.queue.stop(signal.SIGKILL)
    yield
    stand.queue.start()


@fault("the queue's server hangs", _REACHABLE, may=_SHARED_EXPORTER)
def frozen(stand: Stand) -> Iterator[None]:
    """SIGSTOP."""
    stand.queue.signal(signal.SIGSTOP)
    yield
    stand.queue.signal(signal.SIGCONT)


@fault(
    "the cache was restarted and lost its data",
    "jwt_cache.populated[cache]",
    "jwt_cache.expires[cache]",
)
def restarted(stand: Stand) -> Iterator[None]:
    """It saves nothing."""
    stand.cache.stop()
    stand.cache.start()
    yield
    stand.fill_cache()


@fault("the queue's password was changed", _REACHABLE)
def wrong_password(stand: Stand) -> Iterator[None]:
    """The checks and the exporter have the old one."""
    with stand.queue.setting("requirepass", "another"):
        yield


@fault(
    "the user may not ask for INFO",
    *_ALL_OF_INFO,
    in_container=(*_ALL_OF_INFO, "incident.endpoints[queue]"),
)
def acl_denied(stand: Stand) -> Iterator[None]:
    """INFO is denied."""
    client = stand.queue.client()
    client.execute_command("ACL", "SETUSER", "default", "-info")
    yield
    client.execute_command("ACL", "SETUSER", "default", "+info")


@fault("the cache loads its data", "connectivity.reachable[cache]")
def loading(stand: Stand) -> Iterator[None]:
    """Slowly, for longer than the drill takes."""
    client = stand.cache.client()
    client.execute_command("EVAL", "for i = 1, 20000 do redis.call('SET', 'k' .. i, i) end", 0)
    client.save()
    stand.cache.stop(signal.SIGKILL)
    stand.cache.start(
        "key-load-delay 1000", "loading-process-events-interval-bytes 1024", wait=False
    )
    yield
    stand.cache.stop(signal.SIGKILL)
    stand.cache.start()


@fault(
    "no save succeeds, so that writes are refused",
    "connectivity.writable[queue]",
    "persistence.saving[queue]",
)
def misconf(stand: Stand) -> Iterator[None]:
    """A folder has the name of the file."""
    client = stand.queue.client()
    client.config_set("save", "3600 1")
    stand.queue.make_folder("dump.rdb")
    _save_in_background(client, ends="err")
    yield
    stand.queue.remove_folder("dump.rdb")
    _save_in_background(client, ends="ok")


def _save_in_background(client: redis.Redis, *, ends: str) -> None:
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == ends)


@fault("every command is held back", _REACHABLE, may=_SHARED_EXPORTER)
def paused(stand: Stand) -> Iterator[None]:
    """CLIENT PAUSE ALL."""
    stand.queue.client().execute_command("CLIENT", "PAUSE", 60_000, "ALL")
    yield
    stand.queue.stop(signal.SIGKILL)
    stand.queue.start()


@fault(
    "every write is held back",
    "connectivity.writable[queue]",
    "connectivity.pubsub[queue]",
    may=("queue.workers[render]", "queue.latency[render]"),
)
def writes_paused(stand: Stand) -> Iterator[None]:
    """CLIENT PAUSE WRITE."""
    client = stand.queue.client()
    client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    yield
    client.execute_command("CLIENT", "UNPAUSE")


@fault("the master was made a replica", "connectivity.role[queue]", "connectivity.writable[queue]")
def read_only_replica(stand: Stand) -> Iterator[None]:
    """Of a server that has the same data."""
    another = stand.another()
    _replicate(another, of=stand.queue)
    another.client().replicaof("NO", "ONE")
    _replicate(stand.queue, of=another)
    yield
    stand.queue.client().replicaof("NO", "ONE")


def _replicate(service: StandServer, *, of: StandServer) -> None:
    client, (host, port) = service.client(), of.inside
    client.config_set("masterauth", of.endpoint.password or "")
    client.replicaof(host, str(port))
    wait_until(lambda: client.info("replication").get("master_link_status") == "up")


@fault(
    "a replica has lost its master",
    "connectivity.role[cache]",
    "connectivity.writable[cache]",
    "replication.link[cache]",
)
def replica_link_down(stand: Stand) -> Iterator[None]:
    """Nothing listens where the master should be."""
    client = stand.cache.client()
    client.replicaof("127.0.0.1", "1")
    yield
    client.replicaof("NO", "ONE")


@fault("no more clients are let in", _REACHABLE)
def maxclients(stand: Stand) -> Iterator[None]:
    """All places are taken."""
    connected = stand.queue.client().info("clients")["connected_clients"]
    with stand.queue.setting("maxclients", connected):
        yield


@fault("a command blocks the server now and then", "latency.slowlog[cache]")
def slow_commands(stand: Stand) -> Iterator[None]:
    """A script that takes a fifth of a second."""
    client = stand.cache.client()
    client.eval(_BLOCKS, 0)
    yield
    client.slowlog_reset()
