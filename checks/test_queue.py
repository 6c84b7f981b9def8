"""Are jobs being done? Runbook: 2. Monitoring & Alerts, 3.1, 3.3 and 4, Scenario A."""

from redis_runbook.check import Details, Judge, check
from redis_runbook.config.model import QueueLimits
from redis_runbook.judging import queue_text as text
from redis_runbook.judging.cause import NEXT_STEPS, NO_SUCH_QUEUE, NOTHING_WAITS_NOW, cause
from redis_runbook.judging.failures import failures
from redis_runbook.judging.queue_latency import LatencyState, judge_latency
from redis_runbook.judging.schedulers import judge_schedulers
from redis_runbook.judging.staffing import (
    Staffing,
    judge_staffing,
    staffing_sentence,
    staffing_steps,
    still_reconnecting,
    unattended_work,
    unserved,
)
from redis_runbook.judging.stalled import stalled, stalled_steps
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.queues import ObservedQueue, QueuesFacts
from redis_runbook.session.subjects import Subject
from redis_runbook.words import counted


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
    Why: a backlog grows into delays that users see, and into memory.
    Next: 1. `redis-runbook queue show NAME`. If no such queue exists, correct the name.
        2. Add workers; `queue:drain` deletes the backlog.
    """
    queue = queues.by_name.get(subject.queue or "")
    if queue is None:
        meant = discovery.did_you_mean(subject.configured_as)
        judge.fails(
            f"no such queue: {subject.name}; found: {discovery.titles}{meant}",
            next_steps=NO_SUCH_QUEUE,
            only_these_steps=True,
        )
    if queue.deleted:
        judge.unknown(f"{subject.name} was deleted while it was looked at")
    backlog, shown = queue.last.counts.backlog, text.counts(queue.last)
    if queue_limits.depth is None:
        judge.not_applicable(f"no depth is configured for {subject.name}; it has {shown}")
    if backlog is None:
        judge.unknown(f"how many jobs wait in {subject.name} cannot be read; it has {shown}")
    judge.passes_if(
        backlog <= queue_limits.depth,
        f"{counted(backlog, 'job waits', 'jobs wait')} in {subject.name} (limit "
        f"{queue_limits.depth}); it has {shown}",
        observed=backlog,
        limit=queue_limits.depth,
        evidence=text.evidence(queue),
    )


@check("queue.latency")
def test_latency(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """No job waits longer than 2 s to be picked up, for 5 minutes.

    Passes when no job that could be processed waits longer, or did in the window.
    Fails when one did at every moment of the window (or does now, with `strict_now`); over the
        limit in part is a warning, and so are jobs that a bounded read may have missed; over as far
        as the queue's events were read is unknown.
    Why: it is what a user waits before anything happens.
    Next: `redis-runbook queue show NAME` tells which jobs wait, and since when.
    """
    why = cause(queue.last, queue.workers)
    _leave_out_if_paused_as_allowed(subject, queue, queue_limits, judge)
    limit_s, window_s = queue_limits.latency_s, queue_limits.latency_for_s
    judged = judge_latency(queue.last, limit_s=limit_s, window_s=window_s, earlier=[queue.first])
    if judged.state is LatencyState.UNKNOWN:
        unread = "; ".join(queue.last.problems) or text.undated(queue.last)
        judge.unknown(f"how long jobs of {subject.name} wait is not known: {unread}")
    if judged.state is LatencyState.IDLE or judged.observed_s is None:
        judge.passes(f"{subject.name} is idle: no job waits, {text.picked_up_text(judged)}")
    waited = text.waits(judged, queue.last, limit_s=limit_s, why=why)
    sentence = f"jobs of {subject.name} {waited}"
    details: Details = {
        "observed": judged.observed_s,
        "limit": limit_s,
        "evidence": text.evidence(queue),
        "next_steps": NEXT_STEPS.get(why, ()),
    }
    if judged.over_s and queue.last.counts.backlog == 0 and not judged.over_now:
        details |= {"next_steps": NOTHING_WAITS_NOW, "only_these_steps": True}
    if judged.over_now and (reconnecting := still_reconnecting(queue)):
        judge.unknown(f"{sentence}; {reconnecting}", **details)
    broken = judged.state is LatencyState.BROKEN or (judged.over_now and queue_limits.strict_now)
    if judged.state is LatencyState.UNSEEN and not broken:
        judge.unknown(f"{sentence}, throughout which it was over", **details)
    if not broken and (judged.state is LatencyState.PARTLY or queue.last.waiting_unseen):
        judge.advise(sentence, **details)
    judge.passes_if(not broken, sentence, **details)


@check("queue.workers")
def test_workers(
    subject: Subject,
    queue: ObservedQueue,
    queue_limits: QueueLimits,
    workers_before: int,
    judge: Judge,
) -> None:
    """Enough workers really take jobs: connected is not enough.

    Passes when at least workers_min of them consume, are busy, or wait for the rate limit. A queue
        that is not listed needs one while jobs wait, or if `--baseline` had one.
    Fails when fewer do. That nobody is there for active or delayed jobs, or any more, warns.
    Why: without a consuming worker no job is done, however healthy Redis is.
    Next: 1. `docker compose ps WORKERS`. 2. `docker compose up -d WORKERS` where they do not run.
        3. `docker compose restart WORKERS` where they do; `docker compose logs WORKERS` tells why.
    """
    workers, wanted = queue.workers, queue_limits.workers_min
    work = unattended_work(queue, longer_than_s=queue_limits.latency_s)
    needed = int(bool(work or workers_before)) if wanted is None else wanted
    judged = judge_staffing(workers, needed)
    is_enough = judged.staffing is Staffing.ENOUGH
    missing = unserved(queue) if is_enough and wanted is None else ""
    details: Details = {"evidence": text.evidence(queue)}
    if is_enough and not workers.known:
        if missing:
            judge.advise(f"{workers.because}{missing}", **details)
        judge.passes(f"{subject.name} has a worker or needs none: {workers.because}")
    sentence = staffing_sentence(
        workers, subject.name, needed, work=work, before=workers_before, reason=judged.because
    )
    if judged.staffing is Staffing.UNKNOWN:
        judge.unknown(sentence, **details)
    details |= {"observed": workers.at_work, "limit": needed}
    if is_enough and not missing:
        judge.passes(sentence, **details)
    details |= {"next_steps": staffing_steps(workers), "only_these_steps": True}
    (judge.advise if is_enough else judge.fails)(f"{sentence}{missing}", **details)


@check("queue.overdue")
def test_overdue(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """No delayed job is past due by more than the grace.

    Passes when every delayed job is due later, or was promoted in time.
    Fails when one is still delayed after that: only a worker's fetch promotes it.
    Why: delayed jobs that nobody promotes are done late, or never.
    Next: start or free a worker. `pnpm --filter api run queue:promote NAME` moves the jobs by
        hand, and they wait for a free worker all the same.
    """
    overdue_s = queue.last.overdue_s
    if overdue_s is None:
        judge.unknown(f"whether jobs of {subject.name} are overdue cannot be read")
    _leave_out_if_paused_as_allowed(subject, queue, queue_limits, judge)
    why = cause(queue.last, queue.workers)
    late = overdue_s > queue_limits.overdue_grace_s
    sentence = (
        f"the most overdue delayed job of {subject.name} is {text.seconds(overdue_s)} past due "
        f"(grace {queue_limits.overdue_grace_s:g} s)" + (f": {why}" if late else "")
    )
    details: Details = {
        "observed": overdue_s,
        "limit": queue_limits.overdue_grace_s,
        "evidence": text.evidence(queue),
        "next_steps": NEXT_STEPS.get(why, ()),
    }
    if late and (reconnecting := still_reconnecting(queue)):
        judge.unknown(f"{sentence}; {reconnecting}", **details)
    judge.passes_if(not late, sentence, **details)


@check("queue.stalled")
def test_stalled(subject: Subject, queue: ObservedQueue, judge: Judge) -> None:
    """No active job is without a lock: its worker would be gone.

    Passes when every active job is locked, in one of two readings 2 s apart.
    Fails when one is not; the message says whether it will be recovered. Where there are too many
        to look at, and those looked at have locks, it is a warning.
    Why: a job without a lock is done twice, or never.
    Next: look for workers that were killed or ran out of memory: `docker compose logs WORKERS`.
    """
    found = stalled(queue.first, queue.last, queue.workers)
    if found is None:
        judge.unknown(f"{subject.name} was not read twice, 2 s apart")
    if queue.last.counts.active is None:
        judge.unknown(f"the active jobs of {subject.name} cannot be read")
    kinds = ", ".join(sorted({str(job.kind) for job in found}))
    partial = text.looked_at(queue.last.active_seen, queue.last.counts.active)
    sentence = text.without_lock(len(found), subject.name)
    sentence += f": {kinds}{partial}" if found else partial
    details: Details = {
        "observed": len(found),
        "limit": 0,
        "evidence": {**text.evidence(queue), "stalled": text.stalled_lines(found)},
        "next_steps": stalled_steps(found),
    }
    if found and (reconnecting := still_reconnecting(queue)):
        judge.unknown(f"{sentence}; {reconnecting}", **details)
    if partial and not found:
        judge.advise(sentence, **details)
    judge.passes_if(not found, sentence, **details)


@check("queue.schedulers")
def test_schedulers(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """Every job scheduler's next run lies ahead, and its job exists.

    Passes when both are so for every scheduler.
    Fails when a run is past due beyond the grace (stopped), or its job is gone (orphaned). Where
        there are too many to look at, and those looked at are well, it is a warning.
    Why: a scheduler that has stopped makes no further job, and nothing fails.
    Next: start a worker for a stopped scheduler; `upsertJobScheduler` again for an orphaned one,
        which no worker revives.
    """
    facts = queue.last
    if facts.schedulers_total is None:
        judge.unknown(f"the schedulers of {subject.name} cannot be read")
    if not facts.schedulers_total:
        judge.not_applicable(f"{subject.name} has no job scheduler")
    _leave_out_if_paused_as_allowed(subject, queue, queue_limits, judge)
    why = cause(facts, queue.workers)
    judged = judge_schedulers(queue.first, facts, why, grace_s=queue_limits.overdue_grace_s)
    sentence = judged.sentence(facts, subject.name, why)
    problems = [*judged.orphaned, *judged.stopped]
    details: Details = {"observed": len(problems), "limit": 0, "evidence": text.evidence(queue)}
    if problems and not judged.orphaned and (reconnecting := still_reconnecting(queue)):
        judge.unknown(f"{sentence}; {reconnecting}", **details)
    if not problems and facts.schedulers_seen < facts.schedulers_total:
        judge.advise(sentence, **details)
    if not problems:
        judge.passes(sentence, **details)
    details |= {"next_steps": judged.steps(why), "only_these_steps": True}
    judge.fails(sentence, **details)


@check("queue.failures")
def test_failures(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """No more jobs failed in the last hour than failed_per_hour.

    Passes when at most that many did, by the events of the hour and by what the queue keeps.
    Fails when more did. Where it may not keep them, and the events of the whole hour were not read,
        few are a warning; so is a flow parent whose child has failed, as it waits for ever.
    Why: failed jobs are work that users asked for and did not get.
    Next: read the reasons in the evidence, repair their cause, then retry the failed jobs. A parent
        goes on when its child is retried or removed; `failParentOnFailure` or the like ends it.
    """
    failed = failures(queue.last)
    if failed is None:
        judge.unknown(f"how many jobs of {subject.name} failed cannot be read")
    doubtful = failed.unseen or queue.last.blocked_parents != ()
    over = failed.count > queue_limits.failed_per_hour
    verdict = judge.fails if over else judge.advise if doubtful else judge.passes
    verdict(
        f"{counted(failed.count, 'job')} of {subject.name} failed {failed.when} (limit "
        f"{queue_limits.failed_per_hour} an hour), {queue.last.counts.failed} are kept"
        f"{failed.remark}{text.parents_text(queue.last)}",
        observed=failed.count,
        limit=queue_limits.failed_per_hour,
        evidence=text.evidence(queue),
    )


@check("queue.paused")
def test_paused(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    """The queue is not paused, unless `paused_ok` says that it may be.

    Passes when workers may take jobs.
    Fails when the queue is paused for all of them.
    Why: a paused queue takes jobs and does none.
    Next: call BullMQ's `queue.resume()` in the application once the reason for the pause is gone.
    """
    _leave_out_if_paused_as_allowed(subject, queue, queue_limits, judge)
    if queue.last.paused is None:
        judge.unknown(f"whether {subject.name} is paused cannot be read")
    state = "paused" if queue.last.paused else "not paused"
    sentence = f"{subject.name} is {state}; it has {text.counts(queue.last)}"
    judge.passes_if(not queue.last.paused, sentence)


def _leave_out_if_paused_as_allowed(
    subject: Subject, queue: ObservedQueue, queue_limits: QueueLimits, judge: Judge
) -> None:
    if queue.last.paused and queue_limits.paused_ok:
        judge.not_applicable(f"{subject.name} is paused, as the configuration allows")
