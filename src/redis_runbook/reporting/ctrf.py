"""`results.json`: the run in CTRF, the Common Test Report Format (ctrf.io)."""

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

from redis_runbook import __version__
from redis_runbook.record import RunRecord
from redis_runbook.reporting.history.encoding import encoded_changes, encoded_trends
from redis_runbook.verdict import ExitCode, Finding, Suppression, Verdict, count

_STATUS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "passed",
    Verdict.WARN: "passed",
    Verdict.FAIL: "failed",
    Verdict.UNKNOWN: "other",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(record: RunRecord) -> str:
    """The whole document."""
    document = _document(record)
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _document(record: RunRecord) -> dict[str, Any]:
    statuses = [_status(finding) for finding in record.findings]
    return {
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "timestamp": record.started_at.isoformat(),
        "generatedBy": f"redis-runbook {__version__}",
        "results": {
            "tool": {"name": "redis-runbook", "version": __version__},
            "summary": {
                "tests": len(statuses),
                **{
                    status: statuses.count(status)
                    for status in ("passed", "failed", "pending", "skipped", "other")
                },
                "start": _ms(record.started_at),
                "stop": _ms(record.ended_at),
            },
            "tests": [_test(finding) for finding in record.findings],
            "extra": _extra(record),
        },
    }


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


def _status(finding: Finding) -> str:
    """What is suppressed is skipped, as CTRF has no status for it: `extra.suppressed` says why."""
    return "skipped" if finding.suppressed else _STATUS[finding.verdict]


def _test(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "status": _status(finding),
        "duration": round(finding.duration_s * 1000),
        "message": finding.message,
        "extra": {
            "check": finding.check,
            "service": finding.service,
            "subject": finding.subject,
            "role": finding.role,
            "verdict": finding.verdict.value,
            "observed": finding.observed,
            "limit": finding.limit,
            "unit": finding.unit,
            "message": finding.message,
            "runbook": finding.runbook,
            "next_steps": list(finding.next_steps),
            "evidence": dict(finding.evidence),
            "advisory": finding.advisory,
            "follows_from": finding.follows_from,
            "why": finding.why,
            "window": dataclasses.asdict(finding.window) if finding.window else None,
            "suppressed": _suppressed(finding.suppressed) if finding.suppressed else None,
        },
    }


def _suppressed(why: Suppression) -> dict[str, Any]:
    until = why.until.isoformat() if why.until else None
    return {"reason": why.reason, "owner": why.owner, "until": until}


def _extra(record: RunRecord) -> dict[str, Any]:
    return {
        "profile": record.profile,
        # A judgement of what was saved must not be taken for a look at the services.
        "target": "evidence" if record.judged_at else record.target,
        "judged": {"at": judged_at.isoformat(), "target": record.target}
        if (judged_at := record.judged_at)
        else None,
        "announcement": record.announcement,
        "healthy": record.exit_code is ExitCode.HEALTHY,
        "exit_code": int(record.exit_code),
        "interrupted": record.interrupted,
        "window_s": record.window_s,
        "left_out": record.left_out,
        "attempt": record.attempt,
        "waited_s": round(record.waited_s, 1),
        "unwritten": list(record.unwritten),
        "configured_by": record.configured_by,
        "logins": list(record.logins),
        "counts": {verdict.value: number for verdict, number in count(record.findings).items()},
        "suppressed": len(record.suppressed),  # in none of the counts
        "servers": {
            name: dataclasses.asdict(server) if server else None
            for name, server in record.servers.items()
        },
        **_recovery(record),
        "changes": encoded_changes(record.changes) if record.changes else None,
        "trends": encoded_trends(record.trends),
        "gathered": {name: dict(parts) for name, parts in record.gathered.items()},
        # The other fields that `previous.parse_record` needs.
        "outcome": int(record.outcome),
        "selected": list(record.selected),
        "elapsed_s": record.elapsed_s,
        "services": {
            service.name: {
                "role": service.role,
                "address": service.address,
                "window_s": service.window_s,
                "last_seen": {"run_id": seen.run_id, "at": seen.at.isoformat()}
                if (seen := service.last_seen)
                else None,
            }
            for service in record.services
        },
        "queues": [dataclasses.asdict(queue) for queue in record.queues],
    }


def _recovery(record: RunRecord) -> dict[str, Any]:
    """How the services came back, in a run with `--wait`."""
    if record.timeline is None:
        return {}
    return {
        "recovery": {
            "attempts": record.attempt,
            "waited_s": round(record.waited_s, 1),
            "timeline": [dataclasses.asdict(recovered) for recovered in record.timeline],
        }
    }
