"""Lines of logs, and the time that they tell."""

import datetime as dt
import re
from typing import Final, NamedTuple

LONGEST: Final = 16 << 10
"""In bytes: where Docker splits a line, and how much is looked at of one in a log file."""
_MILLI: Final = 1_000
_ISO: Final = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_COLOURS: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_EPOCH: Final = re.compile(rb'"(?:time|ts|timestamp)":\s?(\d{10})(\d{3})?\b')


def without_colours(text: bytes) -> bytes:
    """A text without the sequences by which a terminal is told colours and the like."""
    return _COLOURS.sub(b"", text)


class Line(NamedTuple):
    """One line; `at` is in seconds since the epoch, None if the line does not tell."""

    at: float | None
    text: bytes


def time_in(text: bytes) -> float | None:
    """The first time in a text, in seconds since the epoch.

    ISO 8601, without a zone that of this machine; or JSON with `time` in seconds or milliseconds.
    """
    if found := _ISO.search(text):
        try:
            return dt.datetime.fromisoformat(found[0].decode().replace(",", ".")).timestamp()
        except (ValueError, OverflowError):
            return None
    if epoch := _EPOCH.search(text):
        return int(epoch[1]) + int(epoch[2] or 0) / _MILLI
    return None
