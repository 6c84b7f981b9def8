"""Whether somebody does the work that a queue has, and whether it is too early to say."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.judging.cause import NEXT_STEPS, Cause
from redis_runbook.judging.queue_latency import undated
from redis_runbook.judging.queue_text import seconds, without_lock
from redis_runbook.judging.stalled import stalled
from redis_runbook.probes.bullmq.queues import ObservedQueue
from redis_runbook.probes.bullmq.worker_states import last_pick_up_s
from redis_runbook.probes.bullmq.workers import WorkerFacts
from redis_runbook.words import counted

_OF_LATE_S: Final = 300


class Staffing(enum.Enum):
    """Whether as many workers as are needed take jobs."""

    ENOUGH = enum.auto()
    TOO_FEW = enum.auto()
    UNKNOWN = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffingJudgement:
    """The conclusion, and why nothing can be concluded (empty otherwise)."""

    staffing: Staffing
    because: str = ""


def judge_staffing(workers: WorkerFacts, needed: int) -> StaffingJudgement:
    """Compare the workers that take jobs with those that are needed.

    Doubts count in neither direction: a worker that may be frozen, that may be reconnecting, or
    whose connection carries no name makes the answer unknown where it would decide it.
    """
    if workers.at_work >= needed or (not workers.known and workers.alive and needed <= 1):
        return StaffingJudgement(staffing=Staffing.ENOUGH)
    if reconnecting := _reconnecting(workers):
        because = reconnecting
    elif not workers.known:
        because = workers.because
    elif not workers.settled:
        because = "others are still connecting"
    elif workers.at_work_at_most >= needed:
        because = workers.because or "others are busy or frozen, which cannot be told apart"
    else:
        return StaffingJudgement(staffing=Staffing.TOO_FEW)
    return StaffingJudgement(staffing=Staffing.UNKNOWN, because=because)


def staffing_sentence(
    workers: WorkerFacts, queue: str, needed: int, *, work: str, before: int = 0, reason: str = ""
) -> str:
    """`0 of 0 connected workers of render take jobs (at least 1)`, with the work that waits.

    Or with how many were there `before`, if that is why one is needed.
    """
    sentence = (
        f"{workers.at_work} of {counted(len(workers.workers), 'connected worker')} of {queue} "
        f"{'takes' if workers.at_work == 1 else 'take'} jobs (at least {needed})"
    )
    if work and needed and not workers.at_work:
        sentence = f"{work} in {queue}, and nobody takes them: {sentence}"
    elif before and needed and not workers.at_work:
        had = counted(before, "was connected", "were connected")
        sentence = f"{sentence}: {had} in the snapshot"
    elif workers.unnamed_at_work:
        sentence = f"{sentence}: {workers.because}"
    return f"{sentence}: {reason}" if reason else sentence


def unserved(queue: ObservedQueue) -> str:
    """`: why somebody should be there` although no job waits; empty where nobody need or may be."""
    facts, workers = queue.last, queue.workers
    if facts.paused or workers.at_work_at_most or (not workers.known and workers.alive):
        return ""
    there_for = [
        counted(count, f"{state} job")
        for count, state in ((facts.counts.active, "active"), (facts.counts.delayed, "delayed"))
        if count
    ]
    if there_for:
        nobody = "nobody is" if workers.known else "nobody may be"
        return f": {nobody} there for {' and '.join(there_for)}"
    taken_s = last_pick_up_s(facts)
    if workers.known and taken_s is not None and taken_s <= _OF_LATE_S:
        return f": somebody took jobs until {seconds(taken_s)} ago, and nobody is there now"
    return ""


def staffing_steps(workers: WorkerFacts) -> Sequence[str]:
    """What to do where too few workers take jobs: one that is not there cannot be restarted."""
    if not workers.workers and not workers.at_work:
        return NEXT_STEPS[Cause.NO_WORKER]
    if workers.at_work < len(workers.workers):
        return NEXT_STEPS[Cause.NOT_CONSUMING]
    return ["start more workers, as each of these takes jobs: `docker compose up -d WORKERS`"]


def still_reconnecting(queue: ObservedQueue) -> str:
    """Why nobody may be at work yet: after a restart workers need up to 25 s to come back.

    Empty where somebody is at work, everybody had the time, or the queue is paused: then nobody is
    to work.
    """
    return "" if queue.last.paused else _reconnecting(queue.workers)


def _reconnecting(workers: WorkerFacts) -> str:
    if workers.at_work or not workers.reconnecting:
        return ""
    return f"workers may still be reconnecting: {workers.reconnecting}"


def unattended_work(queue: ObservedQueue, *, longer_than_s: float) -> str:
    """The work that has waited for longer than that: `12 jobs wait, the oldest for 3.1 min`.

    Empty where there is none, or the queue is paused: then nobody is to do it.
    """
    facts, parts = queue.last, []
    if facts.paused:
        return ""
    backlog, wait_s = facts.counts.backlog, facts.longest_wait_s
    waiting = counted(backlog or 0, "job waits", "jobs wait")
    if backlog and wait_s is not None and wait_s > longer_than_s:
        parts.append(f"{waiting}, the oldest for {seconds(wait_s)}")
    elif backlog and wait_s is None and queue.first.counts.backlog:
        parts.append(f"{waiting}, nobody knows since when")
    elif unknown := undated(facts, [queue.first], longer_than_s=longer_than_s):
        some = "one of them does" if len(unknown) == 1 else f"{len(unknown)} of them do"
        parts.append(f"{waiting}, nobody knows since when {some}")
    elif facts.overdue_s is not None and facts.overdue_s > longer_than_s:
        parts.append(f"a delayed job is {seconds(facts.overdue_s)} past due")
    unlocked = stalled(queue.first, facts, queue.workers) or ()
    if any((job.running_s or 0.0) > longer_than_s for job in unlocked):
        parts.append(without_lock(len(unlocked)))
    return " and ".join(parts)
