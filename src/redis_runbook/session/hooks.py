"""One pytest session that is a run of the checks: its hooks, from options to exit code."""

import contextlib
import gc
import importlib.util
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.check import Advised, NotApplicable, Ruling, Unknown
from redis_runbook.config.load import load
from redis_runbook.config.model import ConfigError
from redis_runbook.config.profiles import PROFILES
from redis_runbook.plugin import RUN
from redis_runbook.redact import RedactingStream
from redis_runbook.reporting import html, terminal
from redis_runbook.reporting.files import write_reports
from redis_runbook.reporting.prometheus import write_metrics
from redis_runbook.session.progress import Progress
from redis_runbook.session.recording import record, record_collection_error, spec_of, subject_of
from redis_runbook.session.run import Run
from redis_runbook.session.subjects import subjects
from redis_runbook.targets.target import TargetError
from redis_runbook.verdict import ExitCode
from redis_runbook.wire.process import ignore_signals, interruptible

_NAME: Final = "redis-runbook-run"
_OPTIONS: Final = {
    "target": "target",
    "report_dir": "report_dir",
    "deadline": "deadline_s",
    "read_only": "read_only",
}
"""Options of the command line, and the configuration keys that they set."""


def configure(config: pytest.Config) -> None:
    """Make this pytest run a run of the checks.

    Raises:
        pytest.UsageError: the configuration or an option is wrong; all errors are in its text.
    """
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("checks measure latency: run them without pytest-xdist")
    given = {key: config.getoption(option) for option, key in _OPTIONS.items()}
    file = config.getoption("runbook_config")
    try:
        loaded = load(
            Path(file) if file else None,
            os.environ,
            {key: value for key, value in given.items() if value not in {None, False}},
            CATALOGUE,
        )
        run = Run(
            loaded.config,
            PROFILES[config.getoption("profile")],
            environ=os.environ,
            windows=config.getoption("window"),
        )
        run.select(config.getoption("select"))
    except (ConfigError, ValueError) as error:
        raise pytest.UsageError(str(error)) from None
    run.attempt = config.getoption("attempt") or 1
    run.waited_s = config.getoption("waited") or 0.0
    config.stash[RUN] = run
    quiet = config.option.verbose < 0
    _set_pytest_options(config)
    config.pluginmanager.import_plugin("redis_runbook.fixtures")
    session = RunSession(config, run, quiet=quiet)
    config.pluginmanager.register(session, _NAME)
    config.pluginmanager.register(session.page)


def _set_pytest_options(config: pytest.Config) -> None:
    """What a run of the checks needs of pytest, unless the user asked for something else."""
    option: Any = config.option
    checks = _checks_folder()
    given = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    if not any(Path(one.partition("::")[0]).resolve().is_relative_to(checks) for one in given):
        # A user's own tests come beside the checks, and never instead of them.
        config.args = [str(checks), *given]
    option.continue_on_collection_errors = True  # one broken file must not hide the rest
    option.code_highlight = "no"  # colours inside a secret would hide it from redaction
    if option.verbose == 0:
        option.verbose = -1  # our own lines replace pytest's dots and header


def _checks_folder() -> Path:
    """Where the checks are, without importing one."""
    spec = importlib.util.find_spec("redis_runbook.checks")
    if spec is None or not spec.submodule_search_locations:
        raise pytest.UsageError("the package redis_runbook.checks is not installed")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


