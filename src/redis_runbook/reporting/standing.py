"""What a finding counts as in formats that know passed, failed, in error, and skipped only."""

import enum

from redis_runbook.record import RunRecord
from redis_runbook.reporting.grouping import Group, groups
from redis_runbook.verdict import SEVERITY, Finding, Verdict


class Standing(enum.Enum):
    """What a finding counts as."""

    PASSED = enum.auto()
    FAILED = enum.auto()
    UNDETERMINED = enum.auto()
    SKIPPED = enum.auto()


def standing(finding: Finding) -> Standing:
    """What it counts as: nothing that changes no exit code counts as failed.

    A warning passed; what does not apply, what is suppressed, and what an advisory check could not
    tell are skipped, each with its reason: see `why_skipped`.
    """
    if finding.is_broken:
        return Standing.FAILED
    if finding.is_undetermined:
        return Standing.UNDETERMINED
    passed = finding.verdict in {Verdict.PASS, Verdict.WARN} and not finding.suppressed
    return Standing.PASSED if passed else Standing.SKIPPED


def why_skipped(finding: Finding) -> str:
    """`FAIL, suppressed until 2026-12-01 by ops: we know; …`; empty where it is not skipped."""
    if standing(finding) is not Standing.SKIPPED:
        return ""
    if finding.suppressed:
        return f"{suppression(finding)}; {finding.message}"
    if finding.verdict is Verdict.UNKNOWN:
        return f"UNKNOWN (advisory): {finding.message}"
    return finding.message


def suppression(finding: Finding) -> str:
    """`FAIL, suppressed until 2026-12-01 by ops: we know`; empty where it is not suppressed."""
    why = finding.suppressed
    return f"{finding.verdict.label}, {why.clause}" if why else ""


def of_concern(record: RunRecord, *verdicts: Verdict) -> list[Finding]:
    """The findings with one of these verdicts that nobody suppressed, in the record's order."""
    return [one for one in record.findings if one.verdict in verdicts and not one.suppressed]


def concerns(record: RunRecord, *verdicts: Verdict) -> list[Group]:
    """The same in groups of one cause, worst first."""
    found = of_concern(record, *verdicts)
    return groups(sorted(found, key=lambda one: SEVERITY.index(one.verdict)), record)
