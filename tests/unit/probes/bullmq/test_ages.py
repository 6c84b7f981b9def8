"""Since when a job is ready by its own hash, and which other jobs contradict it."""

import json

import pytest

from redis_runbook.probes.bullmq.ages import (
    BY_EARLIER_JOBS,
    BY_ITS_TIMESTAMP,
    AddedAt,
    due_since,
    ready_since,
)
from tests.support.bullmq_facts import NOW_MS

HOUR_MS = 3_600_000


def _ago(*jobs: tuple[bytes, int]) -> AddedAt:
    """Jobs by id, each with how many ms ago it says that it was added."""
    timestamps = [(job, b"%d" % (NOW_MS - ago)) for job, ago in jobs]
    return AddedAt(timestamps, NOW_MS, counter=10)


@pytest.mark.parametrize(
    ("job", "added_at", "since_ago_ms", "by"),
    [
        (b"9", _ago(), HOUR_MS, BY_ITS_TIMESTAMP),
        (b"9", _ago((b"7", 9_000), (b"8", 5_000)), 9_000, BY_EARLIER_JOBS),
        (b"9", _ago((b"8", 5_000)), 5_000, BY_EARLIER_JOBS),
        # The last but one counts: one alone may be wrong itself.
        (b"9", _ago((b"6", 9_000), (b"7", 8_000), (b"8", 1)), 8_000, BY_EARLIER_JOBS),
        # Jobs that were added later, or that have no number, say nothing about it.
        (b"9", _ago((b"10", 5_000), (b"render", 5_000)), HOUR_MS, BY_ITS_TIMESTAMP),
        (b"render", _ago((b"8", 5_000)), HOUR_MS, BY_ITS_TIMESTAMP),
        # A number that the counter has not reached is a client's, or of a counter before.
        (b"11", _ago((b"8", 5_000)), HOUR_MS, BY_ITS_TIMESTAMP),
        (b"9", AddedAt([(b"8", b"%d" % NOW_MS)], NOW_MS, counter=None), HOUR_MS, BY_ITS_TIMESTAMP),
        # A clock that is a little ahead contradicts nothing; one in the future is wrong itself.
        (b"9", _ago((b"8", HOUR_MS - 900)), HOUR_MS, BY_ITS_TIMESTAMP),
        (b"9", _ago((b"8", -HOUR_MS)), HOUR_MS, BY_ITS_TIMESTAMP),
    ],
)
def test_a_timestamp_is_believed_unless_earlier_jobs_contradict_it(
    job: bytes, added_at: AddedAt, since_ago_ms: int, by: str
) -> None:
    values = [b"render", b"%d" % (NOW_MS - HOUR_MS), b"0", b"{}", None, None, None, None]
    assert ready_since(job, values, added_at, NOW_MS) == (NOW_MS - since_ago_ms, by)


def test_a_delay_counts_from_when_the_job_was_really_added() -> None:
    opts = json.dumps({"delay": 4_000}).encode()
    values = [b"render", b"%d" % (NOW_MS - HOUR_MS), b"0", opts, None, None, None, None]
    since, by = ready_since(b"9", values, _ago((b"8", 5_000)), NOW_MS)
    assert (since, by) == (NOW_MS - 1_000, BY_EARLIER_JOBS)


def test_a_job_cannot_be_due_before_it_was_added() -> None:
    due_ms = NOW_MS - HOUR_MS
    assert due_since(b"9", due_ms, {}, _ago()) == (due_ms, BY_ITS_TIMESTAMP)
    assert due_since(b"9", due_ms, {b"9": NOW_MS - 3_000}, _ago()) == (NOW_MS - 3_000, "")
    later = due_since(b"9", due_ms, {}, _ago((b"8", 5_000)))
    assert later == (NOW_MS - 5_000, BY_EARLIER_JOBS)
