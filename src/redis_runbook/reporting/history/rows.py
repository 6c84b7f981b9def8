"""The rows of `history.sqlite`: made from a record, and read back as what they should be."""

import datetime as dt
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, sentence, shortened
from redis_runbook.reporting.fields import count, number, text, text_or_none
from redis_runbook.reporting.text import counts
from redis_runbook.verdict import ExitCode, Finding

_MOST_SHOWN: Final = 200
_MOST_NAME: Final = 5_000
"""A check's id and its subject, each of which is cut before that."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)

OF_A_PAST_RUN: Final = "started_us, profile, services, elapsed_s, exit_code, counts, report"
"""The columns that make a `PastRun`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run that is kept. `report` is the name of its files, None if it did not live to tell."""

    at: dt.datetime
    profile: Shown
    services: Shown
    elapsed_s: float
    exit_code: ExitCode
    counts: Shown
    report: Shown | None


def kind(record: RunRecord) -> str:
    """What runs that can be compared have in common: profile, target, services and selection."""
    services = sorted((service.name, service.address or "") for service in record.services)
    is_part = bool(record.left_out) and not record.selected  # by an option of pytest's
    what = [record.profile, record.target, services, sorted(set(record.selected)), is_part]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def of_run(record: RunRecord, kind: str) -> Mapping[str, object]:
    """The columns of a run that is added, and their values."""
    services = ", ".join(
        f"{service.name} at {service.address}" if service.address else service.name
        for service in record.services
    )
    return {
        "kind": kind,
        "profile": record.profile,
        "target": record.target,
        "services": shortened(sentence(services), _MOST_SHOWN),
        "started_us": us(record.started_at),
        "elapsed_s": record.elapsed_s,
        "outcome": int(record.outcome),
        "exit_code": int(record.exit_code),
        "counts": counts(record.findings),
        "size": len(record.findings),
    }


def of_finding(finding: Finding) -> tuple[object, ...]:
    """Verdict, observed, limit, unit, and whether it is suppressed."""
    return (
        finding.verdict.value,
        _real(finding.observed),
        _real(finding.limit),
        finding.unit,
        int(finding.suppressed is not None),
    )


def past_run(row: Sequence[Any]) -> PastRun:
    """Read the columns `OF_A_PAST_RUN`.

    Raises:
        TypeError, ValueError, OverflowError: they hold what no run wrote.
    """
    started_us, profile, services, elapsed_s, exit_code, counted, report = row
    return PastRun(
        at=moment(started_us),
        profile=shortened(text(profile), _MOST_SHOWN),
        services=shortened(text(services), _MOST_SHOWN),
        elapsed_s=_finite(number(elapsed_s)),
        exit_code=ExitCode(exit_code),
        counts=shortened(text(counted), _MOST_SHOWN),
        report=text_or_none(report),
    )


def name(value: Any) -> str:
    """The name of a finding; raises as `past_run`."""
    if not isinstance(value, str) or len(value) > _MOST_NAME:
        raise ValueError("no finding has such a name")
    return value


def observed(value: Any) -> float | None:
    """What was observed; raises as `past_run`."""
    return None if value is None else _finite(number(value))


def us(at: dt.datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def moment(started_us: Any) -> dt.datetime:
    """When that was; raises as `past_run`."""
    return _EPOCH + count(started_us) * _MICROSECOND


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("nothing that is infinite was measured")
    return value


def _real(value: float | None) -> float | None:
    """A number as SQLite has it; an integer may be larger than it can hold."""
    return None if value is None else float(value)
