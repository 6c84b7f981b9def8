"""A RESP2 parser that bounds the size of replies.

redis-py trusts the length that a reply announces, and buffers the reply until it is complete.

It has no public API to bound that. Private names of redis-py are used here: `redis._parsers`, its
`_RESP2Parser` with `_read_response`, `SocketBuffer` with `_read_from_socket` and `_buffer`, and
`Connection._sock`; client.py uses two more. A new major version may change them, so pyproject.toml
excludes it until it has been tested.
"""

import io
from typing import Any, Final, NamedTuple

from redis._parsers import _RESP2Parser
from redis._parsers.socket import SocketBuffer
from redis.exceptions import InvalidResponse

MAX_TEXT_BYTES: Final = 8 << 20
MAX_INFO_BYTES: Final = 1 << 20
"""Of INFO, which is asked for by many at once; it has some 20 kB with every statistic."""

MAX_LINE_BYTES: Final = 128 << 10
MAX_EXCHANGE_BYTES: Final = 16 << 20
"""Of all replies to commands that were sent together, as far as they are kept."""

MAX_LOGIN_BYTES: Final = 64 << 10
"""Of all replies until a connection is open."""

MAX_EXCHANGE_ELEMENTS: Final = 300_000
"""The same, by the memory that they take."""

_COUNTS_AS: Final = {b"*": 2, b"-": 30}
MAX_CONNECTION_BYTES: Final = 256 << 20
_LONGEST_INTEGER: Final = len(b":-9223372036854775808")


class Kept(NamedTuple):
    """How much of each text is kept: the first `most_bytes`, if it is in that many arrays."""

    most_bytes: int
    in_arrays: int = 0


WHOLE: Final = Kept(MAX_TEXT_BYTES)


class ReplyTooLargeError(InvalidResponse):
    """The server sends more than a limit permits."""

    def __init__(self) -> None:
        """It quotes nothing of the reply."""
        super().__init__("the reply is larger than anything that was asked for")


class _BoundedBuffer(SocketBuffer):
    """Counts what is received, and refuses lines, bulk strings and totals beyond the limits."""

    received = 0
    elements = 0
    max_text_bytes = MAX_TEXT_BYTES
    kept = WHOLE
    depth = 0
    max_exchange_bytes = MAX_LOGIN_BYTES
    exchange_began = 0
    forgotten = 0
    _line_began: int | None = None

    def read(self, length: int, *arguments: Any, **options: Any) -> bytes:
        """Read one bulk string of a reply, unless it is too long, and forget what is not kept."""
        if length > self.max_text_bytes:
            raise ReplyTooLargeError
        text = super().read(length, *arguments, **options)
        most = self.kept.most_bytes
        if length <= most or self.depth <= self.kept.in_arrays:
            return text
        self.forgotten += length - most
        self._buffer = io.BytesIO(self._buffer.read())  # its base keeps a reply until the last byte
        return text[:most]

    def readline(self, *arguments: Any, **options: Any) -> bytes:
        """Read one line, which begins each element of a reply, unless there are too many.

        An integer has 64 bits: a larger one could be no time and no count that a probe expects.
        """
        self._line_began = self.received
        line = super().readline(*arguments, **options)
        self._line_began = None
        self.elements += _COUNTS_AS.get(line[:1], 1)
        if self.elements > MAX_EXCHANGE_ELEMENTS:
            raise ReplyTooLargeError
        if line.startswith(b":") and len(line) > _LONGEST_INTEGER:
            raise InvalidResponse("the reply is an integer of more than 64 bits")
        return line

    def _read_from_socket(self, *arguments: Any, **options: Any) -> bool:
        before = self.unread_bytes()
        found = super()._read_from_socket(*arguments, **options)
        self.received += self.unread_bytes() - before
        line = 0 if self._line_began is None else self.received - self._line_began
        if (
            self.received > MAX_CONNECTION_BYTES
            or self.received - self.forgotten - self.exchange_began > self.max_exchange_bytes
            or line > MAX_LINE_BYTES
        ):
            raise ReplyTooLargeError
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

    max_text_bytes = MAX_TEXT_BYTES
    """How long a text of the next reply may be."""

    def begin_exchange(self, max_bytes: int, kept: Kept = WHOLE) -> None:
        """Count bytes and elements of replies anew: commands are about to be sent."""
        if isinstance(self._buffer, _BoundedBuffer):
            self._buffer.max_exchange_bytes = max_bytes
            self._buffer.kept = kept
            self._buffer.exchange_began = self._buffer.received - self._buffer.forgotten
            self._buffer.elements = 0

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read one whole reply."""
        if isinstance(self._buffer, _BoundedBuffer):
            self._buffer.max_text_bytes = self.max_text_bytes
            self._buffer.depth = 0
        return super().read_response(*arguments, **options)

    def _read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read one element of it: redis-py calls this for each element of an array."""
        buffer = self._buffer
        if not isinstance(buffer, _BoundedBuffer):
            return super()._read_response(*arguments, **options)
        buffer.depth += 1
        element = super()._read_response(*arguments, **options)
        buffer.depth -= 1
        return element
