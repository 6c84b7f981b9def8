"""Percentiles and their confidence interval, against independent definitions."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.judging.stats import Summary, p95_interval_ranks, summarise
from redis_runbook.probes.latency.percentile import percentile

RISK = Fraction(5, 100)
VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


@given(VALUES, st.integers(1, 100))
def test_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[float], percent: int
) -> None:
    at_least = [
        value for value in values if 100 * sum(v <= value for v in values) >= percent * len(values)
    ]

    assert percentile(sorted(values), percent / 100) == min(at_least)


def test_percentile_of_95_fast_and_5_slow_is_fast_not_interpolated() -> None:
    assert percentile([1.0] * 95 + [100.0] * 5, 0.95) == 1.0


@pytest.mark.parametrize(
    ("percent", "n"), [(95, 20), (95, 200), (95, 120_000), (55, 100), (7, 100), (14, 50)]
)
def test_percentile_has_the_exact_rank_where_binary_fractions_do_not(percent: int, n: int) -> None:
    assert percentile(range(1, n + 1), percent / 100) == n * percent // 100


@given(VALUES)
def test_summary_does_not_depend_on_order_and_keeps_its_own(values: list[float]) -> None:
    summary = summarise(values)

    assert summary == summarise(sorted(values, reverse=True))
    assert summary.n == len(values)
    assert min(values) <= summary.p50_ms <= summary.p95_ms <= summary.p99_ms <= summary.max_ms
    assert summary.p95_low_ms <= summary.p95_ms
    assert summary.p95_high_ms is None or summary.p95_ms <= summary.p95_high_ms


def test_summary_of_1_to_200_ms() -> None:
    assert summarise([float(n) for n in range(200, 0, -1)]) == Summary(
        n=200,
        p50_ms=100,
        p95_ms=190,
        p95_low_ms=184,
        p95_high_ms=197,
        p99_ms=198,
        max_ms=200,
    )


@pytest.mark.parametrize("of_nothing", [summarise, lambda nothing: percentile(nothing, 0.5)])
def test_nothing_cannot_be_summarised(of_nothing: object) -> None:
    with pytest.raises(ValueError, match="no "):
        of_nothing([])  # type: ignore[operator]


@pytest.mark.parametrize(
    ("n", "ranks"), [(100, (90, 100)), (200, (184, 197)), (500, (465, 485)), (58, (52, None))]
)
def test_interval_has_the_known_ranks(n: int, ranks: tuple[int, int | None]) -> None:
    assert p95_interval_ranks(n) == ranks


def test_interval_has_an_upper_end_from_59_samples_on() -> None:
    assert [n for n in range(1, 300) if p95_interval_ranks(n)[1] is None] == list(range(1, 59))


def _below(n: int, rank: int) -> Fraction:
    """P(X < rank), X ~ binomial(n, 19/20), exactly."""
    p = Fraction(19, 20)
    return sum(
        (math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(rank)), start=Fraction(0)
    )


@given(st.integers(2, 400))
def test_interval_covers_95_percent_and_no_end_could_be_closer(n: int) -> None:
    low, high = p95_interval_ranks(n)
    missed_above = 1 - _below(n, high) if high else Fraction(0)
    in_halves = high is not None and missed_above <= RISK / 2

    assert missed_above + _below(n, low) <= RISK
    assert _below(n, low + 1) > (RISK / 2 if in_halves else RISK - missed_above)
    if in_halves:
        assert 1 - _below(n, (high or 0) - 1) > RISK / 2
    else:
        assert high == (None if 1 - _below(n, n) > RISK else n)


@pytest.mark.parametrize("n", [5_000, 120_000])
def test_interval_of_many_samples_is_what_the_normal_distribution_says(n: int) -> None:
    low, high = p95_interval_ranks(n)
    half_width = 1.95996 * math.sqrt(n * 0.95 * 0.05)

    assert high is not None
    assert low == pytest.approx(0.95 * n - half_width, abs=2)
    assert high == pytest.approx(0.95 * n + half_width, abs=2)


def _exponential(share: float) -> float:
    return -math.log(1 - share)


def _mostly_fast(share: float) -> float:
    return 1.0 if share < 0.9 else 500 * share - 400


@pytest.mark.parametrize("n", [40, 65, 200, 400])
@pytest.mark.parametrize("distribution", [_exponential, _mostly_fast])
def test_interval_holds_the_true_p95_in_95_of_100_runs(
    distribution: Callable[[float], float], n: int
) -> None:
    chance = random.Random(20260101 + n)  # noqa: S311  # a reproducible simulation
    truth = distribution(0.95)
    runs = 1000
    held = 0
    for _ in range(runs):
        ordered = sorted(distribution(chance.random()) for _ in range(n))
        low, high = p95_interval_ranks(n)
        held += ordered[low - 1] <= truth and (high is None or truth <= ordered[high - 1])

    assert held / runs >= 0.935  # 0.95 less two standard deviations of 1000 runs
