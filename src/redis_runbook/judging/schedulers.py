"""Which job schedulers of a queue have stopped, are orphaned, or are only late."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.judging.cause import HOLDS_SCHEDULERS, NEXT_STEPS, Cause
from redis_runbook.judging.queue_text import looked_at
from redis_runbook.probes.bullmq.facts import QueueFacts, Scheduler
from redis_runbook.redact import printable
from redis_runbook.words import counted

_NAMED: Final = 10
_NEXT_IS_NOT_MADE: Final = (
    "see `queue.stalled`: the worker that took its last job may be gone, and made no next one",
    "restart the workers, one of which takes that job anew: `docker compose restart WORKERS`",
    "call `upsertJobScheduler` again if it still makes no job",
)
"""Nothing keeps its job from a worker, as far as is known: so it is being done, by one or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulersJudgement:
    """The ids of the schedulers that will not run by themselves, and of those that run later.

    The next job of an orphan is gone, and no worker revives it. A stopped one is overdue without a
    reason that holds the queue's jobs too; one that is held has such a reason.
    """

    orphaned: tuple[str, ...]
    stopped: tuple[str, ...]
    held: tuple[str, ...]

    def sentence(self, facts: QueueFacts, queue: str, why: Cause) -> str:
        """`2 job schedulers of render: tick is orphaned`; `why` is the cause of a late run."""
        problems = [f"{scheduler_id} is orphaned" for scheduler_id in self.orphaned]
        problems += [f"{scheduler_id} has stopped: {why}" for scheduler_id in self.stopped]
        late = f"{counted(len(self.held), 'is', 'are')} late: {why}" if self.held else ""
        found = ", ".join(problems[:_NAMED]) or late or "each has its next run ahead"
        partial = looked_at(facts.schedulers_seen, facts.schedulers_total)
        schedulers = counted(facts.schedulers_total or 0, "job scheduler")
        return f"{schedulers} of {queue}: {found}{partial}"

    def steps(self, why: Cause) -> Sequence[str]:
        """What to do about those that will not run by themselves."""
        again = ["call `upsertJobScheduler` again for what is orphaned: no worker revives it"]
        return [
            *(NEXT_STEPS.get(why, _NEXT_IS_NOT_MADE) if self.stopped else ()),
            *(again if self.orphaned else ()),
        ]


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
