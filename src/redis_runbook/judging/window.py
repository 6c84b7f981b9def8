"""Judges a window of samples step by step: what "over the limit for 5 minutes" means."""

import bisect
import enum
import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.latency.recording import Span

_MAX_STEPS: Final = 60
_MIN_STEPS: Final = 10
_STEP_S: Final = 1.0
_MIN_SAMPLES: Final = 200


class Outcome(enum.StrEnum):
    """How a window compares with a limit."""

    OVER_THROUGHOUT = "over_throughout"
    OVER_IN_PART = "over_in_part"
    WITHIN = "within"
    TOO_FEW = "too_few"
    TOO_BUSY = "too_busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a window: `observed` is the quantile of its own `n` samples.

    `over` is True if the quantile is over the limit or the server gave no sample. It is None if
    nobody can tell: we did not sample, or the quantile is over the limit only because this process
    was late itself.
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

    `samples` are those of the steps of which we can tell, and `observed` is their quantile, None
    without any. `over_s` adds up the steps that were over the limit, `unseen_s` those of which
    nobody can tell. `own_delay` is the quantile, over all samples, of what this process may have
    caused itself.
    """

    outcome: Outcome
    observed: float | None
    over_s: float
    unseen_s: float
    window_s: float
    own_delay: float
    samples: Sequence[float] = field(repr=False)
    steps: Sequence[Step]

    @property
    def n(self) -> int:
        """How many samples were judged."""
        return len(self.samples)


class _Quantiles(NamedTuple):
    """The quantiles of values, of what is left of them without our own delays, and of these."""

    value: float
    least: float
    own_delay: float


def judge_window(
    offsets_s: Sequence[float],
    values: Sequence[float],
    *,
    window_s: float,
    limit: float,
    quantile: float = 0.95,
    min_samples: int = _MIN_SAMPLES,
    unseen: Sequence[Span] = (),
    own_delays: Sequence[float] = (),
) -> WindowJudgement:
    """Judge samples (`values`, in the limit's unit, taken at `offsets_s`, in any order).

    - `OVER_THROUGHOUT`: over the limit in every step of which we can tell.
    - `OVER_IN_PART`: over the limit in the window as a whole or in the last such step, but not in
      every one.
    - `WITHIN`: neither; an earlier step may have been over the limit, and `over_s` counts it.
    - `TOO_FEW`: fewer than `min_samples`, or less than half of the window was sampled.
    - `TOO_BUSY`: the same because this process was late itself, or half of the limit is its doing.

    A value equal to the limit is within it. A step without a sample counts as over the limit, as
    the server did not answer, unless `unseen` (when we did not sample) covers at least half of the
    step. `own_delays` say how much of each sample this process may have caused itself: the truth is
    between the sample without it and the sample. A step that may be over or within is left out.

    Raises:
        ValueError: offsets, values and delays differ in number.
    """
    edges = step_edges(window_s)
    own_delays = own_delays if len(own_delays) else [0.0] * len(values)
    by_step: list[list[tuple[float, float]]] = [[] for _ in edges[1:]]
    for offset_s, value, own_delay in zip(offsets_s, values, own_delays, strict=True):
        by_step[_step_of(offset_s, edges)].append((value, own_delay))
    steps = [
        _judge_step(span, samples, limit=limit, quantile=quantile, unseen=unseen)
        for span, samples in zip(itertools.pairwise(edges), by_step, strict=True)
    ]
    kept = [
        sample
        for step, samples in zip(steps, by_step, strict=True)
        if step.over is not None
        for sample in samples
    ]
    unseen_s = sum(step.length_s for step in steps if step.over is None)
    if not kept or len(kept) < min_samples or unseen_s > window_s / 2:
        outcome = Outcome.TOO_BUSY if len(kept) < len(values) else Outcome.TOO_FEW
    else:
        outcome = _outcome(steps, _quantiles(kept, quantile), limit=limit)
    return WindowJudgement(
        outcome=outcome,
        observed=_quantiles(kept, quantile).value if kept else None,
        over_s=sum(step.length_s for step in steps if step.over),
        unseen_s=unseen_s,
        window_s=window_s,
        own_delay=percentile(sorted(own_delays), quantile) if len(values) else 0.0,
        samples=[value for value, _ in kept],
        steps=steps,
    )


def _outcome(steps: Sequence[Step], whole: _Quantiles, *, limit: float) -> Outcome:
    """The outcome of a window with enough samples."""
    seen = [step for step in steps if step.over is not None]
    if all(step.over for step in seen):
        return Outcome.OVER_THROUGHOUT
    if seen[-1].over or whole.least > limit:
        return Outcome.OVER_IN_PART
    if whole.value > limit or whole.own_delay >= limit / 2:
        return Outcome.TOO_BUSY
    return Outcome.WITHIN


def step_edges(window_s: float) -> list[float]:
    """The start of each step of the window, followed by the window's end.

    A step is one second long, but a sixtieth of the window if that is longer, and a tenth of it if
    that is shorter. A remainder of less than half a step is added to the last step.
    """
    step_s = min(max(_STEP_S, window_s / _MAX_STEPS), window_s / _MIN_STEPS)
    count = int(window_s / step_s + 0.5) if step_s else 1
    return [number * step_s for number in range(count)] + [window_s]


def _step_of(offset_s: float, edges: Sequence[float]) -> int:
    """The index of a sample's step; a sample outside the window belongs to the nearest step."""
    return max(0, min(bisect.bisect_right(edges, offset_s), len(edges) - 1) - 1)


def _judge_step(
    span: Span,
    samples: Sequence[tuple[float, float]],
    *,
    limit: float,
    quantile: float,
    unseen: Sequence[Span],
) -> Step:
    """Judge one step by its samples: pairs of a value and of our own delay."""
    start_s, end_s = span
    observed: float | None = None
    over: bool | None
    if samples:
        observed, least, _ = _quantiles(samples, quantile)
        over = None if least <= limit < observed else observed > limit
    else:
        unseen_s = sum(max(0.0, min(end_s, to) - max(start_s, since)) for since, to in unseen)
        over = None if unseen_s >= (end_s - start_s) / 2 else True
    return Step(start_s=start_s, end_s=end_s, n=len(samples), observed=observed, over=over)


def _quantiles(samples: Sequence[tuple[float, float]], quantile: float) -> _Quantiles:
    values, own_delays = zip(*samples, strict=True)
    return _Quantiles(
        percentile(sorted(values), quantile),
        percentile(sorted(map(operator.sub, values, own_delays)), quantile),
        percentile(sorted(own_delays), quantile),
    )
