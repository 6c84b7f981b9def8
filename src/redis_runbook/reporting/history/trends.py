"""What the last runs found, under the names that this run has findings of."""

from collections.abc import Mapping, Sequence
from typing import Final

from redis_runbook.record import RunRecord, Trend, TrendPoint
from redis_runbook.redact import reread
from redis_runbook.reporting.history.forecast import RISING, forecast
from redis_runbook.verdict import SEVERITY, Finding, Verdict

RUNS: Final = 30
"""How many runs a trend shows, beside this one."""

_MOST: Final = 300


def shown(record: RunRecord) -> Sequence[Finding]:
    """The findings that have a trend: at most 300, broken ones first, then those of services."""
    found: dict[str, Finding] = {}
    for finding in record.by_severity:  # of those with the same name, the worst
        if finding.verdict is not Verdict.NOT_APPLICABLE:
            found.setdefault(finding.name, finding)
    return sorted(found.values(), key=_place)[:_MOST]


def _place(finding: Finding) -> tuple[bool, bool, int]:
    is_broken = finding.verdict is Verdict.FAIL
    is_of_a_service = finding.subject == finding.service
    return not is_broken, not is_of_a_service, SEVERITY.index(finding.verdict)


def trends(
    record: RunRecord, findings: Sequence[Finding], earlier: Mapping[str, Sequence[TrendPoint]]
) -> Sequence[Trend]:
    """The trends of these findings of a run, by what earlier runs found, oldest first.

    A finding that no earlier run had is without one.
    """
    return tuple(
        _trend(record, finding, points)
        for finding in findings
        if (points := earlier.get(finding.name))
    )


def _trend(record: RunRecord, finding: Finding, earlier: Sequence[TrendPoint]) -> Trend:
    now = TrendPoint(at=record.started_at, verdict=finding.verdict, observed=finding.observed)
    points = (*earlier, now)
    rises = finding.check in RISING and finding.limit is not None and finding.observed is not None
    return Trend(
        name=reread(finding.name),
        unit=finding.unit,
        limit=finding.limit,
        points=points,
        forecast=forecast(points, finding.limit or 0.0) if rises else None,
    )
