"""Values that a file of ours should hold, read back: each of its type, or TypeError."""

import datetime as dt
from typing import Any

from redis_runbook.redact import Shown, reread


def text(value: Any) -> Shown:
    """A text, redacted again."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return reread(value)


def text_or_none(value: Any) -> Shown | None:
    """A text, redacted again, or None."""
    return None if value is None else text(value)


def number(value: Any) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return value


def number_or_none(value: Any) -> float | None:
    """A number, or None."""
    return None if value is None else number(value)


def count(value: Any) -> int:
    """A number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("not a count")
    return value


def count_or_none(value: Any) -> int | None:
    """A number of things, or None."""
    return None if value is None else count(value)


def moment(value: Any) -> dt.datetime:
    """A moment with its time zone; raises ValueError for another text."""
    at = dt.datetime.fromisoformat(text(value))
    if at.tzinfo is None:
        raise TypeError("a moment without its time zone")
    return at
