"""`results.json`: the run in CTRF, the Common Test Report Format (ctrf.io)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from redis_runbook import __version__
from redis_runbook.probes.clients import ClientsFacts
from redis_runbook.probes.server import ServerFacts
from redis_runbook.redact import Redactor
from redis_runbook.session.run import Run
from redis_runbook.verdict import ExitCode, Finding, Verdict, count

_STATUS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "passed",
    Verdict.WARN: "passed",
    Verdict.FAIL: "failed",
    Verdict.UNKNOWN: "other",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(run: Run) -> str:
    """The whole document."""
    # Searched before it is JSON: a secret such as `": "` would tear the finished text apart.
    searched = _searched(_document(run), run.redact)
    return json.dumps(searched, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _searched(value: Any, redact: Redactor) -> Any:
    """The same value, with every text in it searched once more for secrets."""
    if isinstance(value, dict):
        return {key: _searched(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_searched(item, redact) for item in value]
    return redact.document(value) if isinstance(value, str) else value


def _document(run: Run) -> dict[str, Any]:
    findings = list(run.findings.values())
    statuses = [_STATUS[finding.verdict] for finding in findings]
    start_ms = int(run.started_at.timestamp() * 1000)
    return {
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "timestamp": run.started_at.isoformat(),
        "generatedBy": f"redis-runbook {__version__}",
        "results": {
            "tool": {"name": "redis-runbook", "version": __version__},
            "summary": {
                "tests": len(findings),
                **{
                    status: statuses.count(status)
                    for status in ("passed", "failed", "pending", "skipped", "other")
                },
                "start": start_ms,
                "stop": start_ms + int(run.elapsed_s * 1000),
            },
            "tests": [_test(finding) for finding in findings],
            "extra": _extra(run, findings),
        },
    }


def _test(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "status": _STATUS[finding.verdict],
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
        },
    }


def _extra(run: Run, findings: list[Finding]) -> dict[str, Any]:
    code = run.exit_code
    target = run.target
    return {
        "profile": run.profile.name,
        "target": target.kind if target else None,
        "announcement": target.announcement if target else None,
        "healthy": code is ExitCode.HEALTHY,
        "exit_code": int(code),
        "interrupted": run.interrupted,
        "window_s": run.window_s,
        "left_out": run.left_out,
        "attempt": run.attempt,
        "waited_s": round(run.waited_s, 1),
        "counts": {verdict.value: number for verdict, number in count(findings).items()},
        "servers": {service.name: _server(run, service.name) for service in run.services},
    }


def _server(run: Run, name: str) -> dict[str, Any] | None:
    """What answered, and the counters that the next run compares with; None if nothing did."""
    server = run.known(name, ServerFacts)
    clients = run.known(name, ClientsFacts)
    if server is None:
        return None
    return {
        "product": run.redact.value(server.product),
        "version": run.redact.value(server.version),
        "mode": run.redact.value(server.mode),
        "run_id": run.redact.value(server.run_id),
        "rejected_connections": clients.rejected if clients else None,
    }
