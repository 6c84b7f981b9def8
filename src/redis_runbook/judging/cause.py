"""Why jobs wait, in the words that a finding uses."""

import enum

from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.workers import WorkerFacts, WorkerState

_HELD_BY_HAND = (1 << 53) - 1
"""What BullMQ sets the limiter to when a processor asks for a pause (`queue.rateLimit`)."""


class Cause(enum.StrEnum):
    """The causes of a backlog."""

    PAUSED = "the queue is paused"
    NO_WORKER = "no worker"
    RATE_LIMITED = "rate-limited"
    CONCURRENCY = "at the concurrency limit"
    NOT_CONSUMING = "workers connected but none consuming"
    BUSY = "all workers busy"
    NOT_PROMOTED = "due jobs not promoted"
    NOTHING_WAITS = "nothing waits"
    UNKNOWN = "cause not known"


def cause(facts: QueueFacts, workers: WorkerFacts) -> Cause:
    """The first reason, in the order in which they would have to be removed."""
    connecting = workers.count(WorkerState.CONNECTING)
    busy, idle = workers.count(WorkerState.BUSY), workers.count(WorkerState.CONSUMING)
    concurrency, active = facts.concurrency or 0, facts.counts.active or 0
    reasons = {
        Cause.NOTHING_WAITS: facts.counts.backlog == 0 and not facts.overdue_s,
        Cause.PAUSED: facts.paused,
        Cause.NO_WORKER: workers.alive is False,
        Cause.RATE_LIMITED: _is_rate_limited(facts, workers),
        Cause.CONCURRENCY: 0 < concurrency <= active,
        Cause.NOT_CONSUMING: workers.known and not workers.at_work and not connecting,
        Cause.BUSY: busy > 0 and idle == 0,
        Cause.NOT_PROMOTED: idle > 0 and facts.counts.backlog == 0 and bool(facts.overdue_s),
    }
    return next((reason for reason, holds in reasons.items() if holds), Cause.UNKNOWN)


def _is_rate_limited(facts: QueueFacts, workers: WorkerFacts) -> bool:
    """Whether the limiter's period is used up.

    Where the limit is a worker's own, nobody stores it: then jobs that wait while the period runs,
    no worker is blocked for more, and fewer jobs are active than there are workers, are held by it.
    """
    limiter = facts.limiter
    if not limiter.left_ms:
        return False
    if limiter.used is not None and limiter.used >= (
        _HELD_BY_HAND if limiter.limit is None else limiter.limit
    ):
        return True
    return (
        limiter.limit is None
        and workers.known
        and not workers.count(WorkerState.CONSUMING)
        and facts.locked < len(workers.workers)
    )
