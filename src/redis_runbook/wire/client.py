"""A Redis client: one connection, explicit timeouts, no retries."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import InvalidResponse, NoPermissionError, RedisError
from redis.retry import Retry

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import when_late
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed
from redis_runbook.wire.resp import (
    MAX_EXCHANGE_BYTES,
    MAX_INFO_BYTES,
    MAX_LOGIN_BYTES,
    MAX_TEXT_BYTES,
    WHOLE,
    BoundedParser,
    Kept,
    ReplyTooLargeError,
)

CLIENT_NAME: Final = "redis-runbook"
_TOO_SLOW: Final = "no complete answer while connecting"
_CONTAINER_COMMANDS: Final = frozenset(
    {"ACL", "CLIENT", "CLUSTER", "CONFIG", "LATENCY", "MEMORY", "OBJECT", "PUBSUB", "SLOWLOG"}
)

Word = str | bytes | int | float
"""One argument of a command."""


def create_connection(endpoint: Endpoint, *, timeout_s: float) -> redis.Connection:
    """A connection that is not yet open; `timeout_s` bounds connecting and each reply.

    RESP2, no retries and no CLIENT SETINFO: connecting sends no command that an ACL may deny.
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
    """One open connection, with the operations that probes need.

    Only `abort` may be called from another thread: it ends a call that hangs.
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

    def open(self) -> None:
        """Connect, log in, and name the connection; raises as `ask`."""
        with self._ends_at_an_error():
            self._connection.connect()
        self._exchange([("CLIENT", "SETNAME", CLIENT_NAME)], MAX_LOGIN_BYTES)

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(RedisError, OSError):
            self._connection.disconnect()

    def ask(self, *command: Word) -> Any:
        """Send one command and return its reply as RESP2 gives it (bytes, int, None, list).

        Raises:
            CannotLook: the user may not run the command, the server does not have it, it took too
                long, or the reply is malformed.
            redis.exceptions.RedisError: any other failure, as redis-py classifies it.
        """
        (reply,) = self.ask_all(command)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def ask_all(self, *commands: tuple[Word, ...], kept: Kept = WHOLE) -> list[Any]:
        """Send several commands in one round trip, and keep so much of each text in the replies.

        An error reply is returned in its command's place: `CannotLook` if permission is missing or
        the command is disabled, else `redis.exceptions.ResponseError`. Raises as `ask` if the
        connection fails or a reply is malformed.
        """
        only_info = all(command[0] == "INFO" for command in commands)
        most = 2 * MAX_INFO_BYTES if only_info else MAX_EXCHANGE_BYTES
        return self._exchange(commands, most, kept)

    def _exchange(
        self,
        commands: Sequence[tuple[Word, ...]],
        max_bytes: int,
        kept: Kept = WHOLE,
    ) -> list[Any]:
        if self._ended:  # redis-py would reconnect without notice
            raise CannotLook(self._ended)
        with self._ends_at_an_error():
            self._parser.begin_exchange(max_bytes, kept)
            self._connection.send_packed_command(self._connection.pack_commands(commands))
            return [self._reply(command) for command in commands]

    def read(self, timeout_s: float) -> Any:
        """Read one pushed message (pub/sub); after a timeout the connection is no longer usable.

        Raises:
            CannotLook: the message is malformed.
            redis.exceptions.RedisError: none came within `timeout_s`, or the connection failed.
        """
        with self._ends_at_an_error():
            return self._connection.read_response(timeout=timeout_s)

    @contextlib.contextmanager
    def _ends_at_an_error(self) -> Iterator[None]:
        """Refuse further commands after an error, as replies no longer match commands."""
        try:
            yield
        except Exception as error:
            if self._ended:
                raise CannotLook(self._ended) from error
            if isinstance(error, RedisError) and not isinstance(error, InvalidResponse):
                self._ended = f"{self._service} {why_it_failed(error)}"
                raise
            # The parser's error quotes the hostile bytes, which may be a key.
            too_much = isinstance(error, ReplyTooLargeError)
            what = "more than anybody asked for" if too_much else "a reply that makes no sense"
            self._ended = f"{self._service} sent {what}"
            raise CannotLook(self._ended) from None

    def pack(self, *command: Word) -> bytes:
        """One command as RESP bytes."""
        return b"".join(self._connection.pack_command(*command))

    @property
    def raw_socket(self) -> socket.socket:
        """The open socket, for a probe that must not block; do not call `ask` while it is used.

        Raises:
            CannotLook: the connection has ended.
        """
        # redis-py has no public API for this. `Connection._get_socket` is private, and used here
        # only; resp.py lists the other private names. pyproject.toml excludes versions of redis-py
        # that may change them.
        opened = self._connection._get_socket()  # noqa: SLF001  # as above
        if opened is None:
            raise CannotLook(self._ended or f"{self._service} stopped answering")
        return opened

    @property
    def _parser(self) -> BoundedParser:
        # Private, as `_get_socket`; there is no other way from a connection to its parser.
        return cast("BoundedParser", self._connection._parser)  # noqa: SLF001  # as above

    def _reply(self, command: tuple[Word, ...]) -> Any:
        is_info = command[0] == "INFO"
        self._parser.max_text_bytes = MAX_INFO_BYTES if is_info else MAX_TEXT_BYTES
        try:
            return self._connection.read_response()
        except NoPermissionError:
            return CannotLook(f"no permission for {command_name(command)} on {self._service}")
        except redis.ResponseError as error:
            if str(error).startswith("unknown command"):  # renamed, or switched off by a provider
                return CannotLook(f"{command_name(command)} is disabled on {self._service}")
            return error

    def abort(self, reason: str) -> None:
        """End the connection, even if another thread uses it, which then fails with `reason`."""
        self._ended = reason
        self._connection.disconnect()

    @contextlib.contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Bound all commands inside together, even if the server sends replies slowly."""
        reason = f"{self._service} gave no complete answer within {seconds:g} s"
        with when_late(seconds, lambda: self.abort(reason)):
            yield


def command_name(command: tuple[Word, ...]) -> str:
    """The command name as in an ACL, without arguments: `CONFIG GET` of `CONFIG GET maxmemory`."""
    words = [str(word).upper() for word in command[:2]]
    return " ".join(words if words[0] in _CONTAINER_COMMANDS else words[:1])


@contextlib.contextmanager
def connected(endpoint: Endpoint, service: str, *, timeout_s: float) -> Iterator[Client]:
    """Open a connection, name it `redis-runbook` if that is permitted, and close it at the end.

    A step of opening takes at most `timeout_s`, and all together twice that, however slowly the
    server sends.

    Raises:
        CannotLook: the server's replies make no sense.
        redis.exceptions.RedisError: it could not be opened.
    """
    client = Client(create_connection(endpoint, timeout_s=timeout_s), service)
    try:
        _open(client, limit_s=2 * timeout_s)
        yield client
    finally:
        client.close()


def _open(client: Client, *, limit_s: float) -> None:
    with when_late(limit_s, lambda: client.abort(_TOO_SLOW)) as late:
        try:
            client.open()
        except (RedisError, CannotLook) as error:
            if late.is_set():  # whatever it is that a closed connection causes
                raise redis.TimeoutError(_TOO_SLOW) from error
            raise
    if late.is_set():
        raise redis.TimeoutError(_TOO_SLOW)
