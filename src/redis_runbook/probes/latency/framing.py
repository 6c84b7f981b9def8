"""Finds the ends of replies, and counts errors. It parses nothing else of what they say.

Why redis-py is not used for this: docs/decisions/.
"""

from collections import Counter
from typing import Final

_ERROR_TYPE: Final = ord("-")
_BULK_TYPE: Final = ord("$")
_SIMPLE_TYPES: Final = b"+:"
_MAX_REPLY_BYTES: Final = 1024
_MAX_UNREAD_BYTES: Final = _MAX_REPLY_BYTES + (1 << 16)
_LONGEST_CODE: Final = 20
_MOST_CODES: Final = 10
_NO_CODE: Final = "ERR"
_ODD_REPLY: Final = "the server sent a reply of an unknown shape"


class ConnectionLost(Exception):  # noqa: N818  # an event, and caught within this folder
    """Nothing more can be read from the connection; the text says why."""


def take_replies(received: bytearray, errors: Counter[str]) -> int:
    """Remove the complete replies from the front of `received`, and return how many they were.

    Error replies count, too: they made the same round trip. In `errors` they are counted by code.
    """
    count = start = 0
    while (end := received.find(b"\r\n", start)) >= 0:
        end += 2
        kind = received[start]
        if kind == _BULK_TYPE:
            length = received[start + 1 : end - 2]
            if length != b"-1":
                if not length.isdigit() or int(length) > _MAX_REPLY_BYTES:
                    raise ConnectionLost(_ODD_REPLY)
                end += int(length) + 2
        elif kind == _ERROR_TYPE:
            _count(errors, bytes(received[start + 1 : start + 2 + _LONGEST_CODE]))
        elif kind not in _SIMPLE_TYPES:
            raise ConnectionLost(_ODD_REPLY)
        if end > len(received):
            break
        start = end
        count += 1
    del received[:start]
    if len(received) > _MAX_UNREAD_BYTES:
        raise ConnectionLost(_ODD_REPLY)
    return count


def _count(errors: Counter[str], begin: bytes) -> None:
    """Count an error by the code that it begins with (`MASTERDOWN`), never by its text."""
    word, ends, _ = begin.partition(b" ")
    code = word.decode() if ends and word.isalpha() and word.isupper() else _NO_CODE
    errors[code if code in errors or len(errors) < _MOST_CODES else _NO_CODE] += 1


def why_lost(error: Exception) -> str:
    """How a connection ended, by the error of whoever used it."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset by the server"
    return (isinstance(error, OSError) and error.strerror) or str(error)
