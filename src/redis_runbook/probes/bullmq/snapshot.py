"""The first read of a queue: one transaction, bounded whatever the queue's depth."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from redis_runbook.probes.bullmq.facts import Counts, Limiter
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.priority_set import PrioritySet, priority_set
from redis_runbook.probes.bullmq.replay import Entry, ahead_ms, complete_from_ms, parse_entries
from redis_runbook.probes.replies import (
    EARLIEST_MS,
    Command,
    clock_ms,
    hash_values,
    integer,
    is_wrong_type,
    items,
    pairs,
    scored,
    strings,
    timestamp_ms,
)

OLDEST: Final = 5
ACTIVE: Final = 50
SCHEDULERS: Final = 50
FAILED: Final = 10
COMPLETED: Final = 3
EVENTS: Final = 200

_META: Final = ("version", "paused", "concurrency", "max", "duration", "opts.maxLenEvents")
_MARKER: Final = re.compile(rb"0:\d+\Z")
_VERSION: Final = re.compile(r"[\w.:+-]{1,60}\Z")
_SCORE_PER_MS: Final = 4096
_EARLIEST_SCORE: Final = EARLIEST_MS * _SCORE_PER_MS
_PTTL_NO_KEY: Final = -2
_KEYS_WITH_COUNT: Final = (
    *("wait", "paused", "prioritized", "active", "delayed"),
    *("completed", "failed", "waiting-children", "repeat"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One queue at one moment, with job ids in raw bytes; `detail` reads the jobs themselves.

    `tail` and `head` are the oldest and the newest job ids of `wait` and `paused`, each with its
    key; `middle` are others that may have waited longer. `delayed` holds the next delayed job ids
    with their due times; `undated` more are due by their order, at a time that no job can have.
    `active` and `schedulers` hold both ends of their order, `more_active` and `more_schedulers`
    those in between that need a closer look. `entries` are the newest of the event stream, in the
    stream's order.
    """

    queue: Queue
    now_ms: int
    meta: tuple[Any, ...]
    meta_readable: bool
    meta_paused: bool
    has_id: bool
    last_id: int | None
    counts: Counts
    tail: tuple[tuple[str, bytes], ...]
    head: tuple[tuple[str, bytes], ...]
    priorities: PrioritySet | None
    delayed: tuple[tuple[bytes, int], ...]
    undated: int
    active: tuple[bytes, ...]
    active_seen: int
    limiter_used: int | None
    limiter_ms: int | None
    stall_check_ms: int | None
    stall_checked_at_ms: int | None
    schedulers: tuple[tuple[bytes, int], ...]
    schedulers_seen: int
    schedulers_total: int | None
    failed: tuple[bytes, ...]
    completed: tuple[bytes, ...]
    entries: tuple[Entry, ...]
    entries_cut: bool
    stream: Any
    problems: tuple[str, ...]
    middle: tuple[tuple[str, bytes], ...] = ()
    in_order: bool = True
    more_active: tuple[bytes, ...] = ()
    more_schedulers: tuple[tuple[bytes, int], ...] = ()
    blocked_parents: tuple[bytes, ...] | None = ()

    @property
    def version(self) -> str | None:
        """The version that the library wrote, such as `bullmq:5.81.5`."""
        text = self.meta[0].decode(errors="replace") if isinstance(self.meta[0], bytes) else ""
        return text if _VERSION.match(text) else None

    @property
    def flavour(self) -> str:
        """`bullmq` or `bull`: only BullMQ writes a version, an event limit or an event stream."""
        is_bullmq = self.version or integer(self.meta[5]) is not None or self.entries
        return "bullmq" if is_bullmq else "bull"

    @property
    def exists(self) -> bool:
        """Whether any of the keys that were read exists."""
        counts = asdict(self.counts).values()
        flags = (self.meta_paused, self.has_id, self.limiter_used, self.problems)
        values = (*counts, *self.meta, *flags)
        stream = isinstance(self.stream, list)
        return any(values) or stream or self.stall_check_ms is not None

    @property
    def newest_entry(self) -> list[Entry]:
        """The last entry of the event stream, however old; empty where there is none."""
        return parse_entries([dict(pairs(self.stream)).get(b"last-entry")])

    @property
    def events_ahead_ms(self) -> int:
        """How far the event stream lies ahead of the server's clock; 0: it tells the time."""
        return ahead_ms(self.entries, stream=self.stream, now_ms=self.now_ms)

    @property
    def paused(self) -> bool | None:
        """Whether the whole queue is paused; None if `meta` holds another type."""
        if self.meta_paused or self.meta[1] is not None:
            return True
        return False if self.meta_readable else None

    @property
    def concurrency(self) -> int | None:
        """How many jobs of the queue may be active at once, across all workers."""
        return integer(self.meta[2])

    @property
    def limiter(self) -> Limiter:
        """The rate limiter's present state."""
        return Limiter(used=self.limiter_used, limit=integer(self.meta[3]), left_ms=self.limiter_ms)

    def complete_from_ms(self, entries: list[Entry], *, read_from_ms: int, cut: bool) -> int | None:
        """The time from which these entries (oldest first) lack no event; None: no stream."""
        return complete_from_ms(
            entries,
            read_from_ms=read_from_ms,
            cut=cut,
            stream=self.stream,
            max_entries=integer(self.meta[5]),
        )


