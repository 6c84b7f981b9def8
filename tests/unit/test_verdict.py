"""Findings, and the exit code that they amount to."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.redact import Shown
from redis_runbook.verdict import ExitCode, Finding, Verdict, count, exit_code


def finding(verdict: Verdict, **changes: Any) -> Finding:
    check, subject = Shown("a.b"), Shown("c")
    return Finding(check=check, subject=subject, verdict=verdict, message=Shown("d"), **changes)


def test_a_finding_is_a_fixed_record_of_finite_numbers() -> None:
    found = finding(Verdict.PASS, observed=1.0, limit=2.0)
    assert found.name == "a.b[c]"
    with pytest.raises(FrozenInstanceError):
        found.verdict = Verdict.FAIL  # type: ignore[misc]
    for number in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="is not a finite number"):
            finding(Verdict.PASS, observed=number)
        with pytest.raises(ValueError, match="is not a finite number"):
            finding(Verdict.PASS, limit=number)


PASS, FAIL, UNKNOWN, WARN, NONE = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.UNKNOWN,
    Verdict.WARN,
    Verdict.NOT_APPLICABLE,
)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 5),
        ([NONE], 5),
        ([PASS], 0),
        ([WARN], 0),
        ([PASS, WARN, NONE], 0),
        ([UNKNOWN], 3),
        ([UNKNOWN, NONE], 3),
        ([PASS, WARN, UNKNOWN], 3),
        ([FAIL], 1),
        ([FAIL, UNKNOWN], 1),
        ([FAIL, UNKNOWN, WARN, PASS, NONE], 1),
    ],
)
def test_the_exit_code_is_what_the_findings_amount_to(verdicts: list[Verdict], code: int) -> None:
    findings = [finding(verdict) for verdict in verdicts]
    assert exit_code(findings) == code
    assert exit_code(findings, interrupted=True) == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("invariants", "advisory", "code"),
    [
        ([PASS], [UNKNOWN], 0),
        ([WARN], [UNKNOWN, NONE], 0),
        ([UNKNOWN], [UNKNOWN], 3),
        ([FAIL], [UNKNOWN], 1),
        ([NONE], [UNKNOWN], 5),
        ([], [UNKNOWN, PASS], 0),
    ],
)
def test_an_advisory_check_that_could_not_look_changes_no_exit_code(
    invariants: list[Verdict], advisory: list[Verdict], code: int
) -> None:
    findings = [finding(verdict) for verdict in invariants]
    findings += [finding(verdict, advisory=True) for verdict in advisory]
    assert exit_code(findings) == code


@given(st.lists(st.sampled_from(Verdict), max_size=30), st.randoms())
def test_the_exit_code_depends_on_which_verdicts_there_are_alone(
    verdicts: list[Verdict], random: Any
) -> None:
    findings = [finding(verdict) for verdict in verdicts]
    code = exit_code(findings)
    random.shuffle(findings)
    assert exit_code([*findings, *findings, finding(NONE)]) == code
    assert (code == 0) == (
        bool({PASS, WARN} & set(verdicts)) and not {FAIL, UNKNOWN} & set(verdicts)
    )
    assert sum(count(findings).values()) == len(findings)
