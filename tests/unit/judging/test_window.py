"""What "over the limit for 5 minutes" means, against a naive reference."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.judging.window import Outcome, judge_window, step_edges
from redis_runbook.probes.latency.recording import Span

LIMIT = 50.0


def evenly(*values: float, each_s: float = 1.0, rate: int = 200) -> tuple[list[float], list[float]]:
    """Offsets and samples of steps that each have one value throughout."""
    count = int(rate * each_s)
    offsets = [
        step * each_s + number / rate for step in range(len(values)) for number in range(count)
    ]
    return offsets, [value for value in values for _ in range(count)]


def test_over_in_every_step_is_over_throughout() -> None:
    judged = judge_window(*evenly(51, 60, 51), window_s=3, limit=LIMIT)

    assert judged.outcome is Outcome.OVER_THROUGHOUT
    assert (judged.observed, judged.over_s, judged.n) == (60, 3, 600)


def test_over_as_a_whole_but_not_in_every_step_is_over_in_part_with_how_long() -> None:
    judged = judge_window(*evenly(1, 80, 80, *[1.0] * 7), window_s=10, limit=LIMIT)

    assert judged.outcome is Outcome.OVER_IN_PART
    assert (judged.observed, judged.over_s) == (80, 2)
    assert [step.over for step in judged.steps] == [False, True, True, *[False] * 7]


def test_over_now_is_over_in_part_although_the_whole_window_is_within() -> None:
    judged = judge_window(*evenly(*[1.0] * 29, 80), window_s=30, limit=LIMIT)

    assert judged.observed == 1
    assert (judged.outcome, judged.over_s) == (Outcome.OVER_IN_PART, 1)


BURSTS = [(number // 10 * 0.05 + number % 10 * 0.0002) for number in range(400)]
"""When requests are due within 2 s: ten every 50 ms."""


@given(st.floats(0, 2))
def test_a_stall_of_300_ms_is_never_over_throughout(stall_s: float) -> None:
    until_s = stall_s + 0.3
    values = [
        max(0.3, (until_s - due) * 1000) if stall_s <= due < until_s else 0.3 for due in BURSTS
    ]

    judged = judge_window(BURSTS, values, window_s=2, limit=LIMIT)

    assert judged.outcome in {Outcome.OVER_IN_PART, Outcome.WITHIN}
    assert judged.over_s <= 0.6 + 1e-9
    if stall_s < 1.7:
        assert judged.outcome is Outcome.OVER_IN_PART
        assert judged.over_s >= 0.4 - 1e-9


def test_a_server_that_is_slow_throughout_fails_in_two_seconds_too() -> None:
    judged = judge_window(BURSTS, [60.0] * 400, window_s=2, limit=LIMIT)

    assert judged.outcome is Outcome.OVER_THROUGHOUT
    assert judged.over_s == pytest.approx(2)


# --- What this process caused itself ---


@pytest.mark.parametrize(
    ("value", "own", "outcome"),
    [
        (60.0, 0.0, Outcome.OVER_THROUGHOUT),
        (60.0, 9.9, Outcome.OVER_THROUGHOUT),  # 50.1 without it
        (60.0, 10.0, Outcome.TOO_BUSY),  # may be 50
        (250.0, 240.0, Outcome.TOO_BUSY),
        (2000.0, 240.0, Outcome.OVER_THROUGHOUT),
        (50.0, 24.9, Outcome.WITHIN),
        (50.0, 25.0, Outcome.TOO_BUSY),
        (0.3, 0.3, Outcome.WITHIN),
    ],
)
def test_over_only_with_our_own_delays_is_nothing_that_we_know(
    value: float, own: float, outcome: Outcome
) -> None:
    judged = judge_window(BURSTS, [value] * 400, window_s=2, limit=LIMIT, own_delays=[own] * 400)

    assert (judged.outcome, judged.own_delay) == (outcome, own)
    assert judged.unseen_s == pytest.approx(2 if value - own <= LIMIT < value else 0)


def test_a_moment_of_our_own_delay_leaves_the_rest_of_the_window() -> None:
    values, own = [60.0] * 40 + [1.0] * 360, [59.0] * 40 + [0.0] * 360

    alone = judge_window(BURSTS, values, window_s=2, limit=LIMIT, own_delays=own)
    slow = judge_window(
        BURSTS, [*values[:200], *[60.0] * 200], window_s=2, limit=LIMIT, own_delays=own
    )

    assert (alone.outcome, alone.observed, alone.n) == (Outcome.WITHIN, 1, 360)
    assert alone.unseen_s == pytest.approx(0.2)
    assert slow.outcome is Outcome.OVER_IN_PART
    assert slow.over_s == pytest.approx(1)


def test_over_for_a_moment_some_time_ago_is_within_and_told() -> None:
    judged = judge_window(*evenly(1, 80, *[1.0] * 28), window_s=30, limit=LIMIT)

    assert (judged.outcome, judged.over_s) == (Outcome.WITHIN, 1)


def test_at_the_limit_is_within() -> None:
    judged = judge_window(*evenly(LIMIT, LIMIT), window_s=2, limit=LIMIT)

    assert (judged.outcome, judged.over_s) == (Outcome.WITHIN, 0)


def test_a_step_is_judged_by_its_own_p95() -> None:
    offsets, values = evenly(*[1.0] * 10)
    for slow in range(11):  # 11 of 200 are more than 5 %
        values[slow] = 99

    judged = judge_window(offsets, values, window_s=10, limit=LIMIT)

    assert [step.observed for step in judged.steps] == [99, *[1] * 9]
    assert judged.outcome is Outcome.WITHIN


def test_a_step_in_which_the_server_did_not_answer_is_over() -> None:
    judged = judge_window(*evenly(80, 80), window_s=5, limit=LIMIT)

    assert (judged.outcome, judged.over_s) == (Outcome.OVER_THROUGHOUT, 5)
    assert judged.steps[-1].observed is None


def test_a_connection_lost_after_healthy_steps_is_over_in_part() -> None:
    judged = judge_window(*evenly(1, 1), window_s=5, limit=LIMIT)

    assert (judged.outcome, judged.over_s) == (Outcome.OVER_IN_PART, 3)


def test_a_step_at_which_nobody_looked_is_neither_over_nor_within() -> None:
    offsets, values = evenly(*[80.0] * 10)
    looked = [offset for offset in offsets if not 1 <= offset < 2]

    judged = judge_window(
        looked, values[: len(looked)], window_s=10, limit=LIMIT, unseen=[(0.99, 2.01)]
    )

    assert judged.outcome is Outcome.OVER_THROUGHOUT
    assert (judged.over_s, judged.unseen_s) == (9, 1)


def test_a_window_at_which_hardly_anybody_looked_has_too_few() -> None:
    judged = judge_window(*evenly(*[80.0] * 4), window_s=10, limit=LIMIT, unseen=[(4, 10)])

    assert (judged.outcome, judged.unseen_s) == (Outcome.TOO_FEW, 6)


@pytest.mark.parametrize(("n", "outcome"), [(199, Outcome.TOO_FEW), (200, Outcome.WITHIN)])
def test_fewer_than_200_samples_are_too_few(n: int, outcome: Outcome) -> None:
    offsets = [2 * number / n for number in range(n)]

    assert judge_window(offsets, [1.0] * n, window_s=2, limit=LIMIT).outcome is outcome


@pytest.mark.parametrize("window_s", [0, 2])
def test_no_sample_at_all_is_too_few_and_has_no_observed(window_s: float) -> None:
    judged = judge_window([], [], window_s=window_s, limit=LIMIT, min_samples=0)

    assert (judged.outcome, judged.observed, judged.n) == (Outcome.TOO_FEW, None, 0)


def test_offsets_without_values_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        judge_window([0.1, 0.2], [1], window_s=1, limit=LIMIT)


@pytest.mark.parametrize(
    ("window_s", "lengths_s"),
    [
        (0.3, [0.03] * 10),
        (2.0, [0.2] * 10),
        (9.9, [0.99] * 10),
        (10, [1] * 10),
        (10.4, [*[1] * 9, 1.4]),
        (10.5, [*[1] * 10, 0.5]),
        (60, [1] * 60),
        (300, [5] * 60),
        (600, [10] * 60),
    ],
)
def test_steps_are_a_second_a_tenth_or_a_sixtieth_and_a_short_rest_joins_the_last(
    window_s: float, lengths_s: list[float]
) -> None:
    edges = step_edges(window_s)

    assert [edges[i + 1] - edges[i] for i in range(len(edges) - 1)] == pytest.approx(lengths_s)


@given(st.floats(0.01, 10_000))
def test_steps_fill_the_window_and_are_about_as_long_as_they_should(window_s: float) -> None:
    edges = step_edges(window_s)
    lengths_s = [edges[i + 1] - edges[i] for i in range(len(edges) - 1)]
    step_s = min(max(1.0, window_s / 60), window_s / 10)

    assert (edges[0], edges[-1]) == (0, window_s)
    assert 10 <= len(lengths_s) <= 60
    assert all(length_s == pytest.approx(step_s) for length_s in lengths_s[:-1])
    assert lengths_s[-1] <= 1.5 * step_s + 1e-6
    assert len(lengths_s) == 1 or lengths_s[-1] >= 0.5 * step_s - 1e-6


SAMPLES = st.lists(
    st.tuples(st.integers(0, 999), st.sampled_from([1.0, 50.0, 51.0, 500.0])), max_size=60
)
UNSEEN = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10)), max_size=2)


@given(SAMPLES, UNSEEN, st.sampled_from([0.5, 0.95]), st.randoms(use_true_random=False))
def test_any_window_of_ten_steps_is_judged_as_the_rule_says(
    samples: list[tuple[int, float]], dark: list[tuple[int, int]], quantile: float, order: object
) -> None:
    unseen: list[Span] = [(float(since), float(to)) for since, to in dark if since < to]
    order.shuffle(samples)  # type: ignore[attr-defined]
    judged = judge_window(
        [hundredth / 100 for hundredth, _ in samples],
        [value for _, value in samples],
        window_s=10,
        limit=LIMIT,
        quantile=quantile,
        min_samples=5,
        unseen=unseen,
    )

    def reference(values: list[float]) -> float:
        return sorted(values)[max(1, math.ceil(quantile * len(values) - 1e-6)) - 1]

    over: list[bool | None] = []
    for step in range(10):
        own = [value for hundredth, value in samples if hundredth // 100 == step]
        looked = not any(since <= step < to for since, to in unseen)
        over.append(reference(own) > LIMIT if own else (True if looked else None))
    seen = [is_over for is_over in over if is_over is not None]
    if len(samples) < 5 or len(seen) < 5:
        expected = Outcome.TOO_FEW
    elif all(seen):
        expected = Outcome.OVER_THROUGHOUT
    elif seen[-1] or reference([value for _, value in samples]) > LIMIT:
        expected = Outcome.OVER_IN_PART
    else:
        expected = Outcome.WITHIN

    assert [step.over for step in judged.steps] == over
    assert judged.outcome is expected
    assert (judged.over_s, judged.unseen_s) == (sum(seen), 10 - len(seen))
