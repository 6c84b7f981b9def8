"""Reads the values of an alert's expression over its window, step by step."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import Field

from redis_runbook.probes.prometheus.promql import parse, selectors
from redis_runbook.probes.prometheus.series import Labels, labels_text
from redis_runbook.redact import Shown
from redis_runbook.wire.json import Answer, JsonApi

_MAX_STEPS: Final = 60
_MIN_STEP_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSeries:
    """One series of an alert's value; None at a step without a fresh, finite value.

    `infinite` says that some values were NaN or infinite; `about` holds the labels.
    """

    labels: Shown
    values: Sequence[float | None]
    infinite: bool
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFacts:
    """The recorded values of an alert, at even steps from `window_s` ago to now.

    Now is `ended_at`, in Unix time by Prometheus.
    """

    series: Sequence[RecordedSeries]
    window_s: float
    ended_at: float = 0.0


class _Range(Answer):
    class Data(Answer):
        class Series(Answer):
            metric: dict[str, str] = Field(default_factory=dict)
            values: tuple[tuple[float, str], ...]

        result: tuple[Series, ...]

    status: Literal["success"]
    data: Data


def read_range(
    api: JsonApi, value: str, *, ended_at: float, window_s: float, stale_after_s: float
) -> RangeFacts:
    """Read the values of an alert over a window that ends then; only the latest for a window of 0.

    Prometheus repeats a series' last sample for five minutes if it did not scrape. So a step
    whose newest sample is older than `stale_after_s` has no value.

    Raises:
        FetchError: Prometheus does not answer.
    """
    step_s = max(_MIN_STEP_S, window_s / _MAX_STEPS)
    count = max(0, math.ceil(window_s / step_s - 1e-9))
    moments = [ended_at - (count - number) * step_s for number in range(count + 1)]

    def ask(query: str) -> list[tuple[Labels, list[float | None]]]:
        answer = api.get(
            "api/v1/query_range",
            _Range,
            query=query,
            start=f"{moments[0]:.3f}",
            end=f"{ended_at + step_s / 2:.3f}",
            step=f"{step_s:.3f}",
        )
        return [
            (
                frozenset(series.metric.items()),
                _by_step(series.values, moments[0], step_s, count + 1),
            )
            for series in answer.data.result
        ]

    fresh = [True] * len(moments)
    for name in sorted({str(selector) for selector in selectors(parse(value))}):
        ages = [values for _, values in ask(f"min(time() - timestamp({name}))")] or [
            [None] * len(moments)
        ]
        fresh = [
            is_fresh and age is not None and age <= stale_after_s
            for is_fresh, age in zip(fresh, ages[0], strict=True)
        ]
    return RangeFacts(
        series=[
            RecordedSeries(
                labels=labels_text(labels),
                values=[
                    value if is_fresh and value is not None and math.isfinite(value) else None
                    for is_fresh, value in zip(fresh, values, strict=True)
                ],
                infinite=any(value is not None and not math.isfinite(value) for value in values),
                about=dict(labels),
            )
            for labels, values in ask(value)
        ],
        window_s=window_s,
        ended_at=ended_at,
    )


def _by_step(
    values: Sequence[tuple[float, str]], start: float, step_s: float, count: int
) -> list[float | None]:
    """The value of each step; values that are at no step, or no number, are dropped."""
    found: list[float | None] = [None] * count
    for moment, text in values:
        position = (moment - start) / step_s
        if math.isfinite(position) and 0 <= round(position) < count:
            with contextlib.suppress(ValueError):
                found[round(position)] = float(text)
    return found
