"""Tells since when a job that never ran has been ready, where no event says it.

The job's hash says when it was added, by the clock of the client that added it, or whatever that
client gave as `timestamp`. Other jobs contradict it: ids are a counter, so a job was added after
every job with a smaller number. A number that the counter has not reached is no such id: a client
chose it, or the counter began anew.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis_runbook.probes.bullmq.facts import MS_PER_S
from redis_runbook.probes.replies import integer, timestamp_ms

JOB_FIELDS: Final = (
    *("name", "timestamp", "delay", "opts"),
    *("processedOn", "ats", "atm", "attemptsMade"),
)
SKEW_MS: Final = 1000
"""A client's clock may be this far from another's before it counts as wrong."""
BY_ITS_TIMESTAMP: Final = "by its own timestamp"
BY_EARLIER_JOBS: Final = "by jobs added before it, which its own timestamp contradicts"


class AddedAt:
    """When jobs say that they were added, by their number."""

    def __init__(
        self, timestamps: Iterable[tuple[bytes, Any]], now_ms: int, *, counter: int | None
    ) -> None:
        """Keep those of jobs whose id the counter gave and whose timestamp may be true."""
        self._counter = counter or 0
        self._known = {
            number: added
            for job, timestamp in timestamps
            if (number := self._number(job)) is not None
            and (added := timestamp_ms(timestamp)) is not None
            and added <= now_ms + SKEW_MS
        }

    def _number(self, job: bytes) -> int | None:
        """The id as the counter gave it; None: it is another."""
        is_number = job.isdigit() and len(job) < 16  # noqa: PLR2004  # and no long text of digits
        return int(job) if is_number and int(job) <= self._counter else None

    def earliest_ms(self, job: bytes, own_ms: int) -> int | None:
        """The time that a job cannot have been added before, where its own timestamp is earlier.

        Where several jobs with smaller numbers contradict it, the last but one counts, so that one
        that is wrong itself does no harm. None: nothing contradicts the job's timestamp.
        """
        own = self._number(job)
        if own is None:
            return None
        later = sorted(
            added
            for number, added in self._known.items()
            if number < own and added > own_ms + SKEW_MS
        )
        return later[-2:][0] if later else None


def ready_since(
    job: bytes, values: Sequence[Any], added_at: AddedAt, now_ms: int
) -> tuple[int | None, str]:
    """When the job became ready and by what evidence; or None, and why that is not known.

    `values` are those of `JOB_FIELDS`. The hash's own `delay` is of no use: promotion sets it to 0.
    """
    if all(value is None for value in values):
        return None, "its hash is gone"
    if any(integer(value) for value in values[4:]):
        return None, "it was retried, and its hash does not say when"
    added = timestamp_ms(values[1])
    if added is None:
        return None, "it has no timestamp"
    if added > now_ms + SKEW_MS:
        ahead_s = (added - now_ms) / MS_PER_S
        return None, f"its timestamp is {ahead_s:.0f} s in the future: a client's clock is wrong"
    earliest = added_at.earliest_ms(job, added)
    ready = (added if earliest is None else earliest) + max(
        _delay_ms(values[3]), integer(values[2]) or 0
    )
    if ready > now_ms + SKEW_MS:
        return None, "it was promoted early, and its hash does not say when"
    return ready, BY_ITS_TIMESTAMP if earliest is None else BY_EARLIER_JOBS


def due_since(
    job: bytes, due_ms: int, seen_delayed_ms: Mapping[bytes, int], added_at: AddedAt
) -> tuple[int, str]:
    """Since when a delayed job is due, and by what evidence: not before it was added.

    Its due time is the client's clock, or its `timestamp`, and the delay. `seen_delayed_ms` are the
    due times that events tell, which are never earlier than the event.
    """
    if job in seen_delayed_ms:
        return max(due_ms, seen_delayed_ms[job]), ""
    earliest = added_at.earliest_ms(job, due_ms)
    return (due_ms, BY_ITS_TIMESTAMP) if earliest is None else (earliest, BY_EARLIER_JOBS)


def _delay_ms(opts: Any) -> int:
    if not isinstance(opts, bytes):
        return 0
    try:
        options = json.loads(opts)
    except (ValueError, RecursionError):
        return 0
    delay = options.get("delay") if isinstance(options, dict) else None
    return int(delay) if isinstance(delay, int | float) and 0 <= delay < 1 << 53 else 0
