"""How this product talks to a Redis server: one connection, explicit timeouts, no retries."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import InvalidResponse, NoPermissionError, RedisError
from redis.retry import Retry

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.resp import BoundedParser

CLIENT_NAME: Final = "redis-runbook"
_CONTAINER_COMMANDS: Final = frozenset(
    {"ACL", "CLIENT", "CONFIG", "LATENCY", "MEMORY", "OBJECT", "PUBSUB", "SLOWLOG"}
)

Word = str | bytes | int | float
"""One argument of a command."""


def create_connection(endpoint: Endpoint, *, timeout_s: float) -> redis.Connection:
    """A connection that is not yet open; `timeout_s` bounds connecting and each reply.

    RESP2, no retries and no CLIENT SETINFO: nothing that an ACL may deny happens while connecting.
    """
    options: dict[str, Any] = {
        "db": endpoint.database,
        "username": endpoint.username,
        "password": endpoint.password,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
        "parser_class": BoundedParser,
    }
    if endpoint.scheme == "unix":
        # Abstract only to the type checker: redis-py leaves `host` out of this class.
        unix: Any = redis.UnixDomainSocketConnection
        return cast("redis.Connection", unix(path=endpoint.path, **options))
    options |= {"host": endpoint.host, "port": endpoint.port}
    if endpoint.scheme == "redis":
        return redis.Connection(**options)
    tls = endpoint.tls
    return redis.SSLConnection(
        **options,
        ssl_cert_reqs="required" if tls.verify else "none",
        ssl_check_hostname=tls.verify,
        ssl_ca_certs=tls.ca_file,
        ssl_certfile=tls.cert_file,
        ssl_keyfile=tls.key_file,
    )


class Client:
    """One open connection and the few ways that probes use it.

    Not for use by two threads at once, but for `abort`, which ends a call that hangs in another.
    """

    def __init__(self, connection: redis.Connection, service: str) -> None:
        """Wrap a connection to the service of that name."""
        self._connection = connection
        self._service = service
        self._ended: str | None = None

    @property
    def database(self) -> int:
        """The database that the connection uses."""
        return int(self._connection.db or 0)

    def ask(self, *command: Word) -> Any:
        """Send one command and return its reply as RESP2 gives it (bytes, int, None, list).

        Raises:
            CannotLook: the user may not run the command, the server has none of that name, it took
                too long, or what came back is no reply.
            redis.exceptions.RedisError: any other failure, as redis-py classifies it.
        """
        (reply,) = self.ask_all(command)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def ask_all(self, *commands: tuple[Word, ...]) -> list[Any]:
        """Send several commands in one round trip.

        An error reply stands in its command's place: `CannotLook` where permission is missing or
        the command is disabled, else `redis.exceptions.ResponseError`. Raises as `ask` does where
        the connection fails or brings bytes that are no replies.
        """
        if self._ended:  # redis-py would quietly connect again
            raise CannotLook(self._ended)
        with self._ends_at_an_error():
            self._connection.send_packed_command(self._connection.pack_commands(commands))
            return [self._reply(command) for command in commands]

    def read(self, timeout_s: float) -> Any:
        """One pushed message (pub/sub), the last one if it is late.

        Raises:
            CannotLook: what came is no message.
            redis.exceptions.RedisError: none came within `timeout_s`, or the connection failed.
        """
        with self._ends_at_an_error():
            return self._connection.read_response(timeout=timeout_s)

    @contextlib.contextmanager
    def _ends_at_an_error(self) -> Iterator[None]:
        """After an error nobody knows which reply comes next: nothing more may be asked."""
        try:
            yield
        except Exception as error:
            if self._ended:
                raise CannotLook(self._ended) from error
            self._ended = f"{self._service} stopped answering"
            if isinstance(error, RedisError) and not isinstance(error, InvalidResponse):
                raise
            # What the parser raises on hostile bytes quotes them, and they may be a key.
            self._ended = f"{self._service} sent a reply that makes no sense"
            raise CannotLook(self._ended) from None

    def pack(self, *command: Word) -> bytes:
        """One command as it goes over the wire."""
        return b"".join(self._connection.pack_command(*command))

    @property
    def raw_socket(self) -> socket.socket:
        """The open socket, for a probe that must not block; nothing may be asked beside it.

        Raises:
            CannotLook: the connection has ended.
        """
        # redis-py has no public way. `Connection._get_socket` is private to it, and used here only;
        # resp.py names the others, and pyproject.toml leaves out the versions that may move them.
        opened = self._connection._get_socket()  # noqa: SLF001  # as above
        if opened is None:
            raise CannotLook(self._ended or f"{self._service} stopped answering")
        return opened

    def _reply(self, command: tuple[Word, ...]) -> Any:
        try:
            return self._connection.read_response()
        except NoPermissionError:
            return CannotLook(f"no permission for {command_name(command)} on {self._service}")
        except redis.ResponseError as error:
            if str(error).startswith("unknown command"):  # renamed, or switched off by a provider
                return CannotLook(f"{command_name(command)} is disabled on {self._service}")
            return error

    def abort(self, reason: str) -> None:
        """End the connection, whatever another thread is doing with it; `reason` is its error."""
        self._ended = reason
        self._connection.disconnect()

    @contextlib.contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Bound everything asked inside, however slowly the server drips its replies."""
        timer = threading.Timer(
            seconds, self.abort, [f"{self._service} gave no complete answer within {seconds:g} s"]
        )
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def command_name(command: tuple[Word, ...]) -> str:
    """`CONFIG GET` of a `CONFIG GET maxmemory`: what an ACL names, without arguments."""
    words = [str(word).upper() for word in command[:2]]
    return " ".join(words if words[0] in _CONTAINER_COMMANDS else words[:1])


@contextlib.contextmanager
def connected(endpoint: Endpoint, service: str, *, timeout_s: float) -> Iterator[Client]:
    """Open a connection, name it `redis-runbook` where that is allowed, and close it at the end.

    Raises:
        redis.exceptions.RedisError: it could not be opened.
    """
    connection = create_connection(endpoint, timeout_s=timeout_s)
    try:
        connection.connect()
        client = Client(connection, service)
        client.ask_all(("CLIENT", "SETNAME", CLIENT_NAME))
        yield client
    finally:
        with contextlib.suppress(RedisError, OSError):
            connection.disconnect()
