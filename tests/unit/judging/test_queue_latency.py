"""Was the queue over the limit throughout, in part, now, or not at all?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.judging.queue_latency import LatencyJudgement, LatencyState, judge_latency
from redis_runbook.probes.bullmq.facts import PickUp, QueueFacts, WaitingJob
from tests.support.bullmq_facts import NOW_MS, picked, quiet, undated_beside, waiting


def _judge(facts: QueueFacts, *earlier: QueueFacts) -> LatencyJudgement:
    return judge_latency(facts, limit_s=2, window_s=300, earlier=earlier)


SLOW_THROUGHOUT = picked(*((ago, 3) for ago in range(0, 310, 2)))


@pytest.mark.parametrize(
    ("facts", "state", "observed_s", "over_s"),
    [
        (quiet(), LatencyState.IDLE, None, 0),
        (quiet(history_from_ms=None), LatencyState.IDLE, None, 0),
        (quiet(pick_ups=picked((100, 0.5), (10, 1.5))), LatencyState.OK, 1.5, 0),
        (quiet(**waiting(1)), LatencyState.OK, 1, 0),
        # The pick-up is older than the window.
        (quiet(pick_ups=picked((301, 9))), LatencyState.IDLE, None, 0),
        # 3 s waited, the last of them over the limit: one step of 5 s.
        (quiet(pick_ups=picked((101.5, 3))), LatencyState.PARTLY, 3, 5),
        (quiet(pick_ups=SLOW_THROUGHOUT), LatencyState.BROKEN, 3, 300),
        # Over throughout, but for a pause of half a minute in which nothing waited.
        (
            quiet(pick_ups=[pick for pick in SLOW_THROUGHOUT
                            if not 100_000 < NOW_MS - pick.at_ms < 135_000]),
            LatencyState.PARTLY, 3, 270,
        ),
        (quiet(**waiting(3)), LatencyState.PARTLY, 3, 5),
        (quiet(**waiting(200)), LatencyState.PARTLY, 200, 200),
        (quiet(**waiting(303)), LatencyState.BROKEN, 303, 300),
        # Bull has no stream: what waits now is all there is.
        (quiet(**waiting(303), history_from_ms=None), LatencyState.BROKEN, 303, 300),
        (quiet(**waiting(1), history_from_ms=None), LatencyState.OK, 1, 0),
        # One job took 298 s to be picked up, a moment ago: the window was over from end to end.
        (quiet(pick_ups=picked((0.01, 302.5))), LatencyState.BROKEN, 302.5, 300),
        (quiet(**waiting(None)), LatencyState.UNKNOWN, None, 0),
        (quiet(counts={"waiting": None}), LatencyState.UNKNOWN, None, 0),
        (quiet(overdue_s=None), LatencyState.UNKNOWN, None, 0),
        # An unknown present does not hide a slow past.
        (quiet(**waiting(None), pick_ups=picked((20, 9))), LatencyState.PARTLY, 9, 10),
        # A short history that is over all the time tells nothing of the rest of the window.
        (
            quiet(pick_ups=picked(*((ago, 3) for ago in range(30))),
                  history_from_ms=NOW_MS - 33_000),
            LatencyState.UNSEEN, 3, 30,
        ),
        # Where it is not over at some moment, the window is not over throughout.
        (
            quiet(pick_ups=picked(*((ago, 3) for ago in range(20))),
                  history_from_ms=NOW_MS - 33_000),
            LatencyState.PARTLY, 3, 20,
        ),
    ],
)  # fmt: skip
def test_judgements(
    facts: QueueFacts, state: LatencyState, observed_s: float | None, over_s: float
) -> None:
    judged = _judge(facts)
    assert (judged.state, judged.observed_s) == (state, observed_s)
    assert judged.over_s == over_s


def test_an_empty_window_has_no_percentiles() -> None:
    judged = _judge(quiet())
    assert (judged.pick_ups, judged.p50_s, judged.p95_s, judged.max_s) == (0, None, None, None)


def test_percentiles_are_those_of_the_windows_pick_ups() -> None:
    judged = _judge(quiet(pick_ups=picked(*((n, n / 100) for n in range(1, 101)), (400, 50))))
    assert (judged.pick_ups, judged.p50_s, judged.p95_s, judged.max_s) == (100, 0.5, 0.95, 1.0)


def test_earlier_reads_fill_what_the_history_lacks() -> None:
    def read(ago_s: int) -> QueueFacts:
        at_ms = NOW_MS - ago_s * 1000
        pick_ups = tuple(PickUp(at_ms=at_ms - 100 * n, waited_ms=3_000) for n in range(50))
        return quiet(at_ms=at_ms, pick_ups=pick_ups, history_from_ms=at_ms - 5_000)

    reads = [read(ago) for ago in range(300, 0, -4)]
    assert _judge(read(0)).state is LatencyState.UNSEEN
    judged = _judge(read(0), *reads)
    assert judged.state is LatencyState.BROKEN
    assert judged.pick_ups == pytest.approx(3_000, abs=10)  # ten a second, each counted once


def test_a_pick_up_that_two_reads_tell_of_counts_once() -> None:
    first = quiet(at_ms=NOW_MS - 2_000, pick_ups=picked((10, 1), (5, 1)))
    second = quiet(pick_ups=picked((10, 1), (5, 1), (1, 1)))
    assert _judge(second, first).pick_ups == 3


def test_a_read_of_few_events_hides_none_of_the_next_reads() -> None:
    """The first read has 200 events only: what was picked up before it is in the second one."""
    first = quiet(at_ms=NOW_MS - 2_000, pick_ups=picked((10, 3)), history_from_ms=NOW_MS - 12_000)
    second = quiet(pick_ups=SLOW_THROUGHOUT)
    judged = _judge(second, first)
    assert (judged.state, judged.seen_s) == (LatencyState.BROKEN, 300)


def _undated(state: str = "wait", *, events_s: int | None = 1) -> QueueFacts:
    from_ms = None if events_s is None else NOW_MS - events_s * 1_000
    return quiet(**undated_beside(1, state), history_from_ms=from_ms)


@pytest.mark.parametrize(
    ("last", "first", "state"),
    [
        # The events go back for longer than the limit, and tell nothing of it.
        (_undated(events_s=3), quiet(), LatencyState.UNKNOWN),
        # They do not: it may have come a moment ago, unless it was there before.
        (_undated(events_s=1), quiet(), LatencyState.OK),
        (_undated(events_s=None), quiet(), LatencyState.OK),
        (_undated(events_s=None), _undated(), LatencyState.UNKNOWN),
        # Not all jobs with a priority are looked at in the first read.
        (_undated("prioritized"), quiet(counts={"prioritized": 1}), LatencyState.UNKNOWN),
        (_undated("prioritized"), quiet(), LatencyState.OK),
    ],
)
def test_a_job_that_does_not_tell_since_when_it_waits_is_not_hidden_by_one_that_does(
    last: QueueFacts, first: QueueFacts, state: LatencyState
) -> None:
    assert _judge(last, replace(first, at_ms=NOW_MS - 2_500)).state is state


def test_over_now_is_said_apart() -> None:
    assert _judge(quiet(**waiting(3))).over_now
    assert not _judge(quiet(pick_ups=picked((100, 30)))).over_now


def _dated(job_id: str, by: str = "by its own timestamp") -> WaitingJob:
    """A job that says of itself that it has waited for an hour."""
    since_ms = NOW_MS - 3_600_000
    return WaitingJob(
        job_id=job_id, name="render", state="wait", since_ms=since_ms, age_s=3_600.0, since_by=by
    )


def test_an_earlier_read_of_a_jobs_own_timestamp_is_corrected_by_a_later_one() -> None:
    first = quiet(at_ms=NOW_MS - 2_000, waiting=(_dated("1"), _dated("2")), counts={"waiting": 2})
    picked_up = PickUp(at_ms=NOW_MS - 1_000, waited_ms=1_500, job_id="2")
    last = quiet(**waiting(1.5), pick_ups=(picked_up,))  # the job 1, by an event
    assert _judge(last, first).state is LatencyState.OK
    first = replace(first, waiting=(_dated("1"), _dated("2", by="")))
    assert _judge(last, first).state is LatencyState.BROKEN


def test_the_evidence_of_the_longest_wait_is_named() -> None:
    dated = quiet(waiting=(_dated("1"),), counts={"waiting": 1})
    assert _judge(dated).waiting_by == "by its own timestamp"
    assert _judge(quiet(**waiting(3))).waiting_by == ""


def test_a_job_may_be_unseen_only_out_of_order_and_among_others() -> None:
    one = waiting(1)
    assert not quiet(**one).waiting_unseen
    assert not quiet(**one, waiting_in_order=False).waiting_unseen
    many = {**one, "counts": {"waiting": 40}}
    assert not quiet(**many).waiting_unseen
    assert quiet(**many, waiting_in_order=False).waiting_unseen


seconds = st.integers(0, 500_000).map(lambda ms: ms / 1000)


@given(
    st.lists(st.tuples(seconds, seconds), max_size=20),
    st.one_of(st.none(), seconds),
)
def test_broken_means_that_some_job_was_late_in_every_step(
    pick_ups: list[tuple[float, float]], age_s: float | None
) -> None:
    facts = replace(
        quiet(**(waiting(age_s) if age_s is not None else {})), pick_ups=picked(*pick_ups)
    )
    judged = _judge(facts)
    assert 0 <= judged.over_s <= 300
    assert (judged.state is LatencyState.BROKEN) == (judged.over_s == 300)
    if judged.state in {LatencyState.OK, LatencyState.IDLE}:
        assert judged.observed_s is None or judged.observed_s <= 2
