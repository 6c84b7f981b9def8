"""A RESP2 parser that takes no more from a server than anything here ever asks for.

redis-py believes the length that a reply announces, and holds what comes until it is complete.

It has no public way to bound that. What is private to redis-py is used here and nowhere else:
`redis._parsers`, its `_RESP2Parser` and `SocketBuffer` with `_read_from_socket` and `_buffer`, and
`Connection._sock`. A new major version may move them: pyproject.toml leaves it out until it has
been tried.
"""

from typing import Any, Final

from redis._parsers import _RESP2Parser
from redis._parsers.socket import SocketBuffer
from redis.exceptions import InvalidResponse

MAX_TEXT_BYTES: Final = 16 << 20
MAX_CONNECTION_BYTES: Final = 256 << 20
_TOO_MUCH: Final = "the reply is larger than anything that was asked for"


class _BoundedBuffer(SocketBuffer):
    """Counts what a connection received, and refuses texts and totals beyond the bounds."""

    received = 0

    def read(self, length: int, *arguments: Any, **options: Any) -> bytes:
        """One text of a reply, if it is not too long."""
        if length > MAX_TEXT_BYTES:
            raise InvalidResponse(_TOO_MUCH)
        return super().read(length, *arguments, **options)

    def _read_from_socket(self, *arguments: Any, **options: Any) -> bool:
        before = self.unread_bytes()
        found = super()._read_from_socket(*arguments, **options)
        self.received += self.unread_bytes() - before
        if self.received > MAX_CONNECTION_BYTES:
            raise InvalidResponse(_TOO_MUCH)
        return found


class BoundedParser(_RESP2Parser):
    """redis-py's own parser on such a buffer."""

    def on_connect(self, connection: Any) -> None:
        """Take over the connection's socket."""
        super().on_connect(connection)  # type: ignore[no-untyped-call]  # redis-py has no types here
        self._buffer = _BoundedBuffer(
            connection._sock,  # noqa: SLF001  # as its base class does
            self.socket_read_size,
            connection.socket_timeout,
        )
