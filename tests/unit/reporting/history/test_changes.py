"""What differs from the last run: worked out from what earlier runs found, newest first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from redis_runbook.record import Changes, RunRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting.history.changes import Unsettled, changes
from redis_runbook.verdict import Suppression, Verdict
from tests.support.history import finding, night

SUPPRESSED = Suppression(reason=Shown("known"), owner=Shown("ops"), until=None)


def compared(record: RunRecord, *nights: Mapping[str, str]) -> Changes:
    """With earlier nights, oldest first."""
    found = changes(record, reversed(list(unsettled(nights))))
    assert found is not None
    return found


def unsettled(nights: Sequence[Mapping[str, str]]) -> Iterator[Unsettled]:
    for number, verdicts in enumerate(nights):
        known = {name: Verdict(verdict) for name, verdict in verdicts.items()}
        yield Unsettled(at=night(number).started_at, verdicts=known)


def test_the_first_run_is_compared_with_none() -> None:
    assert changes(night(0, finding("a[x]", "fail")), ()) is None


def test_a_healthy_night_after_a_healthy_one_has_no_changes() -> None:
    found = compared(night(1, finding("a[x]"), finding("b[x]", "warn")), {})
    assert found == Changes(since=night(0).started_at)


@pytest.mark.parametrize(
    ("now", "nights", "expected"),
    [
        ("fail", [{}], {"newly_broken": ("a[x]",)}),
        ("fail", [{"a[x]": "fail"}, {}], {"newly_broken": ("a[x]",)}),
        ("fail", [{"a[x]": "fail"}], {"still_broken": {"a[x]": 0}}),
        ("fail", [{}, {"a[x]": "fail"}, {"a[x]": "fail"}], {"still_broken": {"a[x]": 1}}),
        ("fail", [{"a[x]": "fail"}, {"a[x]": "unknown"}], {"still_broken": {"a[x]": 0}}),
        (
            "fail",
            [{"a[x]": "fail"}, {}, {"a[x]": "fail"}, {"a[x]": "unknown"}, {"a[x]": "fail"}],
            {"still_broken": {"a[x]": 2}},
        ),
        ("fail", [{"a[x]": "unknown"}], {"newly_broken": ("a[x]",)}),
        ("fail", [{}, {"a[x]": "unknown"}], {"newly_broken": ("a[x]",)}),
        ("pass", [{"a[x]": "fail"}], {"repaired": ("a[x]",)}),
        ("warn", [{"a[x]": "fail"}], {"unclear": ("a[x]",)}),
        ("pass", [{"a[x]": "fail"}, {"a[x]": "unknown"}], {"repaired": ("a[x]",)}),
        ("pass", [{"a[x]": "unknown"}], {}),
        ("pass", [{"a[x]": "fail"}, {}], {}),
        ("unknown", [{"a[x]": "fail"}], {"unclear": ("a[x]",)}),
        ("unknown", [{"a[x]": "fail"}, {"a[x]": "unknown"}], {"unclear": ("a[x]",)}),
        ("unknown", [{}], {}),
        ("unknown", [{"a[x]": "unknown"}], {}),
        ("not_applicable", [{"a[x]": "fail"}], {}),
        (None, [{"a[x]": "fail"}], {"unclear": ("a[x]",)}),
        (None, [{"a[x]": "unknown"}], {}),
    ],
)
def test_a_finding_has_changed_or_not(
    now: str | None, nights: Sequence[Mapping[str, str]], expected: Mapping[str, Any]
) -> None:
    findings = [finding("a[x]", now)] if now else []
    found = compared(night(9, *findings), *nights)
    since = {name: night(at).started_at for name, at in expected.get("still_broken", {}).items()}
    wanted = {"since": night(len(nights) - 1).started_at, **expected, "still_broken": since}
    assert found == Changes(**wanted)


def test_what_is_suppressed_is_never_newly_broken_and_else_what_it_is() -> None:
    quiet = finding("a[x]", "fail", suppressed=SUPPRESSED)
    assert compared(night(1, quiet), {}) == Changes(since=night(0).started_at)
    still = compared(night(1, quiet), {"a[x]": "fail"})
    assert still.still_broken == {"a[x]": night(0).started_at}


def test_no_more_is_read_than_it_takes() -> None:
    read: list[Unsettled] = []

    def history() -> Iterator[Unsettled]:
        for one in reversed(list(unsettled([{"b[x]": "fail"}] * 50))):
            read.append(one)
            yield one

    changes(night(60, finding("a[x]"), finding("b[x]")), history())
    assert len(read) == 1