class RunSession:
    """The hooks of one run."""

    def __init__(self, config: pytest.Config, run: Run, *, quiet: bool) -> None:
        """Redirect what pytest prints and take over SIGTERM; `pytest_unconfigure` ends both.

        Created before pytest's terminal reporter, which then writes through our streams: no
        secret reaches the terminal, in collection errors, warnings and tracebacks neither.
        """
        gc.unfreeze()  # what the run before this one left, under --wait
        self._run = run
        self._quiet = quiet
        self._progress: Progress | None = None
        self._stack = contextlib.ExitStack()
        self._stack.callback(run.end)
        self._stack.enter_context(
            contextlib.redirect_stdout(RedactingStream(sys.stdout, run.redact))
        )
        self._stack.enter_context(
            contextlib.redirect_stderr(RedactingStream(sys.stderr, run.redact))
        )
        self._stack.enter_context(interruptible())
        self.page = html.Page(run, config, self._stack)

    def pytest_unconfigure(self) -> None:
        """Close the target and give back streams and signals, however the session ended."""
        self._stack.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Open the target before collection, so that checks can be made for what it holds."""
        if not session.config.option.collectonly:
            try:
                self._run.begin()
            except TargetError as error:
                raise pytest.UsageError(str(error)) from None
            terminal.announce(self._run, _reporter(session.config))
        return (yield)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test of each check and subject."""
        spec = spec_of(metafunc.definition)
        if spec:
            found = subjects(spec, self._run)
            metafunc.parametrize("subject", found, ids=[subject.name for subject in found])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a check file that cannot be loaded as undetermined."""
        if report.failed:
            record_collection_error(report, self._run)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Drop what was not selected; sort by catalogue, so that latency comes last."""
        order = {check_id: position for position, check_id in enumerate(CATALOGUE)}
        ids = {item: spec.id if (spec := spec_of(item)) else "" for item in items}
        dropped = [item for item in items if not self._run.selects(ids[item])]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
        items[:] = sorted(
            (item for item in items if self._run.selects(ids[item])),
            key=lambda item: order.get(ids[item], len(order)),
        )

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what was left out, by us or by pytest's own options: reports say so."""
        self._run.left_out += len(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Let the latency samplers begin, where a check asks for them.

        Not earlier: collection keeps this process busy, and would be taken for the server's delay.
        So would the garbage collector, if it went through all that is loaded by now: it stays.
        """
        gc.freeze()
        wanted = any("latency" in getattr(item, "fixturenames", ()) for item in session.items)
        observation = self._run.observation
        if observation:
            observation.measure_latency(wanted=wanted)
        if observation and not self._quiet:
            self._progress = Progress(session.config, observation.glances)
            self._run.meanwhile = self._progress.refresh

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """End a check whose subject has nothing to look at before its fixtures wait for facts."""
        subject = subject_of(item)
        if subject and subject.not_applicable:
            raise NotApplicable(Ruling(message=subject.not_applicable))
        if subject and subject.unknown:
            raise Unknown(Ruling(message=subject.unknown))
        if subject and subject.advice:
            raise Advised(Ruling(message=subject.advice))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn each phase into a finding before any other plugin sees its report."""
        report = yield
        self._end_progress()
        finding = record(item, call, report, self._run)
        if finding:
            terminal.show(finding, _reporter(item.config))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str] | None:
        """Count by verdict; our own line is already printed, so pytest prints none."""
        verdict = dict(getattr(report, "user_properties", ())).get("verdict")
        return (terminal.CATEGORIES[verdict], "", "") if verdict else ("", "", "")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Settle the exit code, let the other plugins write theirs, then write our reports."""
        run = self._run
        ignore_signals()  # closing the target and writing the reports both end by themselves
        self._end_progress()
        run.interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        run.internal_error = exitstatus == pytest.ExitCode.INTERNAL_ERROR
        run.end()
        finished = run.target is not None and exitstatus != pytest.ExitCode.USAGE_ERROR
        if finished:
            session.exitstatus = run.exit_code
        elif exitstatus == pytest.ExitCode.OK:  # --collect-only and the like
            session.exitstatus = ExitCode.NOTHING_CHECKED
        # Without room to write in, pytest-html fails: the page stays empty, and that is reported.
        with contextlib.suppress(OSError):
            yield
        if finished:
            problems = write_reports(run, self.page.text)
            if file := session.config.getoption("metrics_file"):
                problems += write_metrics(run, Path(file), reported=not problems)
            run.unreported = bool(problems)
            for problem in problems:
                print(problem, file=sys.stderr)  # noqa: T201
            session.exitstatus = run.exit_code
            terminal.close(run, problems, _reporter(session.config))

    def _end_progress(self) -> None:
        if self._progress:
            self._progress.clear()


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    return config.pluginmanager.getplugin("terminalreporter")  # type: ignore[no-any-return]
