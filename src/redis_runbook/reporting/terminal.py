"""What a person at a terminal sees: one line a check, and a closing that takes five seconds."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from redis_runbook.reporting import text
from redis_runbook.session.run import Run
from redis_runbook.verdict import ExitCode, Finding, Verdict

CATEGORIES: Final = {verdict.value: verdict.value.replace("_", " ") for verdict in Verdict}
"""pytest counts under these words: its last line reads `27 pass, 2 fail in 2.41s`."""

_COLOURS: Final[Mapping[Verdict, Mapping[str, bool]]] = {
    Verdict.PASS: {"green": True},
    Verdict.FAIL: {"red": True, "bold": True},
    Verdict.UNKNOWN: {"purple": True, "bold": True},
    Verdict.WARN: {"yellow": True},
    Verdict.NOT_APPLICABLE: {"light": True},
}
_WIDTH: Final = max(len(verdict.label) for verdict in Verdict)
_NAME_WIDTH: Final = 30
_STEPS: Final = 2


def announce(run: Run, reporter: pytest.TerminalReporter | None) -> None:
    """Say what is being looked at, before anything else."""
    if reporter is None or run.target is None:
        return
    if run.target.announcement:
        reporter.write_line(run.target.announcement, yellow=True, bold=True)
    where = ", ".join(
        f"{service.name} at {service.endpoint.address}" if service.endpoint else f"{service.name} ?"
        for service in run.services
    )
    reporter.write_line(f"{run.profile.name} ({run.target.kind}): {where}")


def show(finding: Finding, reporter: pytest.TerminalReporter | None) -> None:
    """One line: the verdict, the check and its subject, the sentence."""
    if reporter is None:
        return
    reporter.ensure_newline()
    _label(finding.verdict, reporter)
    reporter.write_line(f"  {finding.name:<{_NAME_WIDTH}}  {finding.message}")


def _label(verdict: Verdict, reporter: pytest.TerminalReporter) -> None:
    reporter.write(f"{verdict.label:<{_WIDTH}}", **_COLOURS[verdict])


def close(run: Run, problems: list[str], reporter: pytest.TerminalReporter | None) -> None:
    """What is broken, by how much, what to do next, and where to read more."""
    if reporter is None:
        return
    reporter.write_line("")
    undetermined: dict[str, list[str]] = {}
    for finding in text.needs_attention(run):
        if finding.verdict is Verdict.UNKNOWN:
            undetermined.setdefault(finding.message, []).append(finding.name)
            continue
        show(finding, reporter)
        if finding.verdict is Verdict.FAIL:
            for step in finding.next_steps[:_STEPS]:
                reporter.write_line(f"{'':<{_WIDTH}}    next: {step}")
    for message, names in undetermined.items():
        _label(Verdict.UNKNOWN, reporter)
        what = names[0] if len(names) == 1 else f"{len(names)} checks"
        reporter.write_line(f"  {what:<{_NAME_WIDTH}}  {message}")
    code = run.outcome
    colour: dict[str, Any] = {"green": True} if code is ExitCode.HEALTHY else {"red": True}
    summary = f"{text.HEADLINES[code]} ({text.counts(list(run.findings.values()))})"
    reporter.write_line(f"{summary}: {text.meaning(code)}", bold=True, **colour)
    for remark in filter(None, (text.left_out(run), text.recovery(run))):
        reporter.write_line(remark)
    if not problems:
        reporter.write_line(f"report: {run.report_dir / 'latest.html'}")
