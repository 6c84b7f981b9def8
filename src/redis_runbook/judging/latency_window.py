"""Puts a latency window into few numbers, for a picture."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from redis_runbook.judging.stats import Summary
from redis_runbook.judging.window import WindowJudgement
from redis_runbook.verdict import LatencyWindow

_SHORTEST_MS: Final = 0.001
_RANGES_PER_DOUBLING: Final = 2


def latency_window(window: WindowJudgement, summary: Summary, *, limit_ms: float) -> LatencyWindow:
    """The steps and the distribution of a window that has samples, in ms."""
    return LatencyWindow(
        window_s=window.window_s,
        limit_ms=limit_ms,
        n=summary.n,
        p50_ms=round(summary.p50_ms, 4),
        p95_ms=round(summary.p95_ms, 4),
        p99_ms=round(summary.p99_ms, 4),
        max_ms=round(summary.max_ms, 4),
        steps=[
            (round(step.start_s, 3), None if step.observed is None else round(step.observed, 4))
            for step in window.steps
        ],
        histogram=_histogram(window.samples),
    )


def _histogram(samples_ms: Sequence[float]) -> list[tuple[float, int]]:
    """How many samples are in each range, from the first to the last that has some."""
    counted = Counter(
        math.ceil(_RANGES_PER_DOUBLING * math.log2(max(sample, _SHORTEST_MS)))
        for sample in samples_ms
    )
    return [
        (round(2 ** (number / _RANGES_PER_DOUBLING), 4), counted[number])
        for number in range(min(counted), max(counted) + 1)
    ]
