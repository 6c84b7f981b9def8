"""Parses replies without trusting the server: None for a reply of another shape than expected."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import redis

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word
from redis_runbook.wire.resp import WHOLE, Kept

Command = tuple[Word, ...]

EARLIEST_MS: Final = 1_230_000_000_000
"""The end of 2008, before the first release of Redis: no job is older."""
_LATEST_MS: Final = 1 << 53


def integer(reply: Any) -> int | None:
    """A whole number, from an integer reply or from text such as `b"1700000000000"`."""
    if isinstance(reply, int):
        return reply
    number = decimal(reply)
    return None if number is None else int(number)


def decimal(reply: Any) -> float | None:
    """A number from text, such as a score; None also for NaN, infinity and numbers of 2^80 on."""
    if not isinstance(reply, bytes) or b"_" in reply:  # Python takes it between digits
        return None
    try:
        number = float(reply)
    except ValueError:
        return None
    return number if abs(number) < 1 << 80 else None  # false for nan and inf too


def timestamp_ms(reply: Any) -> int | None:
    """Milliseconds since 1970; None also for a time that no job can have."""
    number = integer(reply)
    return number if number is not None and EARLIEST_MS < number < _LATEST_MS else None


def clock_ms(reply: Any) -> int:
    """The server's clock, from a reply to TIME.

    Raises:
        CannotLook: the user may not run it, the server refuses it, or the reply is not a time.
    """
    if isinstance(reply, Exception):
        raise unusable("TIME", reply)
    seconds, micros = map(integer, hash_values(reply, 2))
    now = None if seconds is None or micros is None else seconds * 1000 + micros // 1000
    if now is None or timestamp_ms(now) is None:
        raise CannotLook("the server did not tell its time")
    return now


def items(reply: Any) -> Sequence[Any]:
    """The elements of an array reply; empty for any other reply."""
    return reply if isinstance(reply, list) else ()


def strings(reply: Any) -> list[bytes]:
    """The strings in an array reply; other elements are left out."""
    return [item for item in items(reply) if isinstance(item, bytes)]


def pairs(reply: Any) -> Iterator[tuple[bytes, Any]]:
    """The names and values of a flat array; those whose name is no text are left out."""
    flat = items(reply)
    for name, value in zip(flat[::2], flat[1::2], strict=False):
        if isinstance(name, bytes):
            yield name, value


def scored(reply: Any) -> list[tuple[bytes, float]]:
    """Members and scores of a `WITHSCORES` reply."""
    found = ((member, decimal(score)) for member, score in pairs(reply))
    return [(member, score) for member, score in found if score is not None]


def hash_values(reply: Any, count: int) -> Sequence[Any]:
    """The values of an `HMGET` of `count` fields; all None if the reply has another shape."""
    values = items(reply)
    return values if len(values) == count else (None,) * count


def is_wrong_type(reply: Any) -> bool:
    """Whether the key holds another type than the command is for."""
    return isinstance(reply, redis.ResponseError) and str(reply).startswith("WRONGTYPE")


def ask_permitted(client: Client, commands: Sequence[Command], *, kept: Kept = WHOLE) -> list[Any]:
    """The replies to commands that the user may all run; other errors are in their place.

    Of each text in the replies so much is kept.

    Raises:
        CannotLook: the user may not run one of them.
        redis.exceptions.RedisError: the connection failed.
    """
    replies = client.ask_all(*commands, kept=kept) if commands else []
    denied = next((reply for reply in replies if isinstance(reply, CannotLook)), None)
    if denied:
        raise denied
    return replies


def ask_in_transactions(
    client: Client,
    transactions: Sequence[Sequence[Command]],
    *,
    kept: Kept = WHOLE,
) -> list[list[Any]]:
    """Run several transactions in one round trip; an error reply is returned in its place.

    Of each text in the replies so much is kept.

    A server whose memory is full refuses every command in a transaction, reads as well. There they
    are asked for without one: a job may then move between two of them.

    Raises:
        CannotLook: a transaction did not run at all: the user may not run one of its commands, or
            the server refuses reads.
        redis.exceptions.RedisError: the connection failed.
    """
    commands = [
        command for transaction in transactions for command in (("MULTI",), *transaction, ("EXEC",))
    ]
    answers = client.ask_all(*commands, kept=kept)
    if any(isinstance(answer, redis.OutOfMemoryError) for answer in answers):
        return [ask_permitted(client, transaction, kept=kept) for transaction in transactions]
    replies = iter(answers)
    return [_executed(replies, len(transaction)) for transaction in transactions]


def _executed(replies: Iterator[Any], count: int) -> list[Any]:
    queued = [next(replies) for _ in range(count + 1)]
    executed = next(replies)
    if isinstance(executed, list) and len(executed) == count:
        return executed
    denied = next((reply for reply in queued if isinstance(reply, CannotLook)), None)
    if denied:
        raise denied
    error = next((reply for reply in (*queued, executed) if isinstance(reply, Exception)), None)
    raise CannotLook(f"the server refused to read a queue: {error_code(error)}")


def unusable(command: str, reply: Any) -> CannotLook:
    """Why a reply cannot be used."""
    if isinstance(reply, CannotLook):
        return reply
    if isinstance(reply, Exception):
        return CannotLook(f"the server refuses {command}: {error_code(reply)}")
    return CannotLook(f"the reply to {command} has an unknown shape")


def error_code(error: Exception | None) -> str:
    """The code that an error reply begins with (`LOADING`, `MOVED`, …); never its text."""
    code = type(error).__name__ if error else ""
    # redis-py takes the code off the text of an error that it knows.
    word = getattr(error, "status_code", None) or str(error or "").partition(" ")[0]
    return word if word.isascii() and word.isalpha() and word.isupper() else code or "no reply"
