"""Formats a BullMQ queue: one line of counts, and the evidence of a finding. Never job data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from redis_runbook.judging.cause import Cause
from redis_runbook.judging.queue_latency import LatencyJudgement
from redis_runbook.judging.stalled import StalledJob
from redis_runbook.probes.bullmq.facts import MS_PER_S, Counts, QueueFacts, WaitingJob
from redis_runbook.probes.bullmq.queues import ObservedQueue
from redis_runbook.redact import printable
from redis_runbook.words import counted

_MAX_JOBS: Final = 5
_MAX_EVENTS: Final = 5
_MAX_STALLED: Final = 20


def counts(facts: QueueFacts) -> str:
    """The jobs of a queue by state, as `jobs_by_state` says them."""
    return jobs_by_state(facts.counts)


def jobs_by_state(jobs: Counts) -> str:
    """`12 waiting, 3 active, 120 delayed`: every state that holds jobs, or `no jobs`."""
    found = {state.replace("_", "-"): number for state, number in asdict(jobs).items()}
    shown = [
        f"{number} {state}" if number is not None else f"unknown {state}"
        for state, number in found.items()
        if number != 0
    ]
    return ", ".join(shown) or "no jobs"


def seconds(value: float | None) -> str:
    """`12.3 s`; from two minutes on in minutes, hours or days; `?` if the value is None."""
    if value is None:
        return "?"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.1f} s"


def picked_up_text(judged: LatencyJudgement) -> str:
    """That no job was picked up, as far as the queue's events tell."""
    if judged.seen_s is None:
        return "and no events tell whether one was picked up"
    if judged.seen_s < judged.window_s:
        return f"and none was picked up in the {seconds(judged.seen_s)} whose events were read"
    return "and none was picked up"


def events_read(judged: LatencyJudgement) -> str:
    """`the events of 15.0 s were read`; empty where those of the window were, or there are none."""
    if judged.seen_s is None or judged.seen_s >= judged.window_s:
        return ""
    return f"the events of {seconds(judged.seen_s)} were read"


def looked_at(seen: int, total: int | None) -> str:
    """`; 20 of 25 looked at`; empty where all were."""
    return f"; {seen} of {total} looked at" if total is not None and seen < total else ""


def undated(facts: QueueFacts) -> str:
    """How many of the waiting jobs that were looked at do not tell since when they wait."""
    number = sum(job.age_s is None for job in facts.waiting)
    if number == len(facts.waiting):
        return "no job tells since when it waits"
    jobs = counted(len(facts.waiting), "waiting job that was", "waiting jobs that were")
    return f"{number} of {jobs} looked at {'does' if number == 1 else 'do'} not tell since when"


def waits(judged: LatencyJudgement, facts: QueueFacts, *, limit_s: float, why: Cause) -> str:
    """How long jobs waited and wait now, for how much of the window, and what is not known of it.

    The present wait is followed by its evidence where that is not the server's clock.
    """
    now = seconds(judged.waiting_s or 0)
    now += f" {judged.waiting_by}" if judged.waiting_by else ""
    now += f": {why}" if judged.over_now else ""
    parts = [
        f"waited up to {seconds(judged.observed_s)} (limit {limit_s:g} s), now {now}",
        f"over the limit for {judged.over_s:g} s of {judged.window_s:g} s",
        *filter(None, [events_read(judged)]),
    ]
    if facts.waiting_unseen:
        partial = looked_at(facts.waiting_seen, facts.counts.backlog)
        parts.append(f"waiting jobs are not in order of age{partial}")
    if judged.pick_ups:
        parts.append(
            f"{counted(judged.pick_ups, 'pick-up')}, p50 {judged.p50_s:.3f}, p95 "
            f"{judged.p95_s:.3f}, max {judged.max_s:.3f} s"
        )
    return "; ".join(parts)


def parents_text(facts: QueueFacts) -> str:
    """Which flow parents wait for a failed child; empty where none of those looked at does."""
    if facts.blocked_parents is None:
        return "; whether flow parents wait for failed children cannot be read"
    if not facts.blocked_parents:
        return ""
    parents = ", ".join(map(printable, facts.blocked_parents))
    return f"; waiting for ever on a failed child: flow parent {parents}"


def oldest_jobs(facts: QueueFacts) -> list[str]:
    """The jobs that have waited longest, at most five: id, name, state and age."""
    return [
        f"{_job(job)}, {job.state}, {seconds(job.age_s)}"
        + (f" {job.since_by}" if job.since_by else "")
        + (f": {job.unknown_because}" if job.unknown_because else "")
        for job in facts.waiting[:_MAX_JOBS]
    ]


def without_lock(number: int, queue: str = "") -> str:
    """`2 active jobs of render have no lock`."""
    jobs = counted(number, "active job") + (f" of {queue}" if queue else "")
    return f"{jobs} {'has' if number == 1 else 'have'} no lock"


def stalled_lines(jobs: Sequence[StalledJob]) -> list[str]:
    """The jobs without a lock, at most 20: id, name and for how long each has been active."""
    return [f"{_job(job)}, {seconds(job.running_s)}" for job in jobs[:_MAX_STALLED]]


def _job(job: WaitingJob | StalledJob) -> str:
    return f"{printable(job.job_id)} ({printable(job.name) if job.name else 'no name'})"


def worker_lines(queue: ObservedQueue) -> list[str]:
    """Each worker's name, address, state and age; or why workers cannot be listed."""
    if not queue.workers.known:
        return [queue.workers.because]
    return [
        f"{worker.name or 'unnamed'} at {worker.address}: {worker.state}, connected for "
        f"{seconds(worker.age_s)}, last heard {seconds(worker.idle_s)} ago"
        for worker in queue.workers.workers
    ] or ["none"]


def _when(ago_ms: int) -> str:
    """`12.3 s ago`; an event may be ahead of a clock that was set back."""
    if ago_ms < 0:
        return f"{seconds(-ago_ms / MS_PER_S)} ahead of the server's clock"
    return f"{seconds(ago_ms / MS_PER_S)} ago"


def evidence(queue: ObservedQueue) -> Mapping[str, Any]:
    """What an operator needs in order to repair the queue; empty entries are left out."""
    facts = queue.last
    found = {
        "jobs": counts(facts),
        "oldest": oldest_jobs(facts),
        "workers": worker_lines(queue),
        "last events": [
            f"{event.event} {printable(event.job_id or '')} {_when(facts.at_ms - event.at_ms)}"
            for event in facts.last_events[:_MAX_EVENTS]
        ],
        "newest failures": [
            f"{failure.count} of: {failure.reason}" for failure in facts.failed_reasons
        ],
        "library": f"{facts.flavour} {facts.version or 'of unknown version'}",
        "could not be read": list(facts.problems),
    }
    return {name: value for name, value in found.items() if value}
