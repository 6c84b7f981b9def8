"""When a value that rises steadily reaches its limit: a line, with its uncertainty."""

import datetime as dt
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Final

from redis_runbook.record import Forecast, TrendPoint

RISING: Final = frozenset({"memory.used_ratio", "queue.depth", "connectivity.clients"})
"""The checks that are broken, or warn, once what they observe has risen to its limit."""

_MIN_POINTS: Final = 7
_MIN_DAYS: Final = 5.0
_MAX_DAYS: Final = 90.0
_MIN_FIT: Final = 0.9
"""Of the variance, the part that the line explains. Two levels explain 0.75 of it, three 0.89."""

_STILL_RISING: Final = 0.5
"""How fast the newer half must rise at least, compared with the whole."""

_RESET: Final = 0.5
"""A fall by more than this part of the whole range begins anew, as after a restart."""

_MOST: Final = 1e6
"""What is so many times its limit was measured by nobody, and would overflow."""

_CONFIDENCE: Final = 0.95


def forecast(points: Sequence[TrendPoint], limit: float) -> Forecast | None:
    """When the limit will be reached, by what was observed so far, oldest first.

    None unless at least 7 points over at least 5 days since the last reset lie along a line: it
    explains 90 % of their variance, it rises, and so do the newer half of them, at least half as
    fast. And the limit must lie ahead, and be reached within 90 days.
    """
    if not math.isfinite(limit) or limit <= 0:
        return None
    measured = [(point.at, point.observed) for point in points if point.observed is not None]
    since = _since_reset(measured)
    if len(since) < _MIN_POINTS:
        return None
    last = since[-1][0]
    days = [(at - last).total_seconds() / 86_400 for at, _ in since]
    parts = [observed / limit for _, observed in since]
    if -days[0] < _MIN_DAYS or parts[-1] >= 1 or not all(abs(part) < _MOST for part in parts):
        return None
    line = _Line(days, parts)
    half = len(days) // 2
    if not (line.fit >= _MIN_FIT and line.slope > 0):
        return None
    if _Line(days[half:], parts[half:]).slope < _STILL_RISING * line.slope:
        return None
    at_days = line.reaches(1.0)
    if not 0 < at_days <= _MAX_DAYS:
        return None
    earliest, latest = line.reaches_between(1.0)
    return Forecast(
        at=last + dt.timedelta(days=at_days),
        earliest=last + dt.timedelta(days=max(0.0, earliest)),
        latest=last + dt.timedelta(days=latest),
    )


def _since_reset(
    measured: Sequence[tuple[dt.datetime, float]],
) -> Sequence[tuple[dt.datetime, float]]:
    """What was measured since the last great fall."""
    values = [value for _, value in measured]
    if not values:
        return measured
    fall = _RESET * (max(values) - min(values))
    falls = (
        number
        for number, (before, after) in enumerate(itertools.pairwise(values), start=1)
        if before - after > fall
    )
    return measured[max(falls, default=0) :]


class _Line:
    """The line of least squares through points, and how far from it the next one may lie.

    `fit` is the part of the variance that it explains: 0 to 1.
    """

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._n = len(xs)
        self._x, self._y = statistics.fmean(xs), statistics.fmean(ys)
        self._sxx = math.fsum((x - self._x) * (x - self._x) for x in xs)
        sxy = math.fsum((x - self._x) * (y - self._y) for x, y in zip(xs, ys, strict=True))
        syy = math.fsum((y - self._y) * (y - self._y) for y in ys)
        self.slope = sxy / self._sxx
        rest = max(0.0, syy - self.slope * sxy)
        self.fit = 1 - rest / syy if syy else 0.0
        self._spread2 = rest / (self._n - 2)

    def reaches(self, value: float) -> float:
        """Where the line has this value; it must rise."""
        return self._x + (value - self._y) / self.slope

    def reaches_between(self, value: float) -> tuple[float, float]:
        """From where to where a single point may have this value, with 95 % confidence.

        These are the two places at which the value is on the edge of the prediction interval:
        the roots of a quadratic equation in the distance from the mean. There are always two, as
        a line that fits as well as `_MIN_FIT` surely rises.
        """
        t2 = _t_quantile(self._n - 2) ** 2 * self._spread2
        rise = value - self._y
        a = self.slope * self.slope - t2 / self._sxx
        b = -2 * self.slope * rise
        c = rise * rise - t2 * (1 + 1 / self._n)
        root = math.sqrt(max(0.0, b * b - 4 * a * c))
        return self._x + (-b - root) / (2 * a), self._x + (-b + root) / (2 * a)


def _t_quantile(freedom: int) -> float:
    """Student's t for 95 % on both sides, by Fisher's expansion: within 0.2 % from 5 on."""
    z = statistics.NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
