"""Are jobs being done? Runbook: 2. Monitoring & Alerts, 3.1, 3.3 and 4, Scenario A."""

from collections.abc import Mapping, Sequence
from typing import Final

from redis_runbook.check import Details, Judge, check
from redis_runbook.config.model import QueueLimits
from redis_runbook.judging.cause import Cause, cause
from redis_runbook.judging.queue_latency import LatencyState, judge_latency
from redis_runbook.judging.queue_text import counts, evidence, seconds
from redis_runbook.judging.stalled import orphaned, stalled
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.queues import ObservedQueue, QueuesFacts
from redis_runbook.session.subjects import Subject

_NEXT: Final[Mapping[Cause, Sequence[str]]] = {
    Cause.PAUSED: ["`queue.resume()` once the reason for the pause is gone"],
    Cause.NO_WORKER: ["start the workers (`pnpm compose:ps`, `pnpm compose:restart`)"],
    Cause.NOT_CONSUMING: ["restart the workers: they are connected and take no job"],
    Cause.RATE_LIMITED: ["raise the workers' `limiter`, or wait: jobs are held on purpose"],
    Cause.CONCURRENCY: ["raise the queue's global concurrency, or wait for the active jobs"],
    Cause.BUSY: ["add workers or concurrency, and look for jobs that take too long"],
    Cause.NOT_PROMOTED: ["restart the workers: only a worker's fetch promotes a due job"],
}


@check("queue.depth")
def test_depth(
    subject: Subject,
    discovery: Discovery,
    queues: QueuesFacts,
    queue_limits: QueueLimits,
    judge: Judge,
) -> None:
    """The queue exists, and no more jobs wait than its `depth` allows.

    Passes when the jobs that could be processed now are at most that many.
    Fails when there are more, or a configured queue has no key at all.
    Next: `redis-runbook queue show NAME`; the oldest job is at the right end (`LINDEX …:wait -1`).
        Add workers. `queue:drain` deletes the backlog, it does not work it off.
    """
    queue = queues.by_name.get(subject.queue or "")
    if queue is None:
        judge.fails(f"no such queue: {subject.queue}; found: {discovery.titles}")
    if queue.deleted:
        judge.unknown(f"{subject.name} was deleted while it was looked at")
    backlog, shown = queue.last.counts.backlog, counts(queue.last)
    if queue_limits.depth is None:
        judge.not_applicable(f"no depth is configured for {subject.name}; it has {shown}")
    if backlog is None:
        judge.unknown(f"how many jobs wait in {subject.name} cannot be read; it has {shown}")
    judge.passes_if(
        backlog <= queue_limits.depth,
        f"{backlog} jobs wait in {subject.name} (limit {queue_limits.depth}); it has {shown}",
        observed=backlog,
        limit=queue_limits.depth,
        evidence=evidence(queue),
    )


