"""Whether jobs waited too long throughout the window, in part of it, now, or not at all.

At any moment of the window the queue was over the limit when some job had been ready for longer
than that. A job that was picked up shows it up to then, one that still waits shows it up to now: a
single read of the stream and of the queue's ends tells the whole window's story.
"""

import enum
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from redis_runbook.judging.window import step_edges
from redis_runbook.probes.bullmq.facts import MS_PER_S, PickUp, QueueFacts
from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.latency.recording import Span


class LatencyState(enum.StrEnum):
    """What the evidence amounts to."""

    BROKEN = "over throughout"
    PARTLY = "over in part"
    OK = "ok"
    IDLE = "idle"
    UNKNOWN = "no evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyJudgement:
    """The state, and the numbers behind it.

    `observed_s` is the longest wait, of a job that waits now or of one picked up in the window.
    `over_s` is how much of the window was over the limit, in steps. The percentiles are those of
    the pick-ups (nearest rank), None without any.
    """

    state: LatencyState
    window_s: float
    observed_s: float | None
    waiting_s: float | None
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
    """Judge the window that ends with this read; earlier reads add what its history lacks."""
    reads = (*earlier, facts)
    start_ms = facts.at_ms - round(window_s * MS_PER_S)
    pick_ups = _pick_ups(reads, start_ms)
    waits = [
        *((pick.since_ms, pick.at_ms) for pick in pick_ups),
        *(
            (job.since_ms, read.at_ms)
            for read in reads
            for job in read.waiting
            if job.since_ms is not None
        ),
    ]
    over: list[Span] = [
        ((since - start_ms) / MS_PER_S + limit_s, (until - start_ms) / MS_PER_S)
        for since, until in waits
        if until - since > limit_s * MS_PER_S
    ]
    steps = list(itertools.pairwise(step_edges(window_s)))
    over_steps = [step for step in steps if any(_meet(step, span) for span in over)]
    waiting_s = facts.longest_wait_s
    waited_s = sorted(pick.waited_ms / MS_PER_S for pick in pick_ups)
    longest = [wait for wait in (waiting_s, *waited_s[-1:]) if wait is not None]
    if len(over_steps) == len(steps):
        state = LatencyState.BROKEN
    elif over_steps:
        state = LatencyState.PARTLY
    elif not is_known(facts):
        state = LatencyState.UNKNOWN
    else:
        state = LatencyState.OK if longest else LatencyState.IDLE
    return LatencyJudgement(
        state=state,
        window_s=window_s,
        observed_s=max(longest, default=None),
        waiting_s=waiting_s,
        over_now=waiting_s is not None and waiting_s > limit_s,
        over_s=sum(end - start for start, end in over_steps),
        pick_ups=len(waited_s),
        p50_s=percentile(waited_s, 0.50) if waited_s else None,
        p95_s=percentile(waited_s, 0.95) if waited_s else None,
        max_s=waited_s[-1] if waited_s else None,
    )


def _pick_ups(reads: Sequence[QueueFacts], start_ms: int) -> list[PickUp]:
    """The window's pick-ups, each once although several reads may tell of it."""
    known: list[PickUp] = []
    until = start_ms
    for read in reads:
        known += [pick for pick in read.pick_ups if pick.at_ms > until]
        until = max(until, read.at_ms)
    return known


def _meet(step: Span, span: Span) -> bool:
    return span[0] < step[1] and step[0] < span[1]


def is_known(facts: QueueFacts) -> bool:
    """Whether it can be told how long jobs wait now: none does, or one of known age."""
    backlog = facts.counts.backlog
    if backlog is None or facts.overdue_s is None:
        return False
    return facts.longest_wait_s is not None or (backlog == 0 and not facts.waiting)
