"""Jobs whose worker is gone, and schedulers whose job is: both need two reads to be sure."""

import enum
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.bullmq.facts import MS_PER_S, ActiveJob, QueueFacts, Scheduler
from redis_runbook.probes.bullmq.queues import READS_APART_S
from redis_runbook.probes.bullmq.workers import WorkerFacts

_RECOVERED_WITHIN_S: Final = 90
"""A lock lives 30 s, and two stall checks are at most 60 s apart: what lasts longer is broken."""


class StalledKind(enum.StrEnum):
    """What will become of a job without a lock."""

    SUSPECT = "the stall check should recover it within 90 s"
    CHECK_BROKEN = "workers are there, but their stall check does not recover it"
    ABANDONED = "no worker is there to recover it"


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledJob:
    """An active job that nobody holds a lock on; `running_s` since it was picked up."""

    job_id: str
    name: str | None
    running_s: float | None
    kind: StalledKind


def stalled(
    first: QueueFacts, second: QueueFacts, workers: WorkerFacts
) -> tuple[StalledJob, ...] | None:
    """The active jobs without a lock in both reads and not started again between them.

    None: the reads are less than 2 s apart, so a job that just finished could be taken for one.
    """
    apart_s = (second.at_ms - first.at_ms) / MS_PER_S
    if apart_s < READS_APART_S:
        return None
    before = {
        (job.job_id, job.starts, job.started_ms) for job in first.active if job.lock_ms is None
    }
    checks = first.stall_check_ms is not None or second.stall_check_ms is not None
    found = []
    for job in second.active:
        if job.lock_ms is not None or _run(job) not in before:
            continue
        long_ago = job.running_s is not None and job.running_s > _RECOVERED_WITHIN_S
        if workers.alive is False:
            kind = StalledKind.ABANDONED
        elif apart_s > _RECOVERED_WITHIN_S or (long_ago and not checks):
            kind = StalledKind.CHECK_BROKEN
        else:
            kind = StalledKind.SUSPECT
        found.append(
            StalledJob(job_id=job.job_id, name=job.name, running_s=job.running_s, kind=kind)
        )
    return tuple(found)


def _run(job: ActiveJob) -> tuple[str, int | None, int | None]:
    """Which run of which job this is."""
    return job.job_id, job.starts, job.started_ms


def orphaned(first: QueueFacts, second: QueueFacts) -> tuple[Scheduler, ...]:
    """The schedulers whose next job does not exist in both reads: no worker ever revives them."""
    before = {(one.scheduler_id, one.next_run_ms) for one in first.schedulers if _is_orphan(one)}
    return tuple(
        one
        for one in second.schedulers
        if _is_orphan(one) and (one.scheduler_id, one.next_run_ms) in before
    )


def _is_orphan(scheduler: Scheduler) -> bool:
    return scheduler.job_exists is False and not scheduler.finished
