"""How many examples a test tries, and how answers are changed."""

import os
import random
from collections.abc import Callable
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from redis_runbook.verdict import CannotLook

_ASKED: Final = os.environ.get("FUZZ_EXAMPLES")
EXAMPLES: Final = int(_ASKED or "50")
"""`make fuzz` tries more, and other ones each time; otherwise they are always the same."""

tried: Final = settings(max_examples=EXAMPLES, deadline=None, derandomize=_ASKED is None)
seeds: Final = st.integers(0, 2**32)

_ODD: Final[tuple[object, ...]] = (
    *(None, 0, -1, 1 << 63, -(1 << 63), 10**20, [], [[]], [None], b"", b"\x00", b"\xff" * 9),
    *(b"-1", b"0", b"1e400", b"nan", b"inf", b"9" * 400, b"1_0", b"\xd9\xa1", b" 1", b"+1", b":"),
    *(b"{", b"[[", b'{"a":', b"=", b"a=b", b"a" * 5_000, b"%s%n{0}", b"\r\n", b"bull:"),
)
_FAILURES: Final[tuple[Exception, ...]] = (
    ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ResponseError("MOVED 1 127.0.0.1:1"),
    ResponseError(""),
    CannotLook("no permission for it"),
)


def changed(reply: Any, by: random.Random, rate: float) -> Any:
    """A reply with some of its parts replaced, left out, repeated or cut."""
    if by.random() < rate:
        return by.choice(_CHANGES)(reply, by)
    if isinstance(reply, list):
        return [changed(item, by, rate) for item in reply]
    return reply


def _odd(_reply: Any, by: random.Random) -> Any:
    return by.choice(_ODD)


def _cut(reply: Any, by: random.Random) -> Any:
    if isinstance(reply, list | bytes):
        return reply[: by.randrange(len(reply) + 1)]
    return -reply if isinstance(reply, int) else reply


def _doubled(reply: Any, _by: random.Random) -> Any:
    return reply * 2 if isinstance(reply, list | bytes | int) else reply


def _garbled(reply: Any, by: random.Random) -> Any:
    if not isinstance(reply, bytes) or not reply:
        return reply
    at = by.randrange(len(reply))
    return reply[:at] + bytes([by.randrange(256)]) + reply[at + 1 :]


def _shuffled(reply: Any, by: random.Random) -> Any:
    return by.sample(reply, len(reply)) if isinstance(reply, list) else reply


_CHANGES: Final[tuple[Callable[[Any, random.Random], Any], ...]] = (
    *(_odd, _odd, _odd, _cut, _doubled, _garbled, _garbled, _shuffled),
)


def failure(by: random.Random) -> Exception:
    """An error reply, as a client returns it in a command's place."""
    return by.choice(_FAILURES)