@check("queue.latency")
def test_latency(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """No job waits longer than 2 s to be picked up, for 5 minutes.

    Passes when no job that could be processed waits longer, or did in the window.
    Fails when one did at every moment of the window (or does now, with `strict_now`); over the
        limit in part is a warning.
    Next: `redis-runbook queue show NAME`, and remove the cause that the message names.
    """
    why = cause(queue.last, queue.workers)
    if queue.last.paused and queue_limits.paused_ok:
        judge.not_applicable(f"{subject.name} is paused, as the configuration allows")
    judged = judge_latency(
        queue.last,
        limit_s=queue_limits.latency_s,
        window_s=queue_limits.latency_for_s,
        earlier=[queue.first],
    )
    if judged.state is LatencyState.UNKNOWN:
        unread = "; ".join(queue.last.problems) or "no job tells since when it waits"
        judge.unknown(f"how long jobs of {subject.name} wait is not known: {unread}")
    if judged.state is LatencyState.IDLE or judged.observed_s is None:
        judge.passes(f"{subject.name} is idle: no job waits, and none was picked up")
    sentence = (
        f"jobs of {subject.name} waited up to {seconds(judged.observed_s)} (limit "
        f"{queue_limits.latency_s:g} s), now {seconds(judged.waiting_s or 0)}"
        + (f": {why}" if judged.over_now else "")
        + f"; over the limit for {judged.over_s:g} s of {judged.window_s:g} s"
    )
    if judged.pick_ups:
        sentence += (
            f"; {judged.pick_ups} pick-ups, p50 {judged.p50_s:.3f}, p95 {judged.p95_s:.3f}, max "
            f"{judged.max_s:.3f} s"
        )
    details: Details = {
        "observed": judged.observed_s,
        "limit": queue_limits.latency_s,
        "evidence": evidence(queue),
        "next_steps": _NEXT.get(why, ()),
    }
    broken = judged.state is LatencyState.BROKEN or (judged.over_now and queue_limits.strict_now)
    if judged.state is LatencyState.PARTLY and not broken:
        judge.advise(sentence, **details)
    judge.passes_if(not broken, sentence, **details)


@check("queue.workers")
def test_workers(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """Enough workers really take jobs: connected is not enough.

    Passes when at least workers_min of them consume, are busy, or wait for the rate limit.
    Fails when fewer do.
    Next: `pnpm compose:ps`, `pnpm compose:logs`; restart workers that are connected and idle, and
        watch their log for `Queue connection restored`.
    """
    workers, wanted = queue.workers, queue_limits.workers_min
    if not workers.known:
        if wanted == 0 or (wanted == 1 and workers.alive):
            judge.passes(f"{subject.name} has a worker or needs none: {workers.because}")
        if not workers.alive or wanted > 1:
            judge.unknown(f"the workers of {subject.name} cannot be counted: {workers.because}")
    enough = workers.at_work >= wanted
    if not enough and not workers.settled:
        judge.unknown(
            f"{workers.at_work} workers of {subject.name} take jobs so far (at least {wanted}): "
            f"{workers.because or 'others are still connecting'}"
        )
    judge.passes_if(
        enough,
        f"{workers.at_work} of {len(workers.workers)} connected workers of {subject.name} take "
        f"jobs (at least {wanted})",
        observed=workers.at_work,
        limit=wanted,
        evidence=evidence(queue),
    )


@check("queue.overdue")
def test_overdue(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """No delayed job is past due by more than the grace.

    Passes when every delayed job is due later, or was promoted in time.
    Fails when one is still delayed after that: only a worker's fetch promotes it.
    Next: start or free a worker; to move jobs by hand, `pnpm --filter api run queue:promote NAME`.
    """
    overdue_s = queue.last.overdue_s
    if overdue_s is None:
        judge.unknown(f"whether jobs of {subject.name} are overdue cannot be read")
    if queue.last.paused and queue_limits.paused_ok:
        judge.not_applicable(f"{subject.name} is paused, as the configuration allows")
    why = cause(queue.last, queue.workers)
    late = overdue_s > queue_limits.overdue_grace_s
    judge.passes_if(
        not late,
        f"the most overdue delayed job of {subject.name} is {seconds(overdue_s)} past due (grace "
        f"{queue_limits.overdue_grace_s:g} s)" + (f": {why}" if late else ""),
        observed=overdue_s,
        limit=queue_limits.overdue_grace_s,
        evidence=evidence(queue),
        next_steps=_NEXT.get(why, ()),
    )


@check("queue.stalled")
def test_stalled(subject: Subject, queue: ObservedQueue, judge: Judge) -> None:
    """No active job is without a lock: its worker would be gone.

    Passes when every active job that was seen is locked, in one of two readings 2 s apart.
    Fails when one is not; the message says whether it will be recovered.
    Next: look for workers that were killed or ran out of memory; where no stall check recovers the
        jobs, start a worker.
    """
    found = stalled(queue.first, queue.last, queue.workers)
    if found is None:
        judge.unknown(f"{subject.name} was not read twice, 2 s apart")
    if queue.last.counts.active is None:
        judge.unknown(f"the active jobs of {subject.name} cannot be read")
    kinds = ", ".join(sorted({str(job.kind) for job in found}))
    seen = "" if queue.last.active_seen_all else f" of the {len(queue.last.active)} oldest"
    judge.passes_if(
        not found,
        f"{len(found)}{seen} active jobs of {subject.name} have no lock"
        + (f": {kinds}" if found else ""),
        observed=len(found),
        limit=0,
        evidence={
            **evidence(queue),
            "stalled": [f"{job.job_id} ({job.name}), {seconds(job.running_s)}" for job in found],
        },
    )


@check("queue.schedulers")
def test_schedulers(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """Every job scheduler's next run lies ahead, and its job exists.

    Passes when both are so for every scheduler that was seen.
    Fails when a run is past due beyond the grace (stopped), or its job is gone (orphaned).
    Next: start a worker for a stopped scheduler; `upsertJobScheduler` again for an orphaned one,
        which no worker revives.
    """
    facts = queue.last
    if facts.schedulers_total is None:
        judge.unknown(f"the schedulers of {subject.name} cannot be read")
    if not facts.schedulers_total:
        judge.not_applicable(f"{subject.name} has no job scheduler")
    orphans = {scheduler.scheduler_id for scheduler in orphaned(queue.first, facts)}
    stopped = {
        scheduler.scheduler_id
        for scheduler in facts.schedulers
        if not scheduler.finished and scheduler.overdue_s > queue_limits.overdue_grace_s
    } - orphans
    problems = [f"{scheduler_id} is orphaned" for scheduler_id in sorted(orphans)]
    problems += [f"{scheduler_id} has stopped" for scheduler_id in sorted(stopped)]
    judge.passes_if(
        not problems,
        f"{facts.schedulers_total} job schedulers of {subject.name}: "
        + (", ".join(problems[:10]) or "each has its next run ahead"),
        observed=len(problems),
        limit=0,
        evidence=evidence(queue),
    )


@check("queue.failures")
def test_failures(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """No more jobs failed in the last hour than failed_per_hour.

    Passes when at most that many did.
    Fails when more did.
    Next: read the reasons in the evidence, repair their cause, then retry the failed jobs.
    """
    failed = queue.last.failed_last_hour
    if failed is None:
        judge.unknown(f"how many jobs of {subject.name} failed cannot be read")
    judge.passes_if(
        failed <= queue_limits.failed_per_hour,
        f"{failed} jobs of {subject.name} failed in the last hour (limit "
        f"{queue_limits.failed_per_hour}), {queue.last.counts.failed} are kept",
        observed=failed,
        limit=queue_limits.failed_per_hour,
        evidence=evidence(queue),
    )


@check("queue.paused")
def test_paused(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """The queue is not paused, unless `paused_ok` says that it may be.

    Passes when workers may take jobs.
    Fails when the queue is paused for all of them.
    Next: `queue.resume()` once the reason for the pause is gone.
    """
    if queue.last.paused and queue_limits.paused_ok:
        judge.not_applicable(f"{subject.name} is paused, as the configuration allows")
    judge.passes_if(
        not queue.last.paused,
        f"{subject.name} is {'paused' if queue.last.paused else 'not paused'}; it has "
        f"{counts(queue.last)}",
    )
