"""How many jobs failed, and for how much of the hour that is known."""

from typing import Any

import pytest

from redis_runbook.judging.failures import failures
from tests.support.bullmq_facts import NOW_MS, quiet

HOUR_AGO_MS = NOW_MS - 3_600_000
SHORT_MS = NOW_MS - 720_000
REMOVED = "; none is kept from before it, so some may have been removed"
SHORT = {"history_from_ms": SHORT_MS}


@pytest.mark.parametrize(
    ("known", "count", "unseen", "when", "remark"),
    [
        # The events tell the whole hour.
        ({"failed_events": 0}, 0, False, "in the last hour", ""),
        ({"failed_events": 500}, 500, False, "in the last hour", ""),
        ({"failed_last_hour": 7}, 7, False, "in the last hour", ""),
        # They reach back 12 min, and the queue keeps what they tell.
        (
            {"history_from_ms": SHORT_MS},
            0, False,
            "in the 12.0 min whose events were read, and none is kept from before", "",
        ),
        (
            {**SHORT, "failed_events": 3, "failed_last_hour": 8, "counts": {"failed": 9}},
            8, False, "in the last hour", "; the events of 12.0 min were read",
        ),
        # It does not keep it, or by another clock: nobody knows how many failed before.
        (
            {"history_from_ms": SHORT_MS, "failed_events": 3},
            3, True, "in the 12.0 min whose events were read", "",
        ),
        (
            {"history_from_ms": SHORT_MS, "failed_events": 3, "failed_last_hour": None},
            3, True, "in the 12.0 min whose events were read", "",
        ),
        (
            {**SHORT, "failed_last_hour": None},
            0, True, "in the 12.0 min whose events were read", "",
        ),
        # Bull has no events.
        (
            {"history_from_ms": None, "failed_last_hour": 8, "counts": {"failed": 9}},
            8, False, "in the last hour", "; no events tell of failures that were not kept",
        ),
        # Nothing is kept from before the hour: `removeOnFail` may have removed some of it, too.
        (
            {**SHORT, "failed_events": 3, "failed_last_hour": 8, "counts": {"failed": 8}},
            8, True, "in the last hour at least",
            f"{REMOVED}; the events of 12.0 min were read",
        ),
        (
            {"history_from_ms": None, "failed_last_hour": 8, "counts": {"failed": 8}},
            8, True, "in the last hour at least",
            f"{REMOVED}; no events tell of failures that were not kept",
        ),
        ({"failed_last_hour": 8, "counts": {"failed": 8}}, 8, False, "in the last hour", ""),
    ],
)  # fmt: skip
def test_what_is_kept_and_what_events_tell(
    known: dict[str, Any], count: int, unseen: object, when: str, remark: str
) -> None:
    found = failures(quiet(**{"history_from_ms": HOUR_AGO_MS, **known}))
    assert found
    assert (found.count, found.unseen, found.when, found.remark) == (count, unseen, when, remark)


def test_neither_set_nor_events() -> None:
    assert failures(quiet(failed_last_hour=None, history_from_ms=None)) is None
