"""The second read of a queue: a bounded number of the jobs whose ids are in the snapshot."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.probes.bullmq.facts import (
    MS_PER_S,
    ActiveJob,
    Event,
    QueueFacts,
    Scheduler,
    WaitingJob,
)
from redis_runbook.probes.bullmq.naming import escaped
from redis_runbook.probes.bullmq.reasons import classify
from redis_runbook.probes.bullmq.replay import Entry, parse_entries, replay
from redis_runbook.probes.bullmq.replies import hash_values, integer, items, timestamp_ms
from redis_runbook.probes.bullmq.snapshot import OLDEST, Command, Snapshot, left_ms

_HOUR_MS: Final = 3_600_000
_SKEW_MS: Final = 1000
"""A client's clock may be this far ahead of the server's before it counts as wrong."""
_JOB: Final = ("name", "timestamp", "delay", "opts", "processedOn", "ats", "atm", "attemptsMade")
_CHILDREN: Final = (b"dependencies", b"processed", b"failed", b"unsuccessful")
_ACTIVE: Final = ("name", "processedOn", "ats")

Label = tuple[str, bytes]
Replies = Mapping[Label, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBounds:
    """How much of the event stream to read.

    `events_from_ms` is the time of the oldest event to read; `more_events` is how many entries may
    be read in addition to those of the snapshot.
    """

    events_from_ms: int
    more_events: int


def questions(snapshot: Snapshot, bounds: HistoryBounds) -> dict[Label, Command]:
    """The commands for one queue, by the label under which `facts` looks up the reply."""
    key = snapshot.queue.key
    commands: dict[Label, Command] = {}
    for _, job in _ready_jobs(snapshot):
        commands["job", job] = ("HMGET", key(job), *_JOB)
        commands["parent", job] = ("EXISTS", *(key(job, suffix) for suffix in _CHILDREN))
    for job, _ in _due_jobs(snapshot):
        commands["name", job] = ("HGET", key(job), "name")
    for job in snapshot.active:
        commands["active", job] = ("HMGET", key(job), *_ACTIVE)
        commands["lock", job] = ("PTTL", key(job, b"lock"))
    for scheduler, run in snapshot.schedulers:
        hash_key = key(b"repeat", scheduler)
        commands["scheduler", scheduler] = ("HMGET", hash_key, "ic", "limit", "endDate", "name")
        commands["scheduled", scheduler] = ("EXISTS", key(b"repeat", scheduler, b"%d" % run))
    if snapshot.failed:
        commands["failed", b""] = ("ZCOUNT", key(b"failed"), snapshot.now_ms - _HOUR_MS, "+inf")
        for job in snapshot.failed:
            commands["reason", job] = ("HGET", key(job), "failedReason")
    if snapshot.entries_cut and bounds.more_events:
        last = snapshot.entries[0].entry_id
        # COUNT + 1, as the range includes its end: Redis 6.0 lacks `(`, which would exclude it.
        span = (last, bounds.events_from_ms, "COUNT", bounds.more_events + 1)
        commands["events", b""] = ("XREVRANGE", key(b"events"), *span)
    return commands


def has_vanished(snapshot: Snapshot, replies: Replies) -> bool:
    """Whether a job was removed between the two reads, so that the queue must be read again."""
    waiting = (_is_gone(replies["job", job], len(_JOB)) for _, job in _ready_jobs(snapshot))
    active = (_is_gone(replies["active", job], len(_ACTIVE)) for job in snapshot.active)
    return any(waiting) or any(active)


def facts(snapshot: Snapshot, replies: Replies, bounds: HistoryBounds) -> QueueFacts:
    """The facts about the queue, from both reads."""
    entries, cut = _entries(snapshot, replies, bounds)
    replayed = replay(entries)
    now = snapshot.now_ms
    waiting = [
        *_overdue_jobs(snapshot, replies),
        *(
            _waiting_job(state, job, replies, replayed.ready_since_ms.get(job), now)
            for state, job in _ready_jobs(snapshot)
        ),
    ]
    waiting.sort(key=lambda job: -1.0 if job.age_s is None else job.age_s, reverse=True)
    counts = snapshot.counts
    overdue_s = next(((now - due) / MS_PER_S for _, due in _due_jobs(snapshot)), None)
    if overdue_s is None and counts.delayed is not None:
        overdue_s = 0.0
    return QueueFacts(
        queue=snapshot.queue.title,
        at_ms=now,
        exists=snapshot.exists,
        flavour=snapshot.flavour,
        version=snapshot.version,
        paused=snapshot.paused,
        concurrency=snapshot.concurrency,
        limiter=snapshot.limiter,
        counts=counts,
        waiting=tuple(waiting[:OLDEST]),
        overdue_s=overdue_s,
        pick_ups=replayed.pick_ups,
        history_from_ms=snapshot.complete_from_ms(
            entries, read_from_ms=bounds.events_from_ms, cut=cut
        ),
        active=tuple(_active_job(job, replies, now) for job in snapshot.active),
        active_seen_all=counts.active == len(snapshot.active),
        stall_check_ms=snapshot.stall_check_ms,
        stall_checked_at_ms=snapshot.stall_checked_at_ms,
        schedulers=tuple(
            _scheduler(scheduler, run, replies, now) for scheduler, run in snapshot.schedulers
        ),
        schedulers_total=snapshot.schedulers_total,
        failed_last_hour=_counted(replies, ("failed", b""), counts.failed),
        failed_reasons=classify(
            reason for job in snapshot.failed if isinstance(reason := replies["reason", job], bytes)
        ),
        last_events=_last_events(snapshot, entries),
        problems=snapshot.problems,
    )


def _ready_jobs(snapshot: Snapshot) -> Iterable[tuple[str, bytes]]:
    """The ready jobs at the ends of the queue, without duplicates."""
    prioritized = (("prioritized", job) for job in snapshot.prioritized)
    return dict.fromkeys((*snapshot.tail, *snapshot.head, *prioritized))


def _due_jobs(snapshot: Snapshot) -> list[tuple[bytes, int]]:
    """The delayed jobs in the snapshot that are due but not promoted."""
    return [(job, due) for job, due in snapshot.delayed if due <= snapshot.now_ms]


def _overdue_jobs(snapshot: Snapshot, replies: Replies) -> list[WaitingJob]:
    return [
        WaitingJob(
            job_id=escaped(job),
            name=_escaped_text(replies["name", job]),
            state="delayed",
            since_ms=due,
            age_s=(snapshot.now_ms - due) / MS_PER_S,
        )
        for job, due in _due_jobs(snapshot)
    ]


def _waiting_job(
    state: str, job: bytes, replies: Replies, ready_since_ms: int | None, now_ms: int
) -> WaitingJob:
    values = hash_values(replies["job", job], len(_JOB))
    if ready_since_ms is not None:
        since, why = ready_since_ms, ""
    elif any(integer(value) for value in values[4:]):
        since, why = None, "it was retried, and its hash does not say when"
    elif replies["parent", job]:
        since, why = None, "it waited for child jobs, and its hash does not say until when"
    else:
        since, why = _ready_by_hash(values, now_ms)
    return WaitingJob(
        job_id=escaped(job),
        name=_escaped_text(values[0]),
        state=state,
        since_ms=since,
        age_s=None if since is None else max(0, now_ms - since) / MS_PER_S,
        unknown_because=why,
    )


def _ready_by_hash(values: Any, now_ms: int) -> tuple[int | None, str]:
    """When a job that never ran became ready: its timestamp and the delay that it was added with.

    The hash's field `delay` alone will not do: promotion sets it to 0.
    """
    if all(value is None for value in values):
        return None, "its hash is gone"
    added = timestamp_ms(values[1])
    if added is None:
        return None, "it has no timestamp"
    if added > now_ms + _SKEW_MS:
        ahead_s = (added - now_ms) / MS_PER_S
        return None, f"its timestamp is {ahead_s:.0f} s in the future: a client's clock is wrong"
    ready = added + max(_delay_ms(values[3]), integer(values[2]) or 0)
    if ready > now_ms + _SKEW_MS:
        return None, "it was promoted early, and its hash does not say when"
    return ready, ""


def _delay_ms(opts: Any) -> int:
    if not isinstance(opts, bytes):
        return 0
    try:
        options = json.loads(opts)
    except (ValueError, RecursionError):
        return 0
    delay = options.get("delay") if isinstance(options, dict) else None
    return int(delay) if isinstance(delay, int | float) and 0 <= delay < 1 << 53 else 0


def _active_job(job: bytes, replies: Replies, now_ms: int) -> ActiveJob:
    name, processed_on, starts = hash_values(replies["active", job], len(_ACTIVE))
    started = timestamp_ms(processed_on)
    return ActiveJob(
        job_id=escaped(job),
        name=_escaped_text(name),
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
        scheduler_id=escaped(scheduler),
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


def _last_events(snapshot: Snapshot, entries: list[Entry]) -> tuple[Event, ...]:
    return tuple(
        Event(
            at_ms=entry.at_ms,
            event=escaped(entry.event),
            job_id=None if entry.job_id is None else escaped(entry.job_id),
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


def _escaped_text(reply: Any) -> str | None:
    return escaped(reply) if isinstance(reply, bytes) else None
