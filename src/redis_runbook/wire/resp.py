"""A RESP2 parser that bounds the size of replies.

redis-py trusts the length that a reply announces, and buffers the reply until it is complete.

It has no public API to bound that. Private names of redis-py are used here: `redis._parsers`, its
`_RESP2Parser` and `SocketBuffer` with `_read_from_socket` and `_buffer`, and `Connection._sock`;
client.py uses one more. A new major version may change them, so pyproject.toml excludes it until it
has been tested.
"""

from typing import Any, Final

from redis._parsers import _RESP2Parser
from redis._parsers.socket import SocketBuffer
from redis.exceptions import InvalidResponse

MAX_TEXT_BYTES: Final = 16 << 20
MAX_CONNECTION_BYTES: Final = 256 << 20
_TOO_MUCH: Final = "the reply is larger than anything that was asked for"


class _BoundedBuffer(SocketBuffer):
    """Counts the bytes received, and refuses bulk strings and totals beyond the limits."""

    received = 0

    def read(self, length: int, *arguments: Any, **options: Any) -> bytes:
        """Read one bulk string of a reply, unless it is too long."""
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
    """redis-py's own parser, with a `_BoundedBuffer`."""

    def on_connect(self, connection: Any) -> None:
        """Use the connection's socket."""
        super().on_connect(connection)  # type: ignore[no-untyped-call]  # redis-py has no types here
        self._buffer = _BoundedBuffer(
            connection._sock,  # noqa: SLF001  # as its base class does
            self.socket_read_size,
            connection.socket_timeout,
        )
