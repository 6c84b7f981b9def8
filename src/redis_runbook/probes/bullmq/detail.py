"""The second read of a queue: a bounded number of the jobs whose ids are in the snapshot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.probes.bullmq.ages import JOB_FIELDS, AddedAt, due_since, ready_since
from redis_runbook.probes.bullmq.facts import (
    MS_PER_S,
    ActiveJob,
    Event,
    QueueFacts,
    Scheduler,
    WaitingJob,
)
from redis_runbook.probes.bullmq.naming import job_label
from redis_runbook.probes.bullmq.reasons import classify
from redis_runbook.probes.bullmq.replay import Entry, Replay, failures, parse_entries, replay
from redis_runbook.probes.bullmq.snapshot import FAILED, OLDEST, Snapshot, left_ms
from redis_runbook.probes.replies import Command, hash_values, integer, items, timestamp_ms
from redis_runbook.redact import printable
from redis_runbook.words import counted

_HOUR_MS: Final = 3_600_000
_CHILDREN: Final = (b"dependencies", b"processed", b"failed", b"unsuccessful")
_ACTIVE: Final = ("name", "processedOn", "ats", "timestamp")

Label = tuple[str, bytes]
Questions = Mapping[Label, Command]
Replies = Mapping[Label, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBounds:
    """How much of the event stream to read.

    `events_from_ms` is the time of the oldest event to read; `more_events` is how many entries may
    be read in addition to those of the snapshot.
    """

    events_from_ms: int
    more_events: int


def questions(snapshot: Snapshot) -> Questions:
    """The commands about one queue's jobs, by the label under which `facts` looks up the reply."""
    key = snapshot.queue.key
    commands: dict[Label, Command] = {}
    for _, job in _ready_jobs(snapshot):
        commands["job", job] = ("HMGET", key(job), *JOB_FIELDS)
        commands["parent", job] = ("EXISTS", *(key(job, suffix) for suffix in _CHILDREN))
    for job, _ in _due_jobs(snapshot):
        commands["name", job] = ("HGET", key(job), "name")
    for job in (*snapshot.active, *snapshot.more_active):
        commands["active", job] = ("HMGET", key(job), *_ACTIVE)
        commands["lock", job] = ("PTTL", key(job, b"lock"))
    for scheduler, run in (*snapshot.schedulers, *snapshot.more_schedulers):
        hash_key = key(b"repeat", scheduler)
        commands["scheduler", scheduler] = ("HMGET", hash_key, "ic", "limit", "endDate", "name")
        commands["scheduled", scheduler] = ("EXISTS", key(b"repeat", scheduler, b"%d" % run))
    if snapshot.failed:
        commands["failed", b""] = ("ZCOUNT", key(b"failed"), snapshot.now_ms - _HOUR_MS, "+inf")
        for job in snapshot.failed:
            commands["reason", job] = ("HMGET", key(job), "failedReason", "timestamp")
    for job in snapshot.completed:
        commands["added", job] = ("HGET", key(job), "timestamp")
    return commands


def questions_about_events(snapshot: Snapshot, bounds: HistoryBounds) -> Questions:
    """The command for the events before those of the snapshot, if there may be any."""
    if not (snapshot.entries and snapshot.entries_cut and bounds.more_events):
        return {}
    last = snapshot.entries[0].entry_id
    # COUNT + 1, as the range includes its end: Redis 6.0 lacks `(`, which would exclude it.
    span = (last, bounds.events_from_ms, "COUNT", bounds.more_events + 1)
    return {("events", b""): ("XREVRANGE", snapshot.queue.key(b"events"), *span)}


def has_vanished(snapshot: Snapshot, replies: Replies) -> bool:
    """Whether a job was removed between the two reads, so that the queue must be read again."""
    waiting = (_is_gone(replies["job", job], len(JOB_FIELDS)) for _, job in _ready_jobs(snapshot))
    active = (_is_gone(replies["active", job], len(_ACTIVE)) for job in snapshot.active)
    return any(waiting) or any(active)


