"""Which job schedulers of a queue have stopped, are orphaned, or are only late."""

from collections.abc import Iterable
from dataclasses import dataclass

from redis_runbook.judging.cause import HOLDS_SCHEDULERS, Cause
from redis_runbook.probes.bullmq.facts import QueueFacts, Scheduler
from redis_runbook.redact import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulersJudgement:
    """The ids of the schedulers that will not run by themselves, and of those that run later.

    The next job of an orphan is gone, and no worker revives it. A stopped one is overdue without a
    reason that holds the queue's jobs too; one that is held has such a reason.
    """

    orphaned: tuple[str, ...]
    stopped: tuple[str, ...]
    held: tuple[str, ...]


def judge_schedulers(
    first: QueueFacts, second: QueueFacts, why: Cause, *, grace_s: float
) -> SchedulersJudgement:
    """Judge the schedulers of the second read; one counts as orphaned if it is in both reads."""
    orphans = {scheduler.scheduler_id for scheduler in orphaned(first, second)}
    late = {
        scheduler.scheduler_id
        for scheduler in second.schedulers
        if not scheduler.finished and scheduler.overdue_s > grace_s
    }
    late_ids = _shown(late - orphans)
    is_held = why in HOLDS_SCHEDULERS
    return SchedulersJudgement(
        orphaned=_shown(orphans),
        stopped=() if is_held else late_ids,
        held=late_ids if is_held else (),
    )


def _shown(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(printable, sorted(ids)))


def orphaned(first: QueueFacts, second: QueueFacts) -> tuple[Scheduler, ...]:
    """The schedulers whose next job exists in neither read: no worker ever revives them."""
    orphaned_before = {
        (scheduler.scheduler_id, scheduler.next_run_ms)
        for scheduler in first.schedulers
        if _is_orphan(scheduler)
    }
    return tuple(
        scheduler
        for scheduler in second.schedulers
        if _is_orphan(scheduler)
        and (scheduler.scheduler_id, scheduler.next_run_ms) in orphaned_before
    )


def _is_orphan(scheduler: Scheduler) -> bool:
    return scheduler.job_exists is False and not scheduler.finished
