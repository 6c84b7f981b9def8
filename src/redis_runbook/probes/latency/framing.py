"""Where replies end, and nothing else: what a reply says does not matter to its latency.

Why not by redis-py: docs/decisions/.
"""

from typing import Final

_BULK: Final = ord("$")
_SHORT: Final = b"+-:"
_LONGEST_REPLY: Final = 1024
_MOST_UNREAD: Final = _LONGEST_REPLY + (1 << 16)
_ODD_REPLY: Final = "the server sent a reply of an unknown shape"


class ConnectionLost(Exception):  # noqa: N818  # what happened, and never seen outside
    """Nothing more can be read from the connection; the text says why."""


def take_replies(received: bytearray) -> int:
    """Take the complete replies off the front, and tell how many they were.

    Only framing: what a reply says does not matter, since an error has made the round trip too.
    """
    count = start = 0
    while (end := received.find(b"\r\n", start)) >= 0:
        end += 2
        kind = received[start]
        if kind == _BULK:
            length = received[start + 1 : end - 2]
            if length != b"-1":
                if not length.isdigit() or int(length) > _LONGEST_REPLY:
                    raise ConnectionLost(_ODD_REPLY)
                end += int(length) + 2
        elif kind not in _SHORT:
            raise ConnectionLost(_ODD_REPLY)
        if end > len(received):
            break
        start = end
        count += 1
    del received[:start]
    if len(received) > _MOST_UNREAD:
        raise ConnectionLost(_ODD_REPLY)
    return count