def facts(snapshot: Snapshot, replies: Replies, bounds: HistoryBounds) -> QueueFacts:
    """The facts about the queue, from both reads."""
    entries, cut = _entries(snapshot, replies, bounds)
    ahead, now = snapshot.events_ahead_ms, snapshot.now_ms
    dated = [] if ahead else entries
    replayed = replay(dated)
    added_at = AddedAt(_timestamps(snapshot, replies), now, counter=snapshot.last_id)
    overdue = _overdue_jobs(snapshot, replies, replayed, added_at)
    waiting = [*overdue, *_waiting_jobs(snapshot, replies, replayed, added_at)]
    waiting.sort(key=lambda job: -1.0 if job.age_s is None else job.age_s, reverse=True)
    counts = snapshot.counts
    failed = failures(dated, now - _HOUR_MS)
    return QueueFacts(
        queue=snapshot.queue.shown,
        at_ms=now,
        exists=snapshot.exists,
        flavour=snapshot.flavour,
        version=printable(snapshot.version) if snapshot.version else None,
        paused=snapshot.paused,
        concurrency=snapshot.concurrency,
        limiter=snapshot.limiter,
        counts=counts,
        waiting=tuple(waiting),
        waiting_in_order=snapshot.in_order,
        overdue_s=None if counts.delayed is None or snapshot.undated else _longest_s(overdue),
        pick_ups=replayed.pick_ups,
        history_from_ms=None
        if ahead
        else snapshot.complete_from_ms(entries, read_from_ms=bounds.events_from_ms, cut=cut),
        active=tuple(
            _active_job(job, replies, now) for job in (*snapshot.active, *snapshot.more_active)
        ),
        active_unlisted=snapshot.active_seen - len(snapshot.active) - len(snapshot.more_active),
        stall_check_ms=snapshot.stall_check_ms,
        stall_checked_at_ms=snapshot.stall_checked_at_ms,
        schedulers=tuple(
            _scheduler(scheduler, run, replies, now)
            for scheduler, run in (*snapshot.schedulers, *snapshot.more_schedulers)
        ),
        schedulers_seen=snapshot.schedulers_seen,
        schedulers_total=snapshot.schedulers_total,
        failed_last_hour=_counted(replies, ("failed", b""), counts.failed),
        failed_events=len(failed),
        failed_reasons=classify(_reasons(snapshot, replies, failed)),
        blocked_parents=None
        if snapshot.blocked_parents is None
        else tuple(job_label(parent) for parent in snapshot.blocked_parents),
        last_events=_last_events(snapshot, entries),
        problems=(*snapshot.problems, *_problems(ahead_ms=ahead, undated=snapshot.undated)),
    )


def _ready_jobs(snapshot: Snapshot) -> Iterable[tuple[str, bytes]]:
    """The ready jobs at the ends of the queue and from its middle, without duplicates."""
    return dict.fromkeys((*snapshot.tail, *snapshot.head, *snapshot.middle))


def _due_jobs(snapshot: Snapshot) -> list[tuple[bytes, int]]:
    """The delayed jobs in the snapshot that are due but not promoted."""
    return [(job, due) for job, due in snapshot.delayed if due <= snapshot.now_ms]


def _timestamps(snapshot: Snapshot, replies: Replies) -> Iterator[tuple[bytes, Any]]:
    """When each job that was read says that it was added."""
    for _, job in _ready_jobs(snapshot):
        yield job, hash_values(replies["job", job], len(JOB_FIELDS))[1]
    for job in (*snapshot.active, *snapshot.more_active):
        yield job, hash_values(replies["active", job], len(_ACTIVE))[3]
    for job in snapshot.failed:
        yield job, hash_values(replies["reason", job], 2)[1]
    for job in snapshot.completed:
        yield job, replies["added", job]


def _reasons(snapshot: Snapshot, replies: Replies, failed: Sequence[Entry]) -> list[bytes]:
    """Why the newest jobs failed: those that are kept, else those that events tell of."""
    kept = [hash_values(replies["reason", job], 2)[0] for job in snapshot.failed]
    in_events = [entry.reason for entry in failed[-FAILED:]]
    return [reason for reason in kept or in_events if isinstance(reason, bytes)]


def _overdue_jobs(
    snapshot: Snapshot, replies: Replies, replayed: Replay, added_at: AddedAt
) -> list[WaitingJob]:
    overdue = []
    for job, due in _due_jobs(snapshot):
        since, by = due_since(job, due, replayed.due_since_ms, added_at)
        overdue.append(
            WaitingJob(
                job_id=job_label(job),
                name=_shown_text(replies["name", job]),
                state="delayed",
                since_ms=since,
                age_s=max(0, snapshot.now_ms - since) / MS_PER_S,
                since_by=by,
            )
        )
    return overdue


