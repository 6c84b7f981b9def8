"""Parses durations such as `250ms`, `5m` and `1h30m`."""

import re
from typing import Final

_MS_PER_UNIT: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PART: Final = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d)")

DURATION: Final = rf"({_PART.pattern})+\s*"
"""The pattern of a whole duration."""


def milliseconds(text: str) -> float:
    """Parse a duration; in milliseconds, so that 0.3 s is exactly 300.

    Raises:
        ValueError: the text is not a duration, or has no unit.
    """
    if not re.fullmatch(DURATION, text):
        raise ValueError('must be a duration such as 2.5, "250ms", "5m" or "1h30m"')
    return sum(float(number) * _MS_PER_UNIT[unit] for number, unit in _PART.findall(text))
