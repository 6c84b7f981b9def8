"""One pytest session that is a run of the checks: its hooks, from collection to exit code."""

import contextlib
import gc
import sys
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from redis_runbook.check import Held, Outcome
from redis_runbook.record import RunRecord
from redis_runbook.redact import sentence
from redis_runbook.session.plugin_module import PluginModule
from redis_runbook.session.progress import Progress
from redis_runbook.session.recording import (
    RULING,
    record_collection_error,
    record_late,
    record_phase,
    spec_of,
    without_traceback,
)
from redis_runbook.session.recovery import at_exit
from redis_runbook.session.reports import Reports
from redis_runbook.session.run import Run
from redis_runbook.session.run_record import make_record
from redis_runbook.session.streams import redacted_streams
from redis_runbook.session.subjects import subjects, wants
from redis_runbook.targets.target import TargetError
from redis_runbook.verdict import CannotLook, ExitCode, Verdict
from redis_runbook.wire.process import ignore_signals, interruptible

_NOT_HEALTHY: Final = frozenset({ExitCode.BROKEN, ExitCode.UNDETERMINED})


class RunSession:
    """The hooks of one run."""

    def __init__(self, run: Run, reports: Reports, *, show_progress: bool) -> None:
        """Redirect what pytest prints and take over SIGTERM; `pytest_unconfigure` ends both.

        Created before pytest's terminal reporter, which then writes through our streams: no known
        secret reaches the terminal, not even in collection errors, warnings and tracebacks, but for
        one that is a plain word. Where a report has standard output for itself, all of that goes
        to standard error.
        """
        gc.unfreeze()  # undoes the freeze of the run before, under --wait
        self._run = run
        self._reports = reports
        self._show_progress = show_progress
        self._progress: Progress | None = None
        self._by_signal = False
        self._stack = contextlib.ExitStack()
        self._stack.callback(run.end)
        if reports.takes_stdout:
            self._stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        self._stack.enter_context(redacted_streams(run.redact))
        self._stack.enter_context(interruptible())

    def pytest_unconfigure(self) -> None:
        """Close the target and restore streams and signals, however the session ended."""
        self._stack.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Open the target before collection: its services and queues parametrize the checks."""
        if not session.config.option.collectonly:
            try:
                self._run.begin(wants)
            except TargetError as error:
                raise pytest.UsageError(str(error)) from None
            self._reports.begin(make_record(self._run))
            for finding in self._run.not_judged():
                self._reports.found(self._run.record(finding))
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module | None:
        """Collect a plugin's checks from its loaded module, and do not import it again."""
        module = self._run.plugins.test_paths.get(module_path)
        if module is None:
            return None
        return PluginModule.from_loaded(parent, module_path, module)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize each check with its subjects."""
        spec = spec_of(metafunc.definition, self._run)
        if spec:
            if "subject" not in metafunc.fixturenames:  # a check need not have the parameter
                metafunc.fixturenames.append("subject")
            found = subjects(spec, self._run)
            metafunc.parametrize("subject", found, ids=[subject.name for subject in found])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a check file that cannot be loaded as undetermined."""
        if report.failed:
            record_collection_error(report, self._run)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect what was not selected; sort by catalogue, so that latency comes last."""
        catalogue = self._run.plugins.catalogue
        order = {check_id: position for position, check_id in enumerate(catalogue)}
        ids = {item: spec.id if (spec := spec_of(item, self._run)) else "" for item in items}
        dropped = [item for item in items if not self._run.selects(ids[item])]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
        items[:] = sorted(
            (item for item in items if self._run.selects(ids[item])),
            key=lambda item: order.get(ids[item], len(order)),
        )

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count the deselected tests, ours and those of pytest's options, for the reports."""
        self._run.left_out += len(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Let latency sampling begin if a check needs it.

        Not earlier: collection keeps this process busy, which would count as the server's delay.
        The garbage collector would too, so it is kept from traversing what is loaded by now.
        """
        gc.freeze()
        gc.enable()
        undisturbed = {name for name, probe in self._run.probes.items() if probe.undisturbed}
        wanted = any(
            not undisturbed.isdisjoint(getattr(item, "fixturenames", ())) for item in session.items
        )
        observation = self._run.observation
        if observation:
            observation.measure_latency(wanted=wanted)
        if observation and self._show_progress:
            self._progress = Progress(session.config, observation.glances)
            self._run.on_wait = self._progress.refresh

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Judge nothing after the deadline: with very many queues that alone takes long."""
        if not self._run.is_late:
            return None
        self._end_progress()
        self._reports.found(record_late(item, self._run))
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Make a check that raised `Held` pass for pytest, and keep its ruling."""
        try:
            return (yield)
        except Held as held:
            item.stash[RULING] = held.ruling
            return None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn each phase into a finding before any other plugin sees its report."""
        if call.excinfo and isinstance(call.excinfo.value, Outcome | CannotLook):
            # It is never shown, and pytest would take milliseconds to choose what to show of it.
            call.excinfo = without_traceback(call.excinfo)
        report = yield
        self._end_progress()
        finding = record_phase(item, call, report, self._run)
        if finding:
            self._reports.found(finding)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str] | None:
        """Let pytest count by verdict and print no line: ours is already printed."""
        told = dict(getattr(report, "user_properties", ()))
        if "verdict" not in told:
            return ("", "", "")
        suffix = " (suppressed)" if "suppressed" in told else ""
        return (f"{Verdict(told['verdict']).category}{suffix}", "", "")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_keyboard_interrupt(
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> Generator[None, None, None]:
        """Note the interruption, whatever fails on the way to the exit code.

        pytest sets it only after this hook, and its own terminal reporter fails here when the
        signal came between two lines (a traceback without a line number).
        """
        self._run.interrupted = True
        self._by_signal = isinstance(excinfo.value, KeyboardInterrupt)
        with contextlib.suppress(Exception):
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Set the exit code, let other plugins write their reports, then write ours."""
        run = self._run
        ignore_signals()  # closing the target and writing the reports are bounded in time
        if self._by_signal:
            _leave_out_traceback(session.config)
        self._end_progress()
        run.interrupted |= exitstatus == pytest.ExitCode.INTERRUPTED
        run.internal_error = exitstatus == pytest.ExitCode.INTERNAL_ERROR
        finished = run.target is not None and exitstatus != pytest.ExitCode.USAGE_ERROR
        if finished:
            cut_short = bool(session.shouldstop or session.shouldfail)
            for finding in run.remarks(cut_short=cut_short):
                self._reports.found(run.record(finding))
            _gather_evidence(run)  # while the target is open
        run.end()
        record = make_record(run)
        if finished:
            record = _with_evidence(record, run)
            session.exitstatus = run.exit_code()
            before = run.waited.before if run.waited else None
            record = self._reports.ended(record, run.redact.document, instead_of=before)
        elif exitstatus == pytest.ExitCode.OK:  # --collect-only and the like
            session.exitstatus = ExitCode.NOTHING_CHECKED
        problems = []
        try:
            yield
        except OSError as error:  # a report of another plugin's; of pytest-html's, see `write`
            what = f" {error.filename}" if error.filename else " a report of pytest's"
            problems.append(f"cannot write{what}: {error.strerror}")
        except AssertionError:
            # pytest's terminal reporter misses what it could not note of the interruption, see
            # `pytest_keyboard_interrupt`.
            if not run.interrupted:
                raise
        if finished:
            record = self._write(self._settled(record, problems))
            session.exitstatus = record.exit_code
            self._reports.close(record)

    def _write(self, record: RunRecord) -> RunRecord:
        """Write the reports. The exit code depends on success, so reports with it come last.

        Where one of these is missing, too, the others are written again: they told a code that is
        not true any more.

        Returns:
            The record with the reports that could not be written, and the exit code.
        """
        record = self._settled(record, self._reports.write(record, final=False))
        if problems := self._reports.write(record, final=True):
            record = self._settled(record, problems)
            self._reports.write(record, final=True)
        if problems := self._reports.hand_over(record):
            record = self._settled(record, problems)
            self._reports.write(record, final=True)
        for problem in record.unwritten:
            print(problem, file=sys.stderr)  # noqa: T201
        return record

    def _settled(self, record: RunRecord, problems: Sequence[str]) -> RunRecord:
        unwritten = (*record.unwritten, *map(sentence, problems))
        code = self._run.exit_code(reported=not unwritten)
        recovered = at_exit(record.timeline, code)
        return replace(record, exit_code=code, unwritten=unwritten, timeline=recovered)

    def _end_progress(self) -> None:
        if self._progress:
            self._progress.clear()


def _leave_out_traceback(config: pytest.Config) -> None:
    """Let pytest not print where in our code a signal came: the summary says INTERRUPTED.

    It has no option for that. Whoever asks for the full traceback gets it.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter and not config.option.fulltrace:
        reporter._report_keyboardinterrupt = lambda: None  # noqa: SLF001


def _gather_evidence(run: Run) -> None:
    """Ask the services about which something is broken or undetermined, once more."""
    if not run.saved and run.exit_code() in _NOT_HEALTHY:
        from redis_runbook.session.gathering import gather_evidence  # noqa: PLC0415

        run.gathered = gather_evidence(run)


def _with_evidence(record: RunRecord, run: Run) -> RunRecord:
    """The record with all that judges the run again, unless it is healthy and nobody asked."""
    if run.saved or not (run.saves_always or record.outcome in _NOT_HEALTHY):
        return record
    from redis_runbook.session.evidence import evidence_of  # noqa: PLC0415

    return replace(record, evidence=evidence_of(run, record))