def _waiting_jobs(
    snapshot: Snapshot, replies: Replies, replayed: Replay, added_at: AddedAt
) -> Iterator[WaitingJob]:
    for state, job in _ready_jobs(snapshot):
        values = hash_values(replies["job", job], len(JOB_FIELDS))
        since, why = ready_since(job, values, added_at, snapshot.now_ms)
        if job in replayed.ready_since_ms:
            since, why = replayed.ready_since_ms[job], ""
        elif since is not None and replies["parent", job]:
            since, why = None, "it waited for child jobs, and its hash does not say until when"
        yield WaitingJob(
            job_id=job_label(job),
            name=_shown_text(values[0]),
            state=state,
            since_ms=since,
            age_s=None if since is None else max(0, snapshot.now_ms - since) / MS_PER_S,
            since_by="" if since is None else why,
            unknown_because=why if since is None else "",
        )


def _active_job(job: bytes, replies: Replies, now_ms: int) -> ActiveJob:
    name, processed_on, starts, _ = hash_values(replies["active", job], len(_ACTIVE))
    started = timestamp_ms(processed_on)
    return ActiveJob(
        job_id=job_label(job),
        name=_shown_text(name),
        started_ms=started,
        running_s=None if started is None else max(0, now_ms - started) / MS_PER_S,
        starts=integer(starts),
        lock_ms=left_ms(replies["lock", job]),
    )


def _scheduler(scheduler: bytes, run_ms: int, replies: Replies, now_ms: int) -> Scheduler:
    iterations, limit, end, name = hash_values(replies["scheduler", scheduler], 4)
    used, allowed, end_ms = integer(iterations), integer(limit), timestamp_ms(end)
    exists = replies["scheduled", scheduler]
    # A repeatable job of an old version has no hash of its own, and its job has another key.
    known = name is not None and isinstance(exists, int)
    return Scheduler(
        scheduler_id=job_label(scheduler),
        next_run_ms=run_ms,
        overdue_s=max(0, now_ms - run_ms) / MS_PER_S,
        job_exists=bool(exists) if known else None,
        finished=(used is not None and allowed is not None and used >= allowed)
        or (end_ms is not None and end_ms < now_ms),
    )


def _entries(
    snapshot: Snapshot, replies: Replies, bounds: HistoryBounds
) -> tuple[list[Entry], bool]:
    """The events of both reads, oldest first, and whether there are older events."""
    reply = replies.get(("events", b""))
    older = parse_entries(reply)[1:]
    cut = len(items(reply)) > bounds.more_events if reply is not None else snapshot.entries_cut
    return [*reversed(older), *snapshot.entries], cut


def _longest_s(jobs: Iterable[WaitingJob]) -> float:
    return max((job.age_s for job in jobs if job.age_s is not None), default=0.0)


def _problems(*, ahead_ms: int, undated: int) -> Iterator[str]:
    if undated:
        jobs = counted(undated, "delayed job is", "delayed jobs are")
        yield f"{jobs} due at a time before 2009, as one in seconds is: nobody knows since when"
    if ahead_ms:
        ahead = f"{ahead_ms / MS_PER_S:.0f} s ahead of the server's clock"
        yield f"its events are {ahead}, so they do not tell when anything happened"


def _last_events(snapshot: Snapshot, entries: list[Entry]) -> tuple[Event, ...]:
    return tuple(
        Event(
            at_ms=entry.at_ms,
            event=printable(entry.event),
            job_id=None if entry.job_id is None else job_label(entry.job_id),
        )
        for entry in entries[-OLDEST:] or snapshot.newest_entry
    )


def _counted(replies: Replies, label: Label, total: int | None) -> int | None:
    """The count in a reply; without a reply, 0 if `total` is known: there was nothing to count."""
    if label not in replies:
        return None if total is None else 0
    return integer(replies[label])


def _is_gone(reply: Any, count: int) -> bool:
    return isinstance(reply, list) and all(value is None for value in hash_values(reply, count))


def _shown_text(reply: Any) -> str | None:
    return job_label(reply) if isinstance(reply, bytes) else None
