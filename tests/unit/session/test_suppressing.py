"""Which findings are suppressed: what an entry names, what follows from it, and nothing else."""

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.config.suppress import Suppress
from redis_runbook.redact import Shown
from redis_runbook.session.suppressing import Suppressions, with_causes
from redis_runbook.verdict import ExitCode, Finding, Verdict, exit_code

TODAY = dt.date(2026, 12, 24)
DEPTH = Finding(
    check=Shown("queue.depth"),
    subject=Shown("tenant-1"),
    verdict=Verdict.FAIL,
    message=Shown("7 wait"),
    service=Shown("queue"),
)


def suppressions(*entries: dict[str, Any], profile: str = "nightly") -> Suppressions:
    given = [Suppress(**{"reason": "r", "owner": "o", **entry}) for entry in entries]
    return Suppressions(given, profile=profile, today=TODAY, checks=CATALOGUE)


@pytest.mark.parametrize(
    ("entry", "matches"),
    [
        ({"check": "queue.depth"}, True),
        ({"check": "queue"}, True),
        ({"check": "queue.dep"}, False),
        ({"check": "que"}, False),
        ({"check": "queue", "subject": "tenant-1"}, True),
        ({"check": "queue", "subject": "tenant-*"}, True),
        ({"check": "queue", "subject": "*"}, True),
        ({"check": "queue", "subject": "tenant"}, False),
        ({"check": "queue", "subject": "tenant-?"}, False),
        ({"check": "queue", "subject": "tenant-[1]"}, False),
        ({"check": "queue", "subject": "TENANT-*"}, False),
        ({"check": "queue", "service": "queue"}, True),
        ({"check": "queue", "service": "cache"}, False),
        ({"check": "queue", "until": "2026-12-24"}, True),
        ({"check": "queue", "until": "2026-12-23"}, False),
    ],
)
def test_an_entry_matches_what_it_names(entry: dict[str, Any], *, matches: bool) -> None:
    assert bool(suppressions(entry).applied(DEPTH).suppressed) is matches


def test_characters_of_other_globs_are_themselves() -> None:
    strange = replace(DEPTH, subject=Shown("a[1]?.b"))
    assert suppressions({"check": "queue", "subject": "a[1]?.*"}).applied(strange).suppressed


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_is_not_well_is_suppressed(verdict: Verdict) -> None:
    found = suppressions({"check": "queue"}).applied(replace(DEPTH, verdict=verdict))
    assert bool(found.suppressed) is (verdict in {"fail", "unknown", "warn"})


def test_a_test_of_the_users_is_never_suppressed() -> None:
    foreign = replace(DEPTH, check=Shown("memory"))
    assert suppressions({"check": "memory"}).applied(foreign).suppressed is None


def test_gate_wants_an_end() -> None:
    endless, ended = {"check": "queue"}, {"check": "queue", "until": TODAY}
    assert suppressions(endless, profile="gate").applied(DEPTH).suppressed is None
    assert suppressions(ended, profile="gate").applied(DEPTH).suppressed
    (remark,) = suppressions(endless, endless, profile="gate").remarks([DEPTH], complete=True)
    assert remark.verdict is Verdict.NOT_APPLICABLE
    assert remark.message == "suppressions without `until` do not apply in gate: queue, queue"


def test_many_stars_take_no_time() -> None:
    pattern = "*".join("a" * 40) + "b"
    long = replace(DEPTH, subject=Shown("a" * 200))
    began = time.perf_counter()
    assert suppressions({"check": "queue", "subject": pattern}).applied(long).suppressed is None
    assert time.perf_counter() - began < 1


# What follows from it


def chain(*verdicts: Verdict) -> dict[str, Finding]:
    """Findings each of which follows from the one before; the first is suppressed."""
    subjects = [Shown(f"s{number}") for number in range(len(verdicts))]
    found = [
        replace(DEPTH, subject=subject, verdict=verdict)
        for subject, verdict in zip(subjects, verdicts, strict=True)
    ]
    found[0] = suppressions({"check": "queue"}).applied(found[0])
    for before, number in zip(found[:-1], range(1, len(found)), strict=True):
        found[number] = replace(found[number], follows_from=Shown(before.name))
    return {one.name: one for one in found}


