"""A trend as a small picture: own inline SVG, with its text alternative."""

import importlib.resources
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from redis_runbook import words
from redis_runbook.record import Trend, TrendPoint
from redis_runbook.reporting.text import quantity
from redis_runbook.verdict import SEVERITY, Verdict

STYLE: Final = (importlib.resources.files(__package__) / "sparkline.css").read_text("utf-8")
"""The style of all of them; the page that holds them has the colours of the verdicts."""

_WIDTH: Final = 180.0
_HEIGHT: Final = 36.0
_MARGIN: Final = 5.0

_MARKS: Final = {
    Verdict.FAIL: "m-3-3l6 6m0-6l-6 6",  # a cross
    Verdict.UNKNOWN: "m-3 0l3-3l3 3l-3 3z",  # a hollow diamond
    Verdict.WARN: "m-3 3l3-6l3 6z",  # a hollow triangle
    Verdict.PASS: "m-1 0h2",  # a dot
    Verdict.NOT_APPLICABLE: "m-1 0h1",
}
"""Each verdict has a form of its own, as not everybody sees, or prints, colours."""


def sparkline(trend: Trend) -> Markup:
    """The observed values, the limit as a dashed line, and a mark a run; without any, the marks."""
    scale = _Scale(trend)
    parts = []
    if trend.limit is not None and scale.is_measured:
        at = scale.y(trend.limit)
        parts.append(f'<path class="limit" d="M0 {at:.1f}H{_WIDTH:.0f}"/>')
    if line := scale.line():
        parts.append(f'<path class="line" d="{line}"/>')
    for verdict in reversed(SEVERITY):  # the worst on top
        marks = "".join(
            f"M{x:.1f} {y:.1f}{_MARKS[verdict]}"
            for point, x, y in scale.places()
            if point.verdict is verdict
        )
        if marks:
            parts.append(f'<path class="mark {verdict.value}" d="{marks}"/>')
    return Markup(  # the alternative is escaped, and the rest is numbers of ours
        '<svg class="trend" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, in_words(trend), Markup("".join(parts)))  # noqa: S704


def in_words(trend: Trend) -> str:
    """`31 runs since 2026-10-27: 28 pass, 2 fail, 1 unknown; from 40.0 % to 83.1 %, now 61.0 %`."""
    points = trend.points
    verdicts = [point.verdict for point in points]
    counted = ", ".join(
        f"{number} {verdict.label.lower()}"
        for verdict in SEVERITY
        if (number := verdicts.count(verdict))
    )
    values = _values(points)
    measured = ""
    if values:
        low, high = quantity(min(values), trend.unit), quantity(max(values), trend.unit)
        last = points[-1].observed
        now = f", now {quantity(last, trend.unit)}" if last is not None else ""
        measured = f"; from {low} to {high}{now}"
    return f"{words.counted(len(points), 'run')} since {points[0].at:%Y-%m-%d}: {counted}{measured}"


class _Scale:
    """Where the points of a trend are in the picture."""

    def __init__(self, trend: Trend) -> None:
        self._points = trend.points
        values = _values(trend.points)
        self.is_measured = bool(values)
        known = [*values, *([trend.limit] if values and trend.limit is not None else [])]
        self._low, self._high = min(known, default=0.0), max(known, default=0.0)

    def y(self, value: float) -> float:
        """Halved before they are subtracted: the difference of the largest numbers is infinite."""
        span = self._high / 2 - self._low / 2
        part = (value / 2 - self._low / 2) / span if span else 0.5
        return _HEIGHT - _MARGIN - part * (_HEIGHT - 2 * _MARGIN)

    def places(self) -> list[tuple[TrendPoint, float, float]]:
        """Each point with its x and y; what was not measured is at the bottom, or in the middle."""
        step = (_WIDTH - 2 * _MARGIN) / max(1, len(self._points) - 1)
        rest = _HEIGHT - _MARGIN if self.is_measured else _HEIGHT / 2
        return [
            (point, _MARGIN + number * step, rest if (at := point.observed) is None else self.y(at))
            for number, point in enumerate(self._points)
        ]

    def line(self) -> str:
        """A path through what was measured, with gaps where nothing was."""
        parts, is_drawing = [], False
        for point, x, y in self.places():
            if point.observed is not None:
                parts.append(f"{'L' if is_drawing else 'M'}{x:.1f} {y:.1f}")
            is_drawing = point.observed is not None
        return "".join(parts)


def _values(points: Sequence[TrendPoint]) -> list[float]:
    return [point.observed for point in points if point.observed is not None]