def questions(queue: Queue, *, events_from_ms: int) -> dict[str, Command]:
    """The commands of one snapshot, by the name under which `parse` looks up the reply."""
    key = queue.key
    return {
        "time": ("TIME",),
        "meta": ("HMGET", key(b"meta"), *_META),
        "meta-paused": ("EXISTS", key(b"meta-paused")),
        "id": ("GETRANGE", key(b"id"), 0, 31),
        "wait": ("LLEN", key(b"wait")),
        "paused": ("LLEN", key(b"paused")),
        "prioritized": ("ZCARD", key(b"prioritized")),
        "active": ("LLEN", key(b"active")),
        "delayed": ("ZCARD", key(b"delayed")),
        "completed": ("ZCARD", key(b"completed")),
        "failed": ("ZCARD", key(b"failed")),
        "waiting-children": ("ZCARD", key(b"waiting-children")),
        "repeat": ("ZCARD", key(b"repeat")),
        "wait tail": ("LRANGE", key(b"wait"), -OLDEST - 1, -1),
        "wait head": ("LRANGE", key(b"wait"), 0, 0),
        "paused tail": ("LRANGE", key(b"paused"), -OLDEST - 1, -1),
        "paused head": ("LRANGE", key(b"paused"), 0, 0),
        "first prioritized": ("ZRANGE", key(b"prioritized"), 0, 0, "WITHSCORES"),
        "last prioritized": ("ZREVRANGE", key(b"prioritized"), 0, 0, "WITHSCORES"),
        "priority": ("ZCARD", key(b"priority")),
        "first priority": ("ZRANGE", key(b"priority"), 0, 0, "WITHSCORES"),
        "last priority": ("ZREVRANGE", key(b"priority"), 0, 0, "WITHSCORES"),
        "next delayed": (
            *("ZRANGEBYSCORE", key(b"delayed"), _EARLIEST_SCORE, "+inf", "WITHSCORES"),
            *("LIMIT", 0, OLDEST),
        ),
        "undated delayed": ("ZCOUNT", key(b"delayed"), "-inf", f"({_EARLIEST_SCORE}"),
        "oldest active": ("LRANGE", key(b"active"), -ACTIVE, -1),
        "newest active": ("LRANGE", key(b"active"), 0, ACTIVE - 1),
        "newest failed": ("ZREVRANGE", key(b"failed"), 0, FAILED - 1),
        "newest completed": ("ZREVRANGE", key(b"completed"), 0, COMPLETED - 1),
        "next repeat": ("ZRANGE", key(b"repeat"), 0, SCHEDULERS - 1, "WITHSCORES"),
        "last repeat": ("ZREVRANGE", key(b"repeat"), 0, SCHEDULERS - 1, "WITHSCORES"),
        "limiter": ("GETRANGE", key(b"limiter"), 0, 31),
        "limiter left": ("PTTL", key(b"limiter")),
        "stall check left": ("PTTL", key(b"stalled-check")),
        "stall check": ("GETRANGE", key(b"stalled-check"), 0, 31),
        "events": ("XINFO", "STREAM", key(b"events")),
        "last events": ("XREVRANGE", key(b"events"), "+", events_from_ms, "COUNT", EVENTS),
    }


