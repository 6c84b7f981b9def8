"""The output on the terminal: what was found, check by check, and a summary at the end.

It fits 80 columns, and a cron mail: what holds for many subjects is one line, what is broken for
one cause is told once, with what to do.
"""

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, unobeyed
from redis_runbook.reporting import text
from redis_runbook.reporting.grouping import Group, alike, groups
from redis_runbook.reporting.wording import MOST_STEPS, within
from redis_runbook.verdict import ExitCode, Finding, Verdict
from redis_runbook.words import counted

_COLOURS: Final[Mapping[Verdict, Mapping[str, bool]]] = {
    Verdict.PASS: {"green": True},
    Verdict.FAIL: {"red": True, "bold": True},
    Verdict.UNKNOWN: {"purple": True, "bold": True},
    Verdict.WARN: {"yellow": True},
    Verdict.NOT_APPLICABLE: {"light": True},
}
_WIDTH: Final = max(len(verdict.label) for verdict in Verdict)
_INDENT: Final = " " * (_WIDTH + 2)
_NARROWEST: Final = 60
_MOST_ALONE: Final = 3
"""Subjects of a check that holds which have a line each."""


class Terminal:
    """Writes through pytest's terminal reporter; writes nothing if there is none.

    By pytest's `-q` it writes only the summary, by `-v` a line for each finding.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Use the terminal reporter of this pytest."""
        self._config = config
        self._verbosity = int(config.option.verbose)  # before the run quietens pytest's own output
        self._check: list[Finding] = []

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
            _print(reporter, record.announcement, yellow=True, bold=True)
        if self._verbosity >= 0:
            _print(reporter, text.opening(record))

    def show(self, finding: Finding) -> None:
        """Print a finding: together with those of the same check, once these are known."""
        if self._check and self._check[0].check != finding.check:
            self._flush()
        self._check.append(finding)

    def _flush(self) -> None:
        found, self._check = self._check, []
        reporter = self._reporter
        if reporter is None or self._verbosity < 0:
            return
        if self._verbosity > 0:
            for finding in found:
                _write(reporter, finding.verdict, f"{finding.name}  {_said(finding)}")
            return
        held = [finding for finding in found if finding.verdict is Verdict.PASS]
        others = [finding for finding in found if finding.verdict is not Verdict.PASS]
        many = [Group(held)] if len(held) > _MOST_ALONE else list(map(Group, zip(held)))
        for together in [*alike(others), *many]:
            finding = together.first
            if finding.verdict is Verdict.NOT_APPLICABLE or finding.follows_from:
                continue  # told at the end, by the reason
            reporter.ensure_newline()
            _label(finding.verdict, reporter)
            line = f"  {together.name:<30}  {together.members or _said(finding)}"
            _print(reporter, within(line, _columns() - _WIDTH))

    def say(self, line: Shown) -> None:
        """Print a line."""
        if self._reporter:
            _print(self._reporter, line)

    def close(self, record: RunRecord, files: Mapping[str, Path]) -> None:
        """Print what is not well, what to do next, a summary, and the paths of these files."""
        self._flush()
        reporter = self._reporter
        if reporter is None:
            return
        if self._verbosity == 0:
            _show_not_applicable(record, reporter)
        reporter.ensure_newline()
        if self._verbosity >= 0:
            reporter.write_line("")
        found = groups(record.needs_attention, record)
        for group in found:
            _show_group(group, reporter)
        if found:
            reporter.write_line("")
        remarks = text.left_out(record), text.attempts(record), text.timeline(record)
        for remark in (*text.changes(record), *filter(None, remarks)):
            _wrapped(reporter, remark, "")
        healthy = record.exit_code is ExitCode.HEALTHY
        colour: dict[str, Any] = {"green": True} if healthy else {"red": True}
        for line in _lines(text.summary(record), "", ""):
            _print(reporter, line, bold=True, **colour)
        for what, path in files.items():
            _print(reporter, f"{what}: {path}")


def _said(finding: Finding) -> str:
    """The message; of what is suppressed the summary says why."""
    return f"suppressed: {finding.message}" if finding.suppressed else finding.message


def _show_group(group: Group, reporter: pytest.TerminalReporter) -> None:
    """Print what is not well for one cause, with what follows from it and what to do next."""
    finding = group.first
    name = f"{group.name}: {group.members}" if group.members else group.name
    _write(reporter, finding.verdict, f"{name}  {finding.message}")
    if finding.suppressed:
        _wrapped(reporter, finding.suppressed.clause, _INDENT)
    broken = [other for other in group.others if other.verdict is not Verdict.UNKNOWN]
    for other in broken:
        _wrapped(reporter, f"also: {other.name}  {other.message}", f"{_INDENT}  ")
    if unseen := len(group.others) - len(broken):
        what = counted(unseen, "more check")
        _wrapped(reporter, f"because of it {what} could not look", f"{_INDENT}  ")
    for line in _steps(finding.next_steps[:MOST_STEPS]):
        _print(reporter, line)


def _steps(steps: Sequence[str]) -> Iterator[str]:
    """The next steps, with numbers if they are several."""
    for number, step in enumerate(steps, start=1):
        label = "next: " if number == 1 else ""
        which = f"{number}. " if len(steps) > 1 else ""
        begin = f"{_INDENT}  {label:<6}{which}"
        yield from _lines(step, begin, " " * len(begin))


def _show_not_applicable(record: RunRecord, reporter: pytest.TerminalReporter) -> None:
    """Print one line for each reason why checks do not apply."""
    found = [one for one in record.findings if one.verdict is Verdict.NOT_APPLICABLE]
    for group in groups(found, record):
        reporter.ensure_newline()
        _label(Verdict.NOT_APPLICABLE, reporter)
        line = f"  {group.name:<30}  {group.first.message}"
        _print(reporter, within(line, _columns() - _WIDTH))


def _write(reporter: pytest.TerminalReporter, verdict: Verdict, said: str) -> None:
    """Print a verdict and a sentence, wrapped beside it."""
    reporter.ensure_newline()
    _label(verdict, reporter)
    first, *others = _lines(said, _INDENT, _INDENT)
    _print(reporter, first[_WIDTH:])
    for line in others:
        _print(reporter, line)


def _wrapped(reporter: pytest.TerminalReporter, said: str, indent: str) -> None:
    for line in _lines(said, indent, indent):
        _print(reporter, line)


def _lines(said: str, first: str, others: str) -> list[str]:
    """A sentence in lines; a command that is longer than a line stays whole, to be copied."""
    return textwrap.wrap(
        said,
        _columns(),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _columns() -> int:
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def _print(reporter: pytest.TerminalReporter, line: str, **colour: bool) -> None:
    """Print a line that no runner takes for a command, whatever is quoted in it."""
    reporter.write_line(unobeyed(line), **colour)


def _label(verdict: Verdict, reporter: pytest.TerminalReporter) -> None:
    reporter.write(f"{verdict.label:<{_WIDTH}}", **_COLOURS[verdict])
