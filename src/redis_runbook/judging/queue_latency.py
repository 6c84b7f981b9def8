"""Whether jobs waited too long throughout the window, in part of it, now, or not at all.

The queue is over the limit at a moment when some job has been ready for longer than the limit. A
job that was picked up is evidence up to its pick-up, and a job that still waits is evidence up to
now. So one read of the event stream and of the queue's ends covers the whole window.
"""

import enum
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redis_runbook.judging.window import step_edges
from redis_runbook.probes.bullmq.facts import MS_PER_S, PickUp, QueueFacts, WaitingJob
from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.latency.recording import Span


class LatencyState(enum.StrEnum):
    """The state of the queue's latency over the window."""

    BROKEN = "over throughout"
    PARTLY = "over in part"
    OK = "ok"
    UNSEEN = "over as far as its events were read"
    IDLE = "idle"
    UNKNOWN = "no evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyJudgement:
    """The state, and the numbers behind it.

    `seen_s` is how much of the window the events cover, None if there are no events. `observed_s`
    is the longest wait of any job that waits now or was picked up in the window;
    `waiting_s` is the longest wait of a job that waits now, known `waiting_by` other evidence than
    the server's clock where that is not empty. `over_s` adds up the steps of the window that were
    over the limit. The percentiles are those of the pick-ups (nearest rank); they are None if there
    was no pick-up.
    """

    state: LatencyState
    window_s: float
    seen_s: float | None
    observed_s: float | None
    waiting_s: float | None
    waiting_by: str
    over_now: bool
    over_s: float
    pick_ups: int
    p50_s: float | None
    p95_s: float | None
    max_s: float | None


def judge_latency(
    facts: QueueFacts,
    *,
    limit_s: float,
    window_s: float,
    earlier: Sequence[QueueFacts] = (),
) -> LatencyJudgement:
    """Judge the window that ends with this read; earlier reads fill gaps in its history."""
    reads = (*earlier, facts)
    start_ms = facts.at_ms - round(window_s * MS_PER_S)
    pick_ups = _pick_ups(reads, start_ms)
    waits = [
        *((pick.since_ms, pick.at_ms) for pick in pick_ups),
        *((job.since_ms, facts.at_ms) for job in facts.waiting if job.since_ms is not None),
        *_waits_before(earlier, facts),
    ]
    over_spans: list[Span] = [
        ((since - start_ms) / MS_PER_S + limit_s, (until - start_ms) / MS_PER_S)
        for since, until in waits
        if until - since > limit_s * MS_PER_S
    ]
    steps = list(itertools.pairwise(step_edges(window_s)))
    over_steps = [step for step in steps if any(_overlap(step, span) for span in over_spans)]
    seen_s = _seen_s(reads, start_ms, window_s)
    waiting_s = facts.longest_wait_s
    waited_s = sorted(pick.waited_ms / MS_PER_S for pick in pick_ups)
    longest = [wait for wait in (waiting_s, *waited_s[-1:]) if wait is not None]
    if len(over_steps) == len(steps):
        state = LatencyState.BROKEN
    elif _over_where_seen(over_steps, steps, seen_s):
        state = LatencyState.UNSEEN
    elif over_steps:
        state = LatencyState.PARTLY
    elif not is_known(facts) or undated(facts, earlier, longer_than_s=limit_s):
        state = LatencyState.UNKNOWN
    else:
        state = LatencyState.OK if longest else LatencyState.IDLE
    return LatencyJudgement(
        state=state,
        window_s=window_s,
        seen_s=seen_s,
        observed_s=max(longest, default=None),
        waiting_s=waiting_s,
        waiting_by=next((job.since_by for job in facts.waiting if job.age_s is not None), ""),
        over_now=waiting_s is not None and waiting_s > limit_s,
        over_s=sum(end - start for start, end in over_steps),
        pick_ups=len(waited_s),
        p50_s=percentile(waited_s, 0.50) if waited_s else None,
        p95_s=percentile(waited_s, 0.95) if waited_s else None,
        max_s=waited_s[-1] if waited_s else None,
    )


def _pick_ups(reads: Sequence[QueueFacts], start_ms: int) -> list[PickUp]:
    """The window's pick-ups, each counted once even if several reads contain it.

    Reads reach back differently far: the first one has few events, to spare the server.
    """
    picks = (pick for read in reads for pick in read.pick_ups if pick.at_ms > start_ms)
    return list({(pick.job_id, pick.at_ms): pick for pick in picks}.values())


def _seen_s(reads: Sequence[QueueFacts], start_ms: int, window_s: float) -> float | None:
    """How much of the window's end the events of all reads cover; None: there are no events."""
    last = reads[-1]
    begin_ms = last.history_from_ms
    if begin_ms is None:
        return None
    for read in reversed(reads):
        if read.history_from_ms is not None and read.at_ms >= begin_ms:
            begin_ms = min(begin_ms, read.history_from_ms)
    return min(window_s, (last.at_ms - max(start_ms, begin_ms)) / MS_PER_S)


def _over_where_seen(over: Sequence[Span], steps: Sequence[Span], seen_s: float | None) -> bool:
    """Whether every step that the events cover was over, and there are steps that they do not."""
    if seen_s is None or seen_s >= steps[-1][1] - steps[0][0]:
        return False
    seen = [step for step in steps if step[0] >= steps[-1][1] - seen_s]
    return bool(over) and all(step in over for step in seen or steps[-1:])


def _waits_before(earlier: Sequence[QueueFacts], last: QueueFacts) -> Iterator[tuple[int, int]]:
    """From when to when jobs waited in earlier reads.

    Where such a read had no better evidence than a job's own timestamp, the last read may have.
    """
    known_since_ms = {job.job_id: job.since_ms for job in last.waiting if job.since_ms is not None}
    known_since_ms |= {pick.job_id: pick.since_ms for pick in last.pick_ups}
    for read in earlier:
        for job in read.waiting:
            if job.since_ms is not None:
                since = (
                    max(job.since_ms, known_since_ms.get(job.job_id, 0))
                    if job.since_by
                    else job.since_ms
                )
                yield since, read.at_ms


def _overlap(step: Span, span: Span) -> bool:
    return span[0] < step[1] and step[0] < span[1]


def undated(
    facts: QueueFacts, earlier: Sequence[QueueFacts], *, longer_than_s: float
) -> Sequence[WaitingJob]:
    """The jobs that do not tell since when they wait, and may have waited for longer than that.

    A job that has just begun to wait is told by its event. One of which the events of that time
    say nothing, or that an earlier read has seen, or may have passed over, is not of now.
    """
    from_ms = facts.history_from_ms
    would_be_told = from_ms is not None and facts.at_ms - from_ms > longer_than_s * MS_PER_S
    seen = {job.job_id for read in earlier for job in read.waiting}
    passed_over = any(read.counts.prioritized for read in earlier)
    return [
        job
        for job in facts.waiting
        if job.age_s is None
        and (would_be_told or job.job_id in seen or (passed_over and job.state == "prioritized"))
    ]


def is_known(facts: QueueFacts) -> bool:
    """Whether the present wait is known: no job waits, or a waiting job's age is known."""
    backlog = facts.counts.backlog
    if backlog is None or facts.overdue_s is None:
        return False
    return facts.longest_wait_s is not None or (backlog == 0 and not facts.waiting)