def parse(queue: Queue, replies: Mapping[str, Any]) -> Snapshot:
    """Parse the replies to `questions`; what a key of the wrong type should hold is None.

    Raises:
        CannotLook: the server's clock could not be read.
    """
    lists = (*strings(replies["wait head"]), *strings(replies["wait tail"]))
    markers = len({job_id for job_id in lists if _MARKER.match(job_id)})
    wait = _count(replies["wait"])
    entries = parse_entries(replies["last events"])
    active = dict.fromkeys(
        job for end in ("oldest", "newest") for _, job in _ids("active", replies[f"{end} active"])
    )
    repeat = dict.fromkeys((*scored(replies["next repeat"]), *scored(replies["last repeat"])[::-1]))
    return Snapshot(
        queue=queue,
        now_ms=clock_ms(replies["time"]),
        meta=tuple(hash_values(replies["meta"], len(_META))),
        meta_readable=not is_wrong_type(replies["meta"]),
        meta_paused=replies["meta-paused"] == 1,
        has_id=replies["id"] != b"",
        last_id=integer(replies["id"]),
        counts=Counts(
            waiting=None if wait is None else max(0, wait - markers),
            paused=_count(replies["paused"]),
            prioritized=_count(replies["prioritized"]),
            active=_count(replies["active"]),
            delayed=_count(replies["delayed"]),
            completed=_count(replies["completed"]),
            failed=_count(replies["failed"]),
            waiting_children=_count(replies["waiting-children"]),
        ),
        tail=(*_ids("wait", replies["wait tail"]), *_ids("paused", replies["paused tail"])),
        head=(*_ids("wait", replies["wait head"]), *_ids("paused", replies["paused head"])),
        priorities=priority_set(
            queue,
            replies,
            size={name: _count(replies[name]) for name in ("prioritized", "priority")},
            paused=bool(_count(replies["paused"])),
        ),
        delayed=tuple(
            (job, int(due // _SCORE_PER_MS)) for job, due in scored(replies["next delayed"])
        ),
        undated=_count(replies["undated delayed"]) or 0,
        active=tuple(active),
        active_seen=len(active),
        limiter_used=integer(replies["limiter"]),
        limiter_ms=left_ms(replies["limiter left"]),
        stall_check_ms=left_ms(replies["stall check left"]),
        stall_checked_at_ms=timestamp_ms(replies["stall check"]),
        schedulers=tuple((scheduler, int(run)) for scheduler, run in repeat),
        schedulers_seen=len(repeat),
        schedulers_total=_count(replies["repeat"]),
        failed=tuple(strings(replies["newest failed"])),
        completed=tuple(strings(replies["newest completed"])),
        entries=tuple(reversed(entries)),
        entries_cut=len(items(replies["last events"])) >= EVENTS,
        stream=replies["events"],
        problems=tuple(
            f"the key {name} holds another type"
            for name in (*_KEYS_WITH_COUNT, "meta", "limiter", "events")
            if is_wrong_type(replies[name])
        ),
    )


def _ids(state: str, reply: Any) -> tuple[tuple[str, bytes], ...]:
    """Job ids of a list, oldest first, without the `0:<ms>` markers of BullMQ 3 and 4."""
    ids = [job_id for job_id in strings(reply) if not _MARKER.match(job_id)]
    return tuple((state, job_id) for job_id in reversed(ids))


def left_ms(reply: Any) -> int | None:
    """The remaining time in a reply to PTTL; None for no key, 0 for a key that never expires."""
    return None if not isinstance(reply, int) or reply == _PTTL_NO_KEY else max(0, reply)


def _count(reply: Any) -> int | None:
    return reply if isinstance(reply, int) and reply >= 0 else None
