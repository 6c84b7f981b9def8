"""How a run reads in one line: never healthy with another code than 0, and always on what."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting.page.render import render
from redis_runbook.reporting.text import attempt, summary
from redis_runbook.verdict import ExitCode, Finding, Verdict
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
