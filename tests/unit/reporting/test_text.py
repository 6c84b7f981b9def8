"""How a run reads in one line: never healthy with another code than 0, and always on what."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting.page.render import render
from redis_runbook.reporting.text import attempt, summary
from redis_runbook.verdict import ExitCode, Finding, Suppression, Verdict
from tests.unit.reporting.test_record import RECORD

MISSING = Shown("cannot write reports/latest.html: No space left on device")
PASSED = Finding(
    check=Shown("memory.used_ratio"),
    subject=Shown("queue"),
    verdict=Verdict.PASS,
    message=Shown("fine"),
)
HEALTHY = replace(
    RECORD,
    findings=(PASSED,),
    outcome=ExitCode.HEALTHY,
    exit_code=ExitCode.HEALTHY,
    selected=(),
    left_out=0,
    attempt=1,
    waited_s=0,
    unwritten=(),
)
BROKEN = replace(HEALTHY, outcome=ExitCode.BROKEN, exit_code=ExitCode.BROKEN)
UNREPORTED = replace(HEALTHY, exit_code=ExitCode.UNDETERMINED, unwritten=(MISSING,))
THROWAWAY: Mapping[str, Any] = {"announcement": "no service URL is set", "target": "embedded"}
PART: Mapping[str, Any] = {"left_out": 44, "selected": ("memory", "queue.latency")}


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (HEALTHY, "HEALTHY: every invariant that was checked holds (1 pass)"),
        (
            replace(HEALTHY, **THROWAWAY),
            "HEALTHY throwaway servers (embedded): nothing was said about yours (1 pass)",
        ),
        (
            replace(HEALTHY, **PART),
            (
                "HEALTHY 1 of 45 checks (memory, queue.latency): every invariant that was checked "
                "holds (1 pass)"
            ),
        ),
        (
            replace(HEALTHY, left_out=44),  # by an option of pytest's
            "HEALTHY 1 of 45 checks: every invariant that was checked holds (1 pass)",
        ),
        (
            replace(HEALTHY, **THROWAWAY, **PART),
            (
                "HEALTHY throwaway servers (embedded), 1 of 45 checks (memory, queue.latency): "
                "nothing was said about yours (1 pass)"
            ),
        ),
        (
            replace(BROKEN, **THROWAWAY),
            (
                "BROKEN throwaway servers (embedded): an invariant is broken; nothing was said "
                "about yours (1 pass)"
            ),
        ),
        (
            UNREPORTED,
            (
                f"UNDETERMINED: every invariant that was checked holds, but a report is missing: "
                f"{MISSING} (exit code 3) (1 pass)"
            ),
        ),
        (
            replace(BROKEN, unwritten=(MISSING, Shown("another"), Shown("a third"))),
            (
                f"BROKEN: an invariant is broken, but a report is missing: {MISSING}, and 2 more "
                "(exit code 1) (1 pass)"
            ),
        ),
    ],
)
def test_a_headline_says_what_it_covers_and_the_exit_code(record: RunRecord, line: str) -> None:
    assert summary(record) == line
    headline, _, meaning = line.removesuffix(" (1 pass)").partition(": ")
    page = render(record, title="", own=None)
    assert f">{headline} <span>{meaning}</span>" in page
    assert f"<dt>exit code</dt><dd>{int(record.exit_code)}</dd>" in page


@pytest.mark.parametrize("code", sorted({*ExitCode} - {ExitCode.HEALTHY, ExitCode.USAGE}))
def test_no_code_but_0_is_called_healthy(code: ExitCode) -> None:
    record = replace(HEALTHY, exit_code=code, unwritten=(MISSING,))
    assert "HEALTHY" not in summary(record)
    assert "HEALTHY" not in render(record, title="", own=None)


def test_an_attempt_is_one_line_with_what_is_wrong() -> None:
    names = [f"queue.workers[q{number}]" for number in range(5)]
    broken = [
        Finding(
            check=Shown("queue.workers"),
            subject=Shown(f"q{number}"),
            verdict=Verdict.FAIL,
            message=Shown("none"),
        )
        for number in range(5)
    ]
    advisory = replace(PASSED, verdict=Verdict.UNKNOWN, advisory=True)
    record = replace(BROKEN, attempt=2, waited_s=5.4, elapsed_s=2.0)
    assert attempt(replace(record, findings=(broken[0], advisory, PASSED))) == (
        f"attempt 2, 7 s: BROKEN (1 fail, 1 unknown (advisory), 1 pass): {names[0]}"
    )
    assert attempt(replace(record, findings=broken)) == (
        f"attempt 2, 7 s: BROKEN (5 fail): {', '.join(names[:3])} and 2 more"
    )
    recovered = replace(HEALTHY, attempt=3, waited_s=9, elapsed_s=2)
    assert attempt(recovered) == "attempt 3, 11 s: HEALTHY (1 pass)"


def _wrong(check: str, subject: str, verdict: Verdict = Verdict.FAIL, **details: Any) -> Finding:
    message = details.pop("message", Shown(f"{check} is not well on {subject}"))
    return Finding(
        check=Shown(check), subject=Shown(subject), verdict=verdict, message=message, **details
    )


def test_the_summary_names_what_is_broken_by_its_causes_and_counts_all() -> None:
    one = _wrong("queue.workers", "render")
    record = replace(BROKEN, findings=(one, PASSED))
    said = "BROKEN: 1 invariant is broken: queue.workers[render] (1 fail, 1 pass)"
    assert summary(record) == said
    many = [_wrong("queue.depth", f"tenant-{number}") for number in range(60)]
    others = [_wrong(f"memory.{what}", "queue") for what in ("a", "b", "c")]
    follows = _wrong("monitoring.alerts", "prometheus", follows_from=Shown(one.name))
    record = replace(BROKEN, findings=(one, *many, *others, follows, PASSED))
    assert summary(record) == (
        "BROKEN: 65 invariants are broken: queue.workers[render], queue.depth (60 subjects), "
        "memory.a[queue] and 3 more (65 fail, 1 pass)"
    )
    assert "65 invariants are broken (65 fail, 1 pass)" in summary(record, naming=False)
    page = render(record, title="", own=None)
    assert "<span>65 invariants are broken: queue.workers[render], " in page
    suppressed = Suppression(reason=Shown("known"), owner=Shown("ops"), until=None)
    known = [replace(other, suppressed=suppressed) for other in others]
    assert "1 invariant is broken: queue.workers[render] (" in summary(
        replace(BROKEN, findings=(*known, one))
    )


def test_the_summary_names_what_could_not_be_determined() -> None:
    why = Shown("no permission for INFO on cache")
    unseen = [
        _wrong(f"memory.{what}", "cache", Verdict.UNKNOWN, message=why) for what in ("a", "b")
    ]
    advisory = _wrong("latency.slowlog", "cache", Verdict.UNKNOWN, advisory=True)
    record = replace(
        HEALTHY,
        findings=(*unseen, advisory, PASSED),
        outcome=ExitCode.UNDETERMINED,
        exit_code=ExitCode.UNDETERMINED,
    )
    assert summary(record) == (
        "UNDETERMINED: nothing is known to be broken, but 2 invariants could not be determined: "
        "memory.a[cache] (with 1 alike) (2 unknown, 1 unknown (advisory), 1 pass)"
    )
    follows = replace(unseen[0], follows_from=Shown(advisory.name))
    assert "1 invariant could not be determined: memory.a[cache] (" in summary(
        replace(record, findings=(advisory, follows))
    )
