"""Nights for tests of the history: records as a run leaves them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis_runbook.config.history import HistorySettings
from redis_runbook.record import RunRecord, ServiceRecord, TrendPoint
from redis_runbook.redact import Shown, printable
from redis_runbook.reporting.history.keeping import FILE, History
from redis_runbook.verdict import Finding, Verdict, exit_code

FIRST = dt.datetime(2026, 9, 1, 3, 17, tzinfo=dt.UTC)


def finding(
    name: str, verdict: str = "pass", observed: float | None = None, **more: Any
) -> Finding:
    """The finding of this name: `check[subject]`."""
    check, _, rest = name.partition("[")
    subject = printable(rest.removesuffix("]") or "queue")
    found = Finding(
        check=printable(check),
        subject=subject,
        verdict=Verdict(verdict),
        message=Shown("a message"),
        service=Shown("queue"),
        observed=observed,
        limit=0.8 if observed is not None else None,
        unit=Shown("ratio") if observed is not None else None,
    )
    return replace(found, **more)


def night(number: float, *findings: Finding, **more: Any) -> RunRecord:
    """The nightly run so many days after the first, on one queue service."""
    outcome = exit_code(findings)
    queue = ServiceRecord(
        name=Shown("queue"), role=Shown("queue"), address=Shown("redis-queue:6379"), window_s=2.0
    )
    record = RunRecord(
        profile=Shown("nightly"),
        selected=(),
        target=Shown("live"),
        announcement=None,
        started_at=FIRST + dt.timedelta(days=number),
        elapsed_s=12.3,
        services=(queue,),
        queues=(),
        findings=findings,
        outcome=outcome,
        exit_code=outcome,
    )
    return replace(record, **more)


def kept(folder: Path, record: RunRecord, **settings: Any) -> RunRecord:
    """The record as the history tells it, once it is kept and settled, without a problem."""
    history = History(folder, HistorySettings(**settings))
    added = history.add(record, settings.get("instead_of"))
    assert history.problems() == []
    report = f"{record.profile}-{record.started_at:%Y%m%dT%H%M%SZ}"
    assert history.settle(added, report) == []
    return added


def problems(folder: Path, record: RunRecord) -> list[str]:
    """What the run says while it is kept and settled; empty if all went well."""
    history = History(folder, HistorySettings())
    added = history.add(record, None)
    return history.problems() + history.settle(added, "nightly-20260901T031700Z")


def refused(folder: Path, record: RunRecord) -> str:
    """Why it cannot be kept, in the sentence that the run prints."""
    history = History(folder, HistorySettings())
    added = history.add(record, None)
    (problem,) = history.problems()
    assert history.problems() == []
    assert history.settle(added, "nightly-20260901T031700Z") == []
    start = f"cannot write {folder / FILE}: "
    assert problem.startswith(start)
    return problem.removeprefix(start)


def points(values: Sequence[float | None], *, days: float = 1.0) -> list[TrendPoint]:
    """What was observed each so many days."""
    return [
        TrendPoint(
            at=FIRST + dt.timedelta(days=number * days), verdict=Verdict.PASS, observed=value
        )
        for number, value in enumerate(values)
    ]