def test_what_follows_is_suppressed_through_its_cause_however_far() -> None:
    unknown = Verdict.UNKNOWN
    found = with_causes(chain(Verdict.FAIL, unknown, unknown))
    assert [bool(one.suppressed) for one in found] == [True, True, True]
    other = replace(DEPTH, subject=Shown("other"), verdict=Verdict.PASS)
    assert exit_code([*found, other]) is ExitCode.HEALTHY


def test_what_is_worse_than_its_cause_is_broken_on_its_own() -> None:
    found = with_causes(chain(Verdict.WARN, Verdict.FAIL))
    assert [bool(one.suppressed) for one in found] == [True, False]
    assert exit_code(found) is ExitCode.BROKEN


def test_a_cause_that_holds_suppresses_nothing() -> None:
    found = with_causes(chain(Verdict.PASS, Verdict.UNKNOWN))
    assert [bool(one.suppressed) for one in found] == [False, False]
    assert exit_code(found) is ExitCode.UNDETERMINED


def test_a_circle_ends() -> None:
    one = replace(DEPTH, follows_from=Shown("queue.depth[b]"), subject=Shown("a"))
    other = replace(DEPTH, follows_from=Shown("queue.depth[a]"), subject=Shown("b"))
    found = with_causes({one.name: one, other.name: other})
    assert not any(finding.suppressed for finding in found)


# The exit code


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.FAIL, ExitCode.HEALTHY),
        (Verdict.WARN, ExitCode.HEALTHY),
        (Verdict.UNKNOWN, ExitCode.NOTHING_CHECKED),
    ],
)
def test_what_was_not_looked_at_is_not_healthy_when_it_is_suppressed(
    verdict: Verdict, code: ExitCode
) -> None:
    finding = suppressions({"check": "queue"}).applied(replace(DEPTH, verdict=verdict))
    assert exit_code([finding]) is code


def test_nothing_is_healthy_where_all_that_was_seen_is_that_a_service_is_away() -> None:
    unwell = suppressions({"check": "queue"})
    away = unwell.applied(replace(DEPTH, verdict=Verdict.FAIL))
    unseen = unwell.applied(replace(DEPTH, subject=Shown("b"), verdict=Verdict.UNKNOWN))
    held = replace(DEPTH, subject=Shown("c"), verdict=Verdict.PASS)
    assert exit_code([away, unseen]) is ExitCode.NOTHING_CHECKED
    assert exit_code([away, unseen, held]) is ExitCode.HEALTHY


def test_a_remark_is_no_look_at_a_service() -> None:
    expired = suppressions({"check": "queue", "until": "2026-12-23"})
    assert exit_code(expired.remarks([], complete=True)) is ExitCode.NOTHING_CHECKED


# What is wrong with them


def test_two_that_are_equal_are_told_apart() -> None:
    expired = {"check": "queue", "until": "2026-12-23"}
    remarks = list(suppressions(expired, expired).remarks([], complete=False))
    assert [remark.name for remark in remarks] == [
        "suppressions[queue]",
        "suppressions[queue (2)]",
    ]


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ((Verdict.PASS,), True),
        ((Verdict.FAIL, Verdict.NOT_APPLICABLE), True),
        ((Verdict.NOT_APPLICABLE,), False),  # there is nothing of that kind here now
        ((Verdict.PASS, Verdict.UNKNOWN), False),  # it may be among what could not be seen
        ((), True),  # there never is
    ],
)
def test_one_that_names_nothing_is_told_if_it_could_have(
    verdicts: tuple[Verdict, ...], *, told: bool
) -> None:
    found = [
        replace(DEPTH, subject=Shown(f"other-{number}"), verdict=verdict)
        for number, verdict in enumerate(verdicts)
    ]
    unmatched = suppressions({"check": "queue.depth", "subject": "tenant-*"})
    assert bool(list(unmatched.remarks(found, complete=True))) is told
    assert not list(unmatched.remarks(found, complete=False))


def test_one_that_names_what_holds_is_no_warning() -> None:
    held = replace(DEPTH, verdict=Verdict.PASS)
    assert not list(suppressions({"check": "queue.depth"}).remarks([held], complete=True))
