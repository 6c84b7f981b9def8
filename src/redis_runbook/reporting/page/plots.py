"""Pictures as inline SVG: no script, no network, with a sentence in the place of each.

Colours are classes of page.css, so that a picture is readable in light, dark and print.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from markupsafe import Markup, escape

from redis_runbook.record import QueueRecord, Recovered
from redis_runbook.reporting.text import quantity
from redis_runbook.reporting.wording import within
from redis_runbook.verdict import LatencyWindow

_WIDTH: Final = 460
_HEIGHT: Final = 150
_LEFT: Final = 56
_RIGHT: Final = 12
_TOP: Final = 14
_BOTTOM: Final = 26
_ROW: Final = 22
_LABEL: Final = 150
_NUMBERS: Final = 70
_SPAN: Final = _WIDTH - _LABEL - _NUMBERS
"""How wide a bar may get, between its name and its number."""

MOST_ROWS: Final = 12
"""Of a picture with bars; what it leaves out is said by its caption."""

_RANGE: Final = math.sqrt(2)
"""The upper end of a range of `LatencyWindow.histogram` over its lower one."""

_LONGEST_LABEL: Final = 22
_STATES: Final = (
    *("waiting", "paused", "prioritized", "active"),
    *("delayed", "waiting_children", "failed"),
)
"""What a queue is drawn with; completed jobs are no work."""


def _svg(width: float, height: float, said: str, *parts: str) -> Markup:
    """A picture; `said` is what a screen reader reads in its place."""
    return Markup(
        '<svg class="plot" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    ).format(width, height, said, said, Markup("").join(map(Markup, parts)))


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _log_scale(
    values: Iterable[float], begin: float, end: float
) -> tuple[Callable[[float], float], list[float]]:
    """Where a value is between two ends, by its logarithm, and the powers of ten in between."""
    known = [max(value, 1e-3) for value in values]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    high = max(high, low + 1)

    def place(value: float) -> float:
        return begin + (math.log10(max(value, 1e-3)) - low) / (high - low) * (end - begin)

    return place, [10.0**power for power in range(low, high + 1)]


def latency_over_window(window: LatencyWindow, service: str) -> Markup:
    """The p95 of each step of a window, with the limit as a line."""
    seen = [(at_s, p95_ms) for at_s, p95_ms in window.steps if p95_ms is not None]
    over = sum(p95_ms > window.limit_ms for _, p95_ms in seen)
    said = (
        f"p95 of {service} in {len(window.steps)} steps of {window.window_s:g} s: {over} over the "
        f"limit of {quantity(window.limit_ms, 'ms')}"
    )
    y, ticks = _log_scale([window.limit_ms, *(value for _, value in seen)], _HEIGHT - _BOTTOM, _TOP)
    span = _WIDTH - _LEFT - _RIGHT

    def x(at_s: float) -> float:
        return _LEFT + at_s / (window.window_s or 1) * span

    step_s = window.window_s / (len(window.steps) or 1)
    points = [(x(at_s + step_s / 2), y(value), value > window.limit_ms) for at_s, value in seen]
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down, _ in points)
    return _svg(
        _WIDTH,
        _HEIGHT,
        said,
        *_grid(ticks, y),
        _line(_LEFT, y(window.limit_ms), _WIDTH - _RIGHT, y(window.limit_ms), "limit"),
        _text(_WIDTH - _RIGHT, y(window.limit_ms) - 3, "limit", "end"),
        f'<polyline class="series" points="{path}"/>',
        *(
            f'<circle class="{"over" if is_over else "dot"}" cx="{across:.1f}" cy="{down:.1f}" '
            'r="2.5"/>'
            for across, down, is_over in points
        ),
        _text(_LEFT, _HEIGHT - 8, "0 s"),
        _text(_WIDTH - _RIGHT, _HEIGHT - 8, f"{window.window_s:g} s", "end"),
    )


def _grid(ticks: Sequence[float], y: Callable[[float], float]) -> Iterable[str]:
    for tick in ticks[:: max(1, len(ticks) // 5)]:
        yield _line(_LEFT, y(tick), _WIDTH - _RIGHT, y(tick), "grid")
        yield _text(_LEFT - 6, y(tick) + 4, _tick(tick), "end")


def _tick(value_ms: float) -> str:
    return f"{value_ms:g} ms" if value_ms < 1000 else f"{value_ms / 1000:g} s"  # noqa: PLR2004


def latency_distribution(window: LatencyWindow, service: str) -> Markup:
    """How many samples took how long, on a logarithmic scale, with p50, p95, p99 and the limit."""
    said = (
        f"{window.n} samples of {service}: p50 {quantity(window.p50_ms, 'ms')}, p95 "
        f"{quantity(window.p95_ms, 'ms')}, p99 {quantity(window.p99_ms, 'ms')}, longest "
        f"{quantity(window.max_ms, 'ms')}, limit {quantity(window.limit_ms, 'ms')}"
    )
    lowest_ms = window.histogram[0][0] / 2 if window.histogram else window.p50_ms
    x, ticks = _log_scale(
        [lowest_ms, window.max_ms, window.limit_ms, window.p50_ms], _LEFT, _WIDTH - _RIGHT
    )
    most = max((n for _, n in window.histogram), default=1) or 1
    floor, height = _HEIGHT - _BOTTOM, _HEIGHT - _TOP - _BOTTOM - 12
    bars = [
        _box(x(up_to_ms / _RANGE), floor - n / most * height,
             x(up_to_ms) - x(up_to_ms / _RANGE) - 1, n / most * height, "bar")
        for up_to_ms, n in window.histogram
        if n
    ]  # fmt: skip
    marks: list[str] = []
    for name, value, row in (("p50", window.p50_ms, 0), ("p95", window.p95_ms, 1)):
        marks += [
            _line(x(value), _TOP, x(value), floor, "mark"),
            _text(x(value) + 3, _TOP + 9 + 11 * row, name),
        ]
    return _svg(
        _WIDTH,
        _HEIGHT,
        said,
        _line(_LEFT, floor, _WIDTH - _RIGHT, floor, "axis"),
        *bars,
        *marks,
        _line(x(window.p99_ms), _TOP, x(window.p99_ms), floor, "mark"),
        _text(x(window.p99_ms) + 3, _TOP + 31, "p99"),
        _line(x(window.limit_ms), _TOP, x(window.limit_ms), floor, "limit"),
        _text(x(window.limit_ms) - 3, _TOP + 42, "limit", "end"),
        *(
            _text(x(tick), _HEIGHT - 8, _tick(tick), "end" if tick == ticks[-1] else "middle")
            for tick in ticks[:: max(1, len(ticks) // 5)]
        ),
    )


def bars(rows: Sequence[tuple[str, float, float | None]], unit: str | None, what: str) -> Markup:
    """A bar for each `(name, observed, limit)`, nearest to its limit first, which is a mark."""
    shown = sorted(rows, key=_of_its_limit, reverse=True)[:MOST_ROWS]
    said = f"{what}{out_of(len(rows))}: " + "; ".join(
        f"{name} {quantity(observed, unit)}"
        + (f" of {quantity(limit, unit)}" if limit is not None else "")
        for name, observed, limit in shown
    )
    most = max((max(observed, limit or 0) for _, observed, limit in shown), default=1) or 1
    if unit == "ratio":
        most = max(most, 1.0)
    parts: list[str] = []
    for row, (name, observed, limit) in enumerate(shown):
        top = row * _ROW + 4
        over = limit is not None and observed > limit
        parts += [
            _text(_LABEL - 6, top + 12, within(name, _LONGEST_LABEL), "end"),
            _box(_LABEL, top, _SPAN, _ROW - 8, "track"),
            _box(_LABEL, top, observed / most * _SPAN, _ROW - 8, "over" if over else "bar"),
            _text(_LABEL + _SPAN + 6, top + 12, quantity(observed, unit)),
        ]
        if limit is not None:
            at = _LABEL + limit / most * _SPAN
            parts.append(_line(at, top - 3, at, top + _ROW - 5, "limit"))
    return _svg(_WIDTH, len(shown) * _ROW + 6, said, *parts)


def out_of(number: int) -> str:
    """` (12 of 60)`, where a picture leaves some out."""
    return f" ({MOST_ROWS} of {quantity(number, None)})" if number > MOST_ROWS else ""


def _of_its_limit(row: tuple[str, float, float | None]) -> float:
    _, observed, limit = row
    return observed / limit if limit else observed


def depth_by_state(queues: Sequence[QueueRecord]) -> Markup:
    """The jobs of each queue by state, the fullest twelve."""
    counted = [(queue, _counts(queue)) for queue in queues]
    shown = sorted(counted, key=lambda one: -sum(one[1].values()))[:MOST_ROWS]
    most = max((sum(counts.values()) for _, counts in shown), default=1) or 1
    parts: list[str] = []
    held: list[str] = []
    for row, (queue, counts) in enumerate(shown):
        top, left = row * _ROW + 4.0, float(_LABEL)
        parts += [
            _text(_LABEL - 6, top + 12, within(queue.name, _LONGEST_LABEL), "end"),
            _box(_LABEL, top, _SPAN, _ROW - 8, "track"),
        ]
        for state, n in counts.items():
            parts.append(_box(left, top, n / most * _SPAN, _ROW - 8, f"state-{state}"))
            left += n / most * _SPAN
        parts.append(_text(_LABEL + _SPAN + 6, top + 12, quantity(sum(counts.values()), None)))
        jobs = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in counts.items() if n)
        held.append(f"{queue.name} {jobs or 'empty'}")
    there = [state for state in _STATES if any(counts[state] for _, counts in shown)]
    down = len(shown) * _ROW + 8
    for place, state in enumerate(there):
        left = 8 + place * (_WIDTH - 16) / len(there)
        parts += [
            _box(left, down, 10, 10, f"state-{state}"),
            _text(left + 14, down + 9, state.replace("_", " ")),
        ]
    said = f"jobs by state{out_of(len(queues))}: {'; '.join(held)}"
    return _svg(_WIDTH, down + 16, said, *parts)


def _counts(queue: QueueRecord) -> dict[str, int]:
    known = {str(state): number for state, number in queue.counts.items()}
    return {state: known.get(state, 0) for state in _STATES}


def recovery(timeline: Sequence[Recovered], took_s: float) -> Markup:
    """What came back when, as points on a line from the beginning of the wait."""
    end_s = max([took_s, 0.1, *(one.at_s for one in timeline)])
    shown = timeline[:MOST_ROWS]
    said = "; ".join(f"{one.event} of {one.subject} after {one.at_s:.1f} s" for one in shown)
    parts: list[str] = []
    for row, one in enumerate(shown):
        top, length = row * _ROW + 4, one.at_s / end_s * _SPAN
        label = within(f"{one.event} {one.subject}", _LONGEST_LABEL)
        parts += [
            _text(_LABEL - 6, top + 12, label, "end"),
            _box(_LABEL, top, length, _ROW - 8, "waiting"),
            _box(_LABEL + length, top, _SPAN - length, _ROW - 8, "ok"),
            _text(_LABEL + _SPAN + 6, top + 12, f"{one.at_s:.1f} s"),
        ]
    return _svg(_WIDTH, len(shown) * _ROW + 6, said, *parts)
