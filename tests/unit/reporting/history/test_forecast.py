"""A forecast of known series: what rises along a line has one, and nothing else has."""

import datetime as dt
import math
import random
from collections.abc import Sequence

import pytest

from redis_runbook.record import Forecast
from redis_runbook.reporting.history.forecast import _t_quantile, forecast
from tests.support.history import points

LIMIT = 0.8


def rising(nights: int, *, start: float = 0.4, step: float = 0.01) -> list[float]:
    return [start + step * night for night in range(nights)]


def noisy(values: Sequence[float], spread: float, seed: int = 1) -> list[float]:
    chance = random.Random(seed)  # noqa: S311  # reproducible, and no secret
    return [value + chance.gauss(0, spread) for value in values]


def days_ahead(found: Forecast | None, values: Sequence[float]) -> tuple[float, ...]:
    assert found
    assert found.latest
    last = points(values)[-1].at
    return tuple(
        (at - last) / dt.timedelta(days=1) for at in (found.earliest, found.at, found.latest)
    )


def test_a_line_reaches_its_limit_when_it_does() -> None:
    values = rising(31)
    assert days_ahead(forecast(points(values), LIMIT), values) == pytest.approx((10, 10, 10))


def test_noise_makes_it_uncertain_and_more_noise_more_so() -> None:
    widths = []
    for spread in (0.005, 0.02):
        values = noisy(rising(31), spread)
        earliest, at, latest = days_ahead(forecast(points(values), LIMIT), values)
        assert 0 <= earliest < at < latest
        widths.append(latest - earliest)
    assert widths[1] > 2 * widths[0]


def test_the_limit_is_reached_between_the_two_days_as_often_as_is_said() -> None:
    """Of 400 series: by the line that they are noise around, and by a value for the first time."""
    by_line = by_value = 0
    for seed in range(400):
        values = noisy(rising(71), 0.012, seed)
        known, later = values[:31], values[31:]
        earliest, _, latest = days_ahead(forecast(points(known), LIMIT), known)
        first = next(night for night, value in enumerate(later, 1) if value >= LIMIT)
        by_line += earliest <= 10 <= latest
        by_value += earliest <= first <= latest
    assert by_line >= 0.95 * 400
    assert by_value >= 0.95 * 400


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.5] * 31, id="flat"),
        pytest.param(noisy([0.5] * 31, 0.02), id="noise"),
        pytest.param(noisy(rising(31, step=0.002), 0.03), id="rising less than it varies"),
        pytest.param(rising(31, start=0.7, step=-0.01), id="falling"),
        pytest.param([0.4] * 15 + [0.6] * 16, id="one step"),
        pytest.param([0.3] * 10 + [0.5] * 10 + [0.7] * 11, id="two steps"),
        pytest.param([0.5 + 0.1 * math.sin(2 * math.pi * n / 7) for n in range(31)], id="weekly"),
        pytest.param([0.4 + 0.3 * (n % 7) / 7 for n in range(31)], id="emptied each week"),
        pytest.param(rising(20) + [0.6] * 11, id="rose, and is level since"),
        pytest.param(rising(31, step=0.0001), id="not within 90 days"),
        pytest.param(rising(31, start=0.55), id="over it already"),
        pytest.param(rising(6), id="too few"),
        pytest.param([*rising(25), 0.3, 0.31, 0.32, 0.33, 0.34, 0.35], id="too young a restart"),
        pytest.param([], id="nothing"),
        pytest.param([1e308, -1e308] * 10, id="absurd"),
    ],
)
def test_what_does_not_rise_along_a_line_has_none(values: Sequence[float]) -> None:
    assert forecast(points(values), LIMIT) is None


def test_what_was_before_a_restart_is_forgotten() -> None:
    before, since = rising(20), rising(11, start=0.3)
    values = [*before, *since]
    assert days_ahead(forecast(points(values), LIMIT), values) == pytest.approx((40, 40, 40))
    assert forecast(points([*before, *since[:6]]), LIMIT) is None


def test_seven_points_in_less_than_five_days_are_too_few() -> None:
    assert forecast(points(rising(7), days=0.8), LIMIT) is None
    assert forecast(points(rising(7), days=0.9), LIMIT) is not None


def test_a_night_without_a_measurement_is_left_out() -> None:
    values: list[float | None] = [*rising(31)]
    values[3] = values[20] = None
    found = forecast(points(values), LIMIT)
    assert days_ahead(found, rising(31)) == pytest.approx((10, 10, 10))


@pytest.mark.parametrize("limit", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_that_nothing_can_reach_has_none(limit: float) -> None:
    assert forecast(points(rising(31)), limit) is None


@pytest.mark.parametrize(("freedom", "t"), [(5, 2.5706), (10, 2.2281), (28, 2.0484)])
def test_the_quantile_of_student_is_that_of_the_tables(freedom: int, t: float) -> None:
    assert _t_quantile(freedom) == pytest.approx(t, rel=0.002)
