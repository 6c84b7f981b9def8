"""Finds stalled jobs, by comparing two reads of a queue."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.judging.cause import NEXT_STEPS, Cause
from redis_runbook.probes.bullmq.facts import MS_PER_S, ActiveJob, QueueFacts
from redis_runbook.probes.bullmq.queues import READS_APART_S
from redis_runbook.probes.bullmq.workers import WorkerFacts

_RECOVERED_WITHIN_S: Final = 90
"""A lock lives 30 s and stall checks are at most 60 s apart: recovery cannot take longer."""


class StalledKind(enum.StrEnum):
    """What will happen to a job without a lock."""

    SUSPECT = "the stall check should recover it within 90 s"
    CHECK_BROKEN = "workers are there, but their stall check does not recover it"
    ABANDONED = "no worker is there to recover it"
    NOBODY_CAN = "its workers are frozen or take no jobs: nobody recovers it"


_STEPS: Final[Mapping[StalledKind, Sequence[str]]] = {
    StalledKind.SUSPECT: ["look again in 90 s, when a worker should have taken the jobs anew"],
    StalledKind.CHECK_BROKEN: ["restart the workers: `docker compose restart WORKERS`"],
    StalledKind.ABANDONED: NEXT_STEPS[Cause.NO_WORKER],
    StalledKind.NOBODY_CAN: NEXT_STEPS[Cause.NOT_CONSUMING],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledJob:
    """An active job without a lock; `running_s` is the time since it was picked up."""

    job_id: str
    name: str | None
    running_s: float | None
    kind: StalledKind


def stalled(
    first: QueueFacts, second: QueueFacts, workers: WorkerFacts
) -> tuple[StalledJob, ...] | None:
    """The active jobs that have no lock in either read and were not restarted between the reads.

    None: the reads are less than 2 s apart, so a job that just finished could look stalled.
    """
    apart_s = (second.at_ms - first.at_ms) / MS_PER_S
    if apart_s < READS_APART_S:
        return None
    unlocked_before = {_run_of(job) for job in first.active if job.lock_ms is None}
    has_stall_check = first.stall_check_ms is not None or second.stall_check_ms is not None
    found = []
    for job in second.active:
        if job.lock_ms is not None or _run_of(job) not in unlocked_before:
            continue
        started_long_ago = job.running_s is not None and job.running_s > _RECOVERED_WITHIN_S
        if workers.alive is False:
            kind = StalledKind.ABANDONED
        elif workers.known and not workers.at_work_at_most:
            kind = StalledKind.NOBODY_CAN
        elif apart_s > _RECOVERED_WITHIN_S or (started_long_ago and not has_stall_check):
            kind = StalledKind.CHECK_BROKEN
        else:
            kind = StalledKind.SUSPECT
        found.append(
            StalledJob(job_id=job.job_id, name=job.name, running_s=job.running_s, kind=kind)
        )
    return tuple(found)


def stalled_steps(jobs: Iterable[StalledJob]) -> Sequence[str]:
    """What to do about jobs without a lock, by what will happen to them."""
    return list(dict.fromkeys(step for job in jobs for step in _STEPS[job.kind]))


def _run_of(job: ActiveJob) -> tuple[str, int | None, int | None]:
    """What identifies one run of a job: a restarted job has another start count and time."""
    return job.job_id, job.starts, job.started_ms
