"""Judges a window of samples step by step: what "over the limit for 5 minutes" means."""

import bisect
import enum
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.latency.recording import Span

_MAX_STEPS: Final = 60
_MIN_STEP_S: Final = 1.0
_MIN_SAMPLES: Final = 200


class Outcome(enum.StrEnum):
    """How a window compares with a limit."""

    OVER_THROUGHOUT = "over_throughout"
    OVER_IN_PART = "over_in_part"
    WITHIN = "within"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a window: `observed` is the quantile of its own `n` samples.

    `over` is True if the quantile is over the limit or the server gave no sample, and None if we
    did not sample.
    """

    start_s: float
    end_s: float
    n: int
    observed: float | None
    over: bool | None

    @property
    def length_s(self) -> float:
        """The length of the step."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowJudgement:
    """A window compared with a limit.

    `observed` is the quantile over the whole window, None without a sample. `over_s` adds up the
    steps that were over the limit, `unseen_s` the steps in which we did not sample.
    """

    outcome: Outcome
    observed: float | None
    n: int
    over_s: float
    unseen_s: float
    window_s: float
    steps: Sequence[Step]


def judge_window(
    offsets_s: Sequence[float],
    values: Sequence[float],
    *,
    window_s: float,
    limit: float,
    quantile: float = 0.95,
    min_samples: int = _MIN_SAMPLES,
    unseen: Sequence[Span] = (),
) -> WindowJudgement:
    """Judge samples (`values`, in the limit's unit, taken at `offsets_s`, in any order).

    - `OVER_THROUGHOUT`: over the limit in every sampled step.
    - `OVER_IN_PART`: over the limit in the window as a whole or in the last sampled step, but not
      in every sampled step.
    - `WITHIN`: neither; an earlier step may have been over the limit, and `over_s` counts it.
    - `TOO_FEW`: fewer than `min_samples`, or less than half of the window was sampled.

    A value equal to the limit is within it. A step without a sample counts as over the limit, as
    the server did not answer, unless `unseen` (when we did not sample) covers at least half of the
    step.

    Raises:
        ValueError: offsets and values differ in number.
    """
    edges = step_edges(window_s)
    samples: list[list[float]] = [[] for _ in edges[1:]]
    for offset_s, value in zip(offsets_s, values, strict=True):
        samples[_step_of(offset_s, edges)].append(value)
    steps = [
        _judge_step(span, step_values, limit=limit, quantile=quantile, unseen=unseen)
        for span, step_values in zip(itertools.pairwise(edges), samples, strict=True)
    ]
    observed = percentile(sorted(values), quantile) if len(values) else None
    unseen_s = sum(step.length_s for step in steps if step.over is None)
    seen = [step for step in steps if step.over is not None]
    if len(values) < min_samples or observed is None or unseen_s > window_s / 2:
        outcome = Outcome.TOO_FEW
    elif all(step.over for step in seen):
        outcome = Outcome.OVER_THROUGHOUT
    elif observed > limit or seen[-1].over:
        outcome = Outcome.OVER_IN_PART
    else:
        outcome = Outcome.WITHIN
    return WindowJudgement(
        outcome=outcome,
        observed=observed,
        n=len(values),
        over_s=sum(step.length_s for step in seen if step.over),
        unseen_s=unseen_s,
        window_s=window_s,
        steps=steps,
    )


def step_edges(window_s: float) -> list[float]:
    """The start of each step of the window, followed by the window's end.

    A step is one second long, or a sixtieth of the window if that is longer. A remainder of less
    than half a step is added to the last step.
    """
    step_s = max(_MIN_STEP_S, window_s / _MAX_STEPS)
    count = max(1, int(window_s / step_s + 0.5))
    return [number * step_s for number in range(count)] + [window_s]


def _step_of(offset_s: float, edges: Sequence[float]) -> int:
    """The index of a sample's step; a sample outside the window belongs to the nearest step."""
    return max(0, min(bisect.bisect_right(edges, offset_s), len(edges) - 1) - 1)


def _judge_step(
    span: Span, values: list[float], *, limit: float, quantile: float, unseen: Sequence[Span]
) -> Step:
    start_s, end_s = span
    observed = percentile(sorted(values), quantile) if values else None
    over: bool | None
    if observed is not None:
        over = observed > limit
    else:
        unseen_s = sum(max(0.0, min(end_s, to) - max(start_s, since)) for since, to in unseen)
        over = None if unseen_s >= (end_s - start_s) / 2 else True
    return Step(start_s=start_s, end_s=end_s, n=len(values), observed=observed, over=over)
