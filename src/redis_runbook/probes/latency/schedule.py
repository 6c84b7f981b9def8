"""When requests are due: a burst of ten every 50 ms, samplers of several services in turn."""

import itertools
from typing import Final

BURST: Final = 10
BURST_GAP_S: Final = 0.0002
PERIOD_S: Final = 0.05

_TURNS: Final = itertools.count()
_TURNS_A_PERIOD: Final = 4


def scheduled_offset(number: int) -> float:
    """The due time of the request with that number (from 0), in seconds since the window began."""
    burst, place = divmod(number, BURST)
    return burst * PERIOD_S + place * BURST_GAP_S


def start_of_turn(now: float) -> float:
    """When to begin, so that samplers of several services take turns instead of competing."""
    turn_s = next(_TURNS) % _TURNS_A_PERIOD * PERIOD_S / _TURNS_A_PERIOD
    return now + (turn_s - now) % PERIOD_S
