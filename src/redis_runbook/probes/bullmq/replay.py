"""Computes how long jobs waited from the queue's event stream, by the server's clock.

A job's own fields are no good for that: promotion resets `delay`, a retry keeps the first
`timestamp`, and a flow parent's timestamp is older than its children. The stream says when each job
became ready and when a worker took it, also for jobs that have been removed since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.probes.bullmq.ages import SKEW_MS
from redis_runbook.probes.bullmq.facts import PickUp
from redis_runbook.probes.bullmq.naming import job_label
from redis_runbook.probes.replies import integer, items, pairs, timestamp_ms

_UNTRIMMED_ENTRIES: Final = 10_000
"""BullMQ trims a longer stream, unless the queue's meta has another limit."""
_MOVES: Final = frozenset({b"delayed", b"waiting", b"active", b"waiting-children", b"removed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the event stream: its id, its time, and the only five fields that we keep."""

    entry_id: bytes
    at_ms: int
    event: bytes
    job_id: bytes | None
    prev: bytes | None
    due_ms: int | None
    reason: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """`pick_ups`, oldest first; since when each job is ready or due that nobody took yet, by id."""

    pick_ups: tuple[PickUp, ...]
    ready_since_ms: Mapping[bytes, int]
    due_since_ms: Mapping[bytes, int]


def parse_entries(reply: Any) -> list[Entry]:
    """The entries of an `XRANGE` or `XREVRANGE` reply; malformed entries are left out."""
    entries = []
    for item in items(reply):
        pair = items(item)
        if len(pair) != 2 or not isinstance(pair[0], bytes):  # noqa: PLR2004
            continue
        at_ms = timestamp_ms(pair[0].partition(b"-")[0])
        values = {key: value for key, value in pairs(pair[1]) if isinstance(value, bytes)}
        if at_ms is None or b"event" not in values:
            continue
        entries.append(
            Entry(
                entry_id=pair[0],
                at_ms=at_ms,
                event=values[b"event"],
                job_id=values.get(b"jobId"),
                prev=values.get(b"prev"),
                due_ms=timestamp_ms(values.get(b"delay")),
                reason=values.get(b"failedReason"),
            )
        )
    return entries


def replay(entries: Sequence[Entry]) -> Replay:
    """Follow each job through the entries, which must be in the stream's order.

    A job's wait begins when it is added to a list or set, a delayed job's when it is due: a late
    promotion emits `waiting` and `active` in the same millisecond. A delayed job whose due time is
    not in the entries is left out, as its wait is not known.
    """
    due: dict[bytes, int] = {}
    ready: dict[bytes, int] = {}
    pick_ups = []
    for entry in entries:
        job = entry.job_id
        if job is None or entry.event not in _MOVES:
            continue
        since, was_due = ready.pop(job, None), due.pop(job, None)
        if entry.event == b"active" and since is not None:
            pick_ups.append(
                PickUp(at_ms=entry.at_ms, waited_ms=entry.at_ms - since, job_id=job_label(job))
            )
        elif entry.event == b"delayed" and entry.due_ms is not None:
            # Clients set due times: a job cannot be due before the server stored it as delayed.
            due[job] = max(entry.due_ms, entry.at_ms)
        elif entry.event == b"waiting" and entry.prev != b"delayed":
            ready[job] = entry.at_ms
        elif entry.event == b"waiting" and was_due is not None:
            ready[job] = min(entry.at_ms, was_due)
    return Replay(pick_ups=tuple(pick_ups), ready_since_ms=ready, due_since_ms=due)


def failures(entries: Sequence[Entry], since_ms: int) -> list[Entry]:
    """The entries about jobs that failed for good since then."""
    return [entry for entry in entries if entry.event == b"failed" and entry.at_ms >= since_ms]


def ahead_ms(entries: Sequence[Entry], *, stream: Any, now_ms: int) -> int:
    """How far a stream's newest id lies ahead of the server's clock; 0: no further than clocks may.

    Ids never go back. After the clock was set back, every new entry has the time of the last one
    before, and those before it are by another clock: none of them tells when anything happened.
    """
    last_id = dict(pairs(stream)).get(b"last-generated-id")
    newest_ms = integer(last_id.partition(b"-")[0]) if isinstance(last_id, bytes) else None
    newest = max(now_ms, newest_ms or 0, *(entry.at_ms for entry in entries[-1:]))
    return newest - now_ms if newest - now_ms > SKEW_MS else 0


def complete_from_ms(
    entries: Sequence[Entry], *, read_from_ms: int, cut: bool, stream: Any, max_entries: int | None
) -> int | None:
    """The time from which the entries (oldest first) lack no event; None: there is no stream.

    `cut` says that reading stopped at its COUNT; `stream` is the reply to `XINFO STREAM`.
    """
    info = dict(pairs(stream))
    length = integer(info.get(b"length"))
    if length is None:
        return None
    if cut:
        return entries[0].at_ms if entries else None
    added = integer(info.get(b"entries-added"))  # since Redis 7
    limit = _UNTRIMMED_ENTRIES if max_entries is None else max_entries
    if added == length or (added is None and length < limit):
        return read_from_ms
    first = parse_entries([info.get(b"first-entry")])
    return max(first[0].at_ms, read_from_ms) if first else None
