"""How long jobs waited, replayed from a queue's event stream."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.probes.bullmq.replay import parse_entries, replay
from tests.support.bullmq_facts import NOW_MS

Happened = tuple[int, str, dict[str, Any]]
"""Milliseconds after NOW_MS, the event, its other fields."""


def _entries(*events: Happened) -> Any:
    """Entries as XRANGE replies have them."""
    return [
        [
            f"{NOW_MS + at_ms}-{number}".encode(),
            [
                text.encode()
                for pair in {"event": event, "jobId": "1", **fields}.items()
                for text in map(str, pair)
            ],
        ]
        for number, (at_ms, event, fields) in enumerate(events)
    ]


ADDED: Happened = (0, "waiting", {})
DELAYED: Happened = (0, "delayed", {"delay": NOW_MS + 3_000})


def _promoted(at_ms: int) -> Happened:
    return at_ms, "waiting", {"prev": "delayed"}


def _taken(at_ms: int) -> Happened:
    return at_ms, "active", {"prev": "waiting"}


@pytest.mark.parametrize(
    ("events", "waited_ms"),
    [
        ([ADDED, _taken(250)], [250]),
        ([DELAYED, _promoted(3_001), _taken(3_005)], [5]),
        # Promoted late and taken in the same millisecond.
        ([DELAYED, _promoted(6_000), _taken(6_000)], [3_000]),
        # Promoted early, by hand.
        ([DELAYED, _promoted(1_000), _taken(2_500)], [1_500]),
        # The due time was trimmed away.
        ([_promoted(6_000), _taken(6_000)], []),
        ([_taken(6_000)], []),
        # Retried with a backoff of 2 s.
        (
            [ADDED, _taken(10), (500, "delayed", {"delay": NOW_MS + 2_500}), _promoted(2_502),
             _taken(2_510)],
            [10, 10],
        ),
        # Retried at once, or stalled and recovered.
        ([ADDED, _taken(10), (500, "waiting", {"prev": "active"}), _taken(700)], [10, 200]),
        # A flow parent.
        (
            [(0, "waiting-children", {}), (3_000, "waiting", {"prev": "waiting-children"}),
             _taken(3_020)],
            [20],
        ),
        # The client's clock is an hour behind: due before it was added.
        ([(0, "delayed", {"delay": NOW_MS - 3_600_000}), _promoted(40), _taken(50)], [50]),
        # Its delay was changed.
        (
            [DELAYED, (1_000, "delayed", {"delay": NOW_MS + 9_000}), _promoted(9_010),
             _taken(9_100)],
            [100],
        ),
        # Removed, and another job was given the same id.
        ([ADDED, (10, "removed", {}), _taken(5_000)], []),
        ([ADDED, _taken(10), (20, "completed", {}), (60, "waiting", {}), _taken(90)], [10, 30]),
    ],
)  # fmt: skip
def test_replay(events: list[Any], waited_ms: list[int]) -> None:
    replayed = replay(parse_entries(_entries(*events)))
    assert [pick.waited_ms for pick in replayed.pick_ups] == waited_ms
    assert replayed.ready_since_ms == {}


def test_a_job_that_is_ready_and_not_taken_is_remembered() -> None:
    replayed = replay(parse_entries(_entries(ADDED, _taken(5), DELAYED, _promoted(9_000))))
    assert replayed.ready_since_ms == {b"1": NOW_MS + 3_000}


replies = st.recursive(
    st.one_of(st.none(), st.integers(), st.binary(max_size=20)),
    lambda inner: st.lists(inner, max_size=4),
)


@given(replies)
def test_entries_of_anything_are_no_error(reply: Any) -> None:
    for pick in replay(parse_entries(reply)).pick_ups:
        assert pick.waited_ms >= 0
