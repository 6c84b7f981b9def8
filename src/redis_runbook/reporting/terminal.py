"""The output on the terminal: a line for each finding, and a short summary at the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.verdict import ExitCode, Finding, Verdict

_COLOURS: Final[Mapping[Verdict, Mapping[str, bool]]] = {
    Verdict.PASS: {"green": True},
    Verdict.FAIL: {"red": True, "bold": True},
    Verdict.UNKNOWN: {"purple": True, "bold": True},
    Verdict.WARN: {"yellow": True},
    Verdict.NOT_APPLICABLE: {"light": True},
}
_WIDTH: Final = max(len(verdict.label) for verdict in Verdict)
_NAME_WIDTH: Final = 30
_MAX_STEPS: Final = 5


class Terminal:
    """Writes through pytest's terminal reporter; writes nothing if there is none."""

    def __init__(self, config: pytest.Config) -> None:
        """Use the terminal reporter of this pytest."""
        self._config = config

    @property
    def _reporter(self) -> pytest.TerminalReporter | None:
        """Looked up at each use, as pytest registers it later than the run."""
        return self._config.pluginmanager.getplugin("terminalreporter")  # type: ignore[no-any-return]

    def begin(self, record: RunRecord) -> None:
        """Print which services are checked, before anything else."""
        reporter = self._reporter
        if reporter is None:
            return
        if record.announcement:
            reporter.write_line(record.announcement, yellow=True, bold=True)
        reporter.write_line(text.opening(record))

    def show(self, finding: Finding) -> None:
        """Print a finding as one line: verdict, check and subject, message."""
        if self._reporter:
            _show(finding, self._reporter)

    def close(self, record: RunRecord, files: Mapping[str, Path]) -> None:
        """Print what is broken, what to do next, a summary, and the paths of these files."""
        reporter = self._reporter
        if reporter is None:
            return
        reporter.write_line("")
        _show_attention(record, reporter)
        remarks = text.left_out(record), text.attempts(record), text.timeline(record)
        for remark in filter(None, remarks):
            reporter.write_line(remark)
        healthy = record.exit_code is ExitCode.HEALTHY
        colour: dict[str, Any] = {"green": True} if healthy else {"red": True}
        reporter.write_line(text.summary(record), bold=True, **colour)
        for what, path in files.items():
            reporter.write_line(f"{what}: {path}")


def _show_attention(record: RunRecord, reporter: pytest.TerminalReporter) -> None:
    """Print broken findings with next steps, warnings, and then unknown findings by reason."""
    undetermined: dict[str, list[str]] = {}
    witnesses = record.witnesses
    for finding in record.needs_attention:
        if finding.verdict is Verdict.UNKNOWN:
            undetermined.setdefault(finding.message, []).append(finding.name)
            continue
        if finding.follows_from:  # told with that one
            continue
        _show(finding, reporter)
        for witness in witnesses.get(finding.name, ()):
            reporter.write_line(f"{'':<{_WIDTH}}    also: {witness.name}  {witness.message}")
        if finding.verdict is Verdict.FAIL:
            _show_steps(finding.next_steps[:_MAX_STEPS], reporter)
    for message, names in undetermined.items():
        _label(Verdict.UNKNOWN, reporter)
        what = names[0] if len(names) == 1 else f"{len(names)} checks"
        reporter.write_line(f"  {what:<{_NAME_WIDTH}}  {message}")


def _show_steps(steps: Sequence[str], reporter: pytest.TerminalReporter) -> None:
    """Print the next steps, with numbers if they are several."""
    for number, step in enumerate(steps, start=1):
        label = "next: " if number == 1 else ""
        which = f"{number}. " if len(steps) > 1 else ""
        reporter.write_line(f"{'':<{_WIDTH}}    {label:<6}{which}{step}")


def _show(finding: Finding, reporter: pytest.TerminalReporter) -> None:
    reporter.ensure_newline()
    _label(finding.verdict, reporter)
    reporter.write_line(f"  {finding.name:<{_NAME_WIDTH}}  {finding.message}")


def _label(verdict: Verdict, reporter: pytest.TerminalReporter) -> None:
    reporter.write(f"{verdict.label:<{_WIDTH}}", **_COLOURS[verdict])
