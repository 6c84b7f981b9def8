"""The facts about one BullMQ queue: frozen, with units in the names, and safe to print.

Names and ids are escaped text (see `naming.escaped`). None means "not known" unless a field says
otherwise. All times are by the server's clock.
"""

from dataclasses import dataclass

from redis_runbook.redact import Shown

MS_PER_S = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The number of jobs in each state; None if the state's key holds another type."""

    waiting: int | None
    paused: int | None
    prioritized: int | None
    active: int | None
    delayed: int | None
    completed: int | None
    failed: int | None
    waiting_children: int | None

    @property
    def backlog(self) -> int | None:
        """Jobs that could be processed now: waiting, paused and prioritized."""
        parts = (self.waiting, self.paused, self.prioritized)
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingJob:
    """A job that waits to be picked up, seen at an end of its list or where it was sampled.

    `state` is the key that holds it: `wait`, `paused`, `prioritized` or `delayed` (overdue).
    `since_ms` is when it became ready to be picked up; if it is None, `unknown_because` says why.
    `since_by` is empty where the server's clock tells it, else by what evidence it is known.
    """

    job_id: str
    name: str | None
    state: str
    since_ms: int | None
    age_s: float | None
    since_by: str = ""
    unknown_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickUp:
    """One job that a worker took: when, and for how long it had been ready."""

    at_ms: int
    waited_ms: int
    job_id: str = ""

    @property
    def since_ms(self) -> int:
        """When the job became ready."""
        return self.at_ms - self.waited_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveJob:
    """A job in `active`. `lock_ms` is the remaining time of its lock; None without a lock."""

    job_id: str
    name: str | None
    started_ms: int | None
    running_s: float | None
    starts: int | None
    lock_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """A job scheduler or repeatable job.

    `overdue_s` is how far its next run lies in the past (0 when in the future). `job_exists` is
    None if the job's key cannot be known (repeatable jobs of old versions). A finished scheduler
    has used up its limit or passed its end date: it has no next run.
    """

    scheduler_id: str
    next_run_ms: int
    overdue_s: float
    job_exists: bool | None
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClass:
    """Failed jobs with the same reason, its variable parts masked."""

    reason: Shown
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the queue's event stream, without data."""

    at_ms: int
    event: Shown
    job_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiter:
    """The rate limiter. `left_ms` is the rest of its present period; None: no period runs.

    `limit` is the queue's own limit; None if there is none. BullMQ does not store the limit of a
    worker.
    """

    used: int | None
    limit: int | None
    left_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """One queue, read at `at_ms`.

    `waiting` holds the jobs that were read, longest wait first and unknown ages last. In a queue
    that is not `waiting_in_order`, one that was not read may wait longer: the list is not in order
    of age, or there are more priorities than were read. `overdue_s` is that of the most overdue
    delayed job; None: it cannot be read, or nobody knows since when some are due. `pick_ups` are
    complete from `history_from_ms` on; None: there is no event stream, or it is ahead of the
    server's clock, and there are none.

    `active` and `schedulers` are those at both ends of their order, and any in between that lacks
    what it should have: a lock, or a scheduled job. `active_unlisted` more active jobs were looked
    at and have a lock; `schedulers_seen` counts all schedulers that were looked at.

    `failed_last_hour` are those that the queue keeps, by the workers' clocks; `failed_events` the
    failures of the last hour among the events that were read, by the server's. `failed_reasons`
    counts the newest failures only. `flavour` is `bullmq` or `bull`; `version` is what the library
    wrote as its version. `blocked_parents` are flow parents that wait for a failed child, of the
    few that have waited longest. `paused` is None if its key holds another type. `problems` are
    sentences about what could not be read.
    """

    queue: str
    at_ms: int
    exists: bool
    flavour: str
    version: Shown | None
    paused: bool | None
    concurrency: int | None
    limiter: Limiter
    counts: Counts
    waiting: tuple[WaitingJob, ...]
    waiting_in_order: bool
    overdue_s: float | None
    pick_ups: tuple[PickUp, ...]
    history_from_ms: int | None
    active: tuple[ActiveJob, ...]
    active_unlisted: int
    stall_check_ms: int | None
    stall_checked_at_ms: int | None
    schedulers: tuple[Scheduler, ...]
    schedulers_seen: int
    schedulers_total: int | None
    failed_last_hour: int | None
    failed_events: int
    failed_reasons: tuple[FailureClass, ...]
    blocked_parents: tuple[str, ...] | None
    last_events: tuple[Event, ...]
    problems: tuple[str, ...]

    @property
    def longest_wait_s(self) -> float | None:
        """The longest known wait of the jobs that wait now."""
        return max((job.age_s for job in self.waiting if job.age_s is not None), default=None)

    @property
    def waiting_seen(self) -> int:
        """How many of the jobs that could be processed now were read."""
        return sum(job.state != "delayed" for job in self.waiting)

    @property
    def waiting_unseen(self) -> bool:
        """Whether a job that was not read may wait longer than those that were."""
        return not self.waiting_in_order and self.waiting_seen < (self.counts.backlog or 0)

    @property
    def active_seen(self) -> int:
        """How many active jobs were looked at for their lock."""
        return len(self.active) + self.active_unlisted

    @property
    def locked(self) -> int:
        """How many of the active jobs that were looked at have a lock."""
        return sum(job.lock_ms is not None for job in self.active) + self.active_unlisted
