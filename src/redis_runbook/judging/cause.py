"""Finds the cause of a backlog; findings quote the values of `Cause`."""

import enum
from collections.abc import Mapping, Sequence
from typing import Final

from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.worker_states import WorkerState
from redis_runbook.probes.bullmq.workers import WorkerFacts

_PAUSED_BY_PROCESSOR = (1 << 53) - 1
"""The limiter's value after a processor has called `queue.rateLimit`."""


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


HOLDS_SCHEDULERS: Final = frozenset(
    {Cause.PAUSED, Cause.RATE_LIMITED, Cause.CONCURRENCY, Cause.BUSY}
)
"""The causes that make a job scheduler's run late without stopping the scheduler: its job waits
like any other."""

NEXT_STEPS: Final[Mapping[Cause, Sequence[str]]] = {
    Cause.PAUSED: [
        "call BullMQ's `queue.resume()` in the application once the reason for the pause is gone"
    ],
    Cause.NO_WORKER: [
        "start the workers: `docker compose up -d WORKERS`",
        "if they run (`docker compose ps WORKERS`), compare their Redis and queue with these",
    ],
    Cause.NOT_CONSUMING: [
        "`docker compose logs WORKERS`: what keeps them from taking jobs?",
        "restart the workers, as they take no job: `docker compose restart WORKERS`",
    ],
    Cause.RATE_LIMITED: ["raise the workers' `limiter`, or wait: jobs are held on purpose"],
    Cause.CONCURRENCY: ["raise the queue's global concurrency, or wait for the active jobs"],
    Cause.BUSY: ["add workers or concurrency, and look for jobs that take too long"],
    Cause.NOT_PROMOTED: [
        "restart the workers, whose fetch promotes due jobs: `docker compose restart WORKERS`"
    ],
}
"""What an operator does about a cause; of the others there is nothing to say."""

NOTHING_WAITS_NOW: Final = (
    "no job waits now: `docker compose logs WORKERS` tells what kept the workers, if it comes back",
)
"""What an operator does about waits that are over."""

NO_SUCH_QUEUE: Final = (
    "correct the name, or the service's prefix: `redis-runbook queue list` shows what exists",
    "if both are right: nobody has used it since the data was lost, or this is another Redis",
)
"""What an operator does about a queue that must exist and does not."""

NO_QUEUE: Final = (
    "correct the URL's database, or the service's `prefix`, if queues should be there",
    "if they were there: find out who flushed it, and restore the last RDB or AOF",
    "if none is meant to be there: `discover = false` for this service",
)
"""What an operator does about a service without any."""

NOT_ALL_KNOWN: Final = ("list the queues that matter under `queues`: these are always checked",)
"""What an operator does where there may be more than are known."""

TOO_MANY: Final = (
    "raise the service's `max_queues`, so that all are checked",
    "or list those that matter under `queues`, with `discover = false`: the others are left to you",
)
"""What an operator does where there are more than are checked."""


def cause(facts: QueueFacts, workers: WorkerFacts) -> Cause:
    """The first cause that applies, in the order in which an operator has to remove them."""
    busy, idle = workers.count(WorkerState.BUSY), workers.count(WorkerState.CONSUMING)
    concurrency, active = facts.concurrency or 0, facts.counts.active or 0
    reasons = {
        Cause.NOTHING_WAITS: facts.counts.backlog == 0 and facts.overdue_s == 0,
        Cause.PAUSED: facts.paused,
        Cause.NO_WORKER: workers.alive is False,
        Cause.RATE_LIMITED: _is_rate_limited(facts, workers),
        Cause.CONCURRENCY: 0 < concurrency <= active,
        Cause.NOT_CONSUMING: workers.known and not workers.at_work_at_most,
        Cause.BUSY: busy > 0 and idle == 0,
        Cause.NOT_PROMOTED: idle > 0 and facts.counts.backlog == 0 and bool(facts.overdue_s),
    }
    return next((reason for reason, holds in reasons.items() if holds), Cause.UNKNOWN)


def _is_rate_limited(facts: QueueFacts, workers: WorkerFacts) -> bool:
    """Whether the limiter's period is used up.

    BullMQ does not store a limit that a worker sets for itself. Without a stored limit the queue
    counts as rate-limited if the period still runs, no worker is blocked waiting for a job, and
    fewer jobs are active than there are workers.
    """
    limiter = facts.limiter
    if not limiter.left_ms:
        return False
    if limiter.used is not None and limiter.used >= (
        _PAUSED_BY_PROCESSOR if limiter.limit is None else limiter.limit
    ):
        return True
    return (
        limiter.limit is None
        and workers.known
        and not workers.count(WorkerState.CONSUMING)
        and facts.locked < len(workers.workers)
    )
