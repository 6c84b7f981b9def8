"""The connections that carry a queue's name, from one CLIENT LIST for all queues."""

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.probes.bullmq.naming import escaped
from redis_runbook.probes.replies import error_code, integer
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import CLIENT_NAME, Client

FETCH_COMMANDS: Final = frozenset({"bzpopmin", "brpoplpush", "blmove"})
"""The commands in which a worker blocks: of BullMQ 5 on; of BullMQ 4 and Bull; of newer forks."""
WORKER_NAME: Final = b":w:"
_MOST_CONNECTIONS: Final = 10_000
"""That have a name or fetch jobs, in one database. To judge more would take a run's whole time."""
_UNNAMED: Final = b" name= "
_FETCHES: Final = tuple(b" cmd=" + command.encode() for command in sorted(FETCH_COMMANDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection of CLIENT LIST; `name` is raw bytes, empty for most; the texts are escaped."""

    name: bytes
    connection_id: str
    address: str
    age_s: int
    idle_s: int
    blocked: bool
    command: str


class NamedConnections:
    """The connections that have a name, in the order of their names: a queue's stand together."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        """Leave out those without a name."""
        named = (connection for connection in connections if connection.name)
        self._sorted = sorted(named, key=lambda connection: connection.name)
        self._names = [connection.name for connection in self._sorted]

    def of(self, name: bytes) -> list[Connection]:
        """Those that have this name, or begin with it and `:w:`."""
        begin = name + WORKER_NAME
        after = begin[:-1] + bytes([begin[-1] + 1])
        return [*self._between(name, name + b"\0"), *self._between(begin, after)]

    def _between(self, first: bytes, after: bytes) -> list[Connection]:
        return self._sorted[bisect_left(self._names, first) : bisect_left(self._names, after)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientList:
    """The connections that use one database, at one moment.

    `connections` are the named ones. Of the others, `unnamed_waiting` is how many are blocked for a
    job, and `unnamed_busy` how many have fetched one, of whatever queue. `denied` says why CLIENT
    LIST could not be read, or is too long.
    `blocking_calls` counts the fetch commands that the server has run since it started; it is the
    fallback for a denied list.
    """

    connections: NamedConnections
    unnamed_waiting: int
    unnamed_busy: int
    uptime_s: int | None
    blocking_calls: int | None
    denied: str = ""

    @property
    def unnamed(self) -> int:
        """How many connections without a name fetch jobs, of whatever queue."""
        return self.unnamed_waiting + self.unnamed_busy


def list_clients(client: Client) -> ClientList:
    """List the connections of the client's own database once, for all queues.

    A worker of the same name in another database serves another queue.

    Raises:
        redis.exceptions.RedisError: the connection failed.
    """
    listed, server, commands = client.ask_all(
        ("CLIENT", "LIST", "TYPE", "NORMAL"), ("INFO", "server"), ("INFO", "commandstats")
    )
    denied = "" if isinstance(listed, bytes) else "the reply to CLIENT LIST is not text"
    if isinstance(listed, CannotLook):
        denied = str(listed)
    elif isinstance(listed, Exception):
        denied = f"the server refused CLIENT LIST: {error_code(listed)}"
    elif not denied and b"id=" not in listed:
        denied = "CLIENT LIST does not even list the connection that asks"
    found = () if denied else _connections(listed, client.database)
    connections = list(itertools.islice(found, _MOST_CONNECTIONS + 1))
    if len(connections) > _MOST_CONNECTIONS:
        denied = f"more than {_MOST_CONNECTIONS} connections have a name or fetch jobs"
        connections = []
    unnamed = [
        connection
        for connection in connections
        if not connection.name and connection.command in FETCH_COMMANDS
    ]
    return ClientList(
        connections=NamedConnections(connections),
        unnamed_waiting=sum(connection.blocked for connection in unnamed),
        unnamed_busy=sum(not connection.blocked for connection in unnamed),
        uptime_s=integer(_info(server).get(b"uptime_in_seconds")),
        blocking_calls=_blocking_calls(commands),
        denied=denied,
    )


def _connections(listed: bytes, database: int) -> Iterator[Connection]:
    """The connections that use this database and have a name or fetch jobs, but for our own."""
    for line in listed.splitlines():
        if _UNNAMED in line and not any(fetch in line for fetch in _FETCHES):
            continue
        pairs = dict(part.partition(b"=")[::2] for part in line.split(b" "))
        name = pairs.get(b"name", b"")
        if name == CLIENT_NAME.encode() or integer(pairs.get(b"db")) != database:
            continue
        yield Connection(
            name=name,
            connection_id=escaped(pairs.get(b"id", b"")),
            address=escaped(pairs.get(b"addr", b"")),
            age_s=integer(pairs.get(b"age")) or 0,
            idle_s=integer(pairs.get(b"idle")) or 0,
            blocked=b"b" in pairs.get(b"flags", b""),
            command=escaped(pairs.get(b"cmd", b"")),
        )


def _info(reply: Any) -> dict[bytes, bytes]:
    lines = reply.splitlines() if isinstance(reply, bytes) else ()
    return dict(line.partition(b":")[::2] for line in lines)


def _blocking_calls(reply: Any) -> int | None:
    """The number of fetch commands so far, from `cmdstat_bzpopmin:calls=12,usec=…`."""
    stats = _info(reply)
    if not stats:
        return None
    calls = (
        integer(stats[b"cmdstat_" + command.encode()].partition(b"calls=")[2].partition(b",")[0])
        for command in sorted(FETCH_COMMANDS)
        if b"cmdstat_" + command.encode() in stats
    )
    return sum(count or 0 for count in calls)
