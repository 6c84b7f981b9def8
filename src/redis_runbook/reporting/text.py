"""Formats numbers, verdict counts and exit codes for all reports."""

from collections.abc import Sequence
from typing import Final

from redis_runbook.check import percent
from redis_runbook.record import RunRecord
from redis_runbook.verdict import ExitCode, Finding, Verdict, count

HEADLINES: Final = {
    ExitCode.HEALTHY: "HEALTHY",
    ExitCode.BROKEN: "BROKEN",
    ExitCode.INTERRUPTED: "INTERRUPTED",
    ExitCode.UNDETERMINED: "UNDETERMINED",
    ExitCode.NOTHING_CHECKED: "NOTHING CHECKED",
}
_MEANINGS: Final = {
    ExitCode.HEALTHY: "every invariant that was checked holds",
    ExitCode.BROKEN: "an invariant is broken",
    ExitCode.INTERRUPTED: "the run was interrupted: this report is partial",
    ExitCode.UNDETERMINED: "nothing is known to be broken, but not everything could be determined",
    ExitCode.NOTHING_CHECKED: "nothing was checked",
}


def meaning(code: ExitCode) -> str:
    """The meaning of an exit code, as a clause."""
    return _MEANINGS[code]


def quantity(value: float | None, unit: str | None) -> str:
    """A number with its unit: `83.1 %`, `12.4 ms`, `1 440 entries`; empty if it is None."""
    if value is None:
        return ""
    if unit == "ratio":
        return percent(value, 1)
    digits = 0 if value == int(value) else 1 if abs(value) >= 10 else 3  # noqa: PLR2004
    number = f"{value:,.{digits}f}".replace(",", " ")
    return f"{number} {unit}" if unit else number


def counts(findings: Sequence[Finding]) -> str:
    """`2 fail, 1 unknown, 27 pass`: the verdicts that occurred, worst first.

    What advisory checks could not tell is counted apart: `1 unknown (advisory)`.
    """
    advisory = sum(one.advisory and one.verdict is Verdict.UNKNOWN for one in findings)
    shown = []
    for verdict, number in count(findings).items():
        unaided = number - advisory if verdict is Verdict.UNKNOWN else number
        if unaided:
            shown.append(f"{unaided} {verdict.label.lower()}")
        if verdict is Verdict.UNKNOWN and advisory:
            shown.append(f"{advisory} unknown (advisory)")
    return ", ".join(shown)


def left_out(record: RunRecord) -> str:
    """How many checks were not selected; empty if all were."""
    return f"{record.left_out} checks were not selected" if record.left_out else ""


def recovery(record: RunRecord) -> str:
    """The number of attempts and the time since the first, with `--wait`; empty for one attempt."""
    if record.attempt <= 1:
        return ""
    took_s = record.waited_s + record.elapsed_s
    return f"attempt {record.attempt}, {took_s:.0f} s after the first began"
