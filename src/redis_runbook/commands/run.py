"""`redis-runbook smoke`, `gate` and `nightly`: run the checks with pytest, in this process."""

import argparse
import contextlib
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from redis_runbook.commands.answer import answer, complain, say
from redis_runbook.record import RunRecord
from redis_runbook.redact import KNOWN, document, environment_secrets
from redis_runbook.verdict import ExitCode
from redis_runbook.wire.process import ignore_signals

if TYPE_CHECKING:
    from redis_runbook.reporting.notify.notifier import Notifier

_PACKAGE: Final = Path(__file__).parent.parent
_PLUGINS: Final = ("redis_runbook.plugin", "pytest_metadata.plugin", "pytest_html.plugin")
_NOT_NEEDED: Final = (
    *("debugging", "doctest", "junitxml", "legacypath", "pastebin"),
    *("setuponly", "setupplan", "stepwise", "unittest"),
)
"""pytest's own plugins that no check of ours needs: starting without them is faster."""

_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 15.0


def run(options: argparse.Namespace) -> int:
    """Run the checks of a profile, with `--wait` until healthy; returns the exit code."""
    arguments = [*_pytest_arguments(options), *(options.pytest_arguments or only_checks())]
    if options.wait is None:
        return run_pytest(arguments)
    if _in_colour():
        arguments.insert(0, "--color=yes")  # pytest writes into a text, which is no terminal
    last = _Last()
    code = _until_healthy(
        lambda number, waited_s: _attempt(arguments, number, waited_s, last),
        wait_s=options.wait,
    )
    last.tell()
    return code


@dataclass(slots=True)
class _Last:
    """The record of the last attempt under `--wait`, and who tells of it."""

    record: RunRecord | None = None
    notifier: "Notifier | None" = None

    def tell(self) -> None:
        """Tell whom the configuration names of what has changed."""
        if self.record and self.notifier:
            ignore_signals()  # it is bounded in time, and the exit code is settled
            for outcome in self.notifier.tell(self.record):
                tell = complain if outcome.is_problem else say
                tell(outcome.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One run under `--wait`: what it printed, and what it amounts to in a line ("" if nothing)."""

    code: int
    printed: str
    line: str
    result: str | None = None
    """The output that has standard output for itself, where one has."""


def _until_healthy(run: Callable[[int, float], _Attempt], *, wait_s: float) -> int:
    """Run until healthy, with growing pauses; the last run begins when `wait_s` is over, at latest.

    Each attempt is told in a line, and only the last one, which counts, in full. All of this goes
    to standard error where an output has standard output for itself.
    """
    started = time.monotonic()
    number, pause_s = 1, _FIRST_PAUSE_S
    while True:
        attempt = run(number, time.monotonic() - started)
        tell = say if attempt.result is None else complain
        if attempt.line:
            tell(document(attempt.line))
        left_s = started + wait_s - time.monotonic()
        if attempt.code not in {ExitCode.BROKEN, ExitCode.UNDETERMINED} or left_s <= 0:
            break
        try:
            time.sleep(min(pause_s, left_s))
        except KeyboardInterrupt:
            tell(document(f"{attempt.printed}INTERRUPTED: waiting for the next attempt was ended"))
            _show_result(attempt)
            raise
        number, pause_s = number + 1, min(2 * pause_s, _MAX_PAUSE_S)
    if attempt.printed:  # not where the options were refused
        tell(document(attempt.printed.removesuffix("\n")))
    shown = _show_result(attempt)
    return attempt.code or shown


def _show_result(attempt: _Attempt) -> int:
    """Print the output that has standard output for itself; returns whether that went well."""
    if not attempt.result:
        return ExitCode.HEALTHY
    return answer(document(attempt.result.removesuffix("\n")), "the output on standard output")


def _attempt(arguments: Sequence[str], number: int, waited_s: float, last: _Last) -> _Attempt:
    """Run once; `last` is about the attempt before, and then about this one."""
    watcher = _Watcher(number, waited_s, last)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = run_pytest(arguments, watcher)
    return _Attempt(code=code, printed=printed.getvalue(), line=watcher.line, result=watcher.result)


class _Watcher:
    """A pytest plugin: tells the run what `--wait` has seen, and takes its record in the end."""

    line = ""
    result: str | None = None

    def __init__(self, number: int, waited_s: float, last: _Last) -> None:
        self._number, self._waited_s, self._last = number, waited_s, last
        self._kept = io.StringIO()

    def pytest_cmdline_main(self, config: Any) -> None:
        """Tell the run, before it is configured."""
        from redis_runbook.reporting.reports import RESULT  # noqa: PLC0415  # as below
        from redis_runbook.session.recovery import WAITED, Waited  # noqa: PLC0415

        config.stash[RESULT] = self._kept

        config.stash[WAITED] = Waited(
            attempt=self._number,
            waited_s=self._waited_s,
            before=self._last.record,
        )

    def pytest_unconfigure(self, config: Any) -> None:
        """Keep the record, and the run in a line; a run that did not begin has none."""
        from redis_runbook.reporting import text  # noqa: PLC0415  # pytest is to import them first
        from redis_runbook.reporting.reports import NOTIFIER, RECORD  # noqa: PLC0415

        if record := config.stash.get(RECORD, None):
            self._last.record = record
            self._last.notifier = config.stash.get(NOTIFIER, None)
            self.line = text.attempt(record)
        self.result = self._kept.getvalue() or None


def _in_colour() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ


def isolated() -> list[str]:
    """Options that isolate pytest from the user's files and plugins."""
    arguments = ["-c", os.devnull, f"--rootdir={_PACKAGE}", "--noconftest"]
    # pytest's default way to capture output needs a folder for temporary files.
    arguments += ["-p", "no:cacheprovider", "-p", "no:warnings", "--capture=sys"]
    for plugin in _PLUGINS:
        arguments += ["-p", plugin]
    return arguments


def _pytest_arguments(options: argparse.Namespace) -> list[str]:
    arguments = [*isolated(), f"--profile={options.command}"]
    given = {
        "--runbook-config": options.config,
        "--target": options.target,
        "--report-dir": options.report_dir,
        "--metrics-file": options.metrics_file,
        "--deadline": options.deadline,
        "--baseline": options.baseline,
        "--keep": options.keep,
    }
    arguments += [f"{name}={value}" for name, value in given.items() if value is not None]
    arguments += [f"--select={check}" for check in options.select]
    arguments += [f"--output={output}" for output in options.output]
    arguments += [f"--window={window}" for window in options.window]
    if options.read_only:
        arguments.append("--read-only")
    if options.history:
        arguments.append("--history")
    return arguments + verbosity(options)


def verbosity(options: argparse.Namespace) -> list[str]:
    """The option of pytest for how much is printed."""
    return ["-q"] if options.quiet else ["-v"] if options.verbose else []


def only_checks() -> list[str]:
    """Options that spare pytest what no check needs; a user's own tests may."""
    return ["--assert=plain", *(f"-pno:{name}" for name in _NOT_NEEDED)]


def run_pytest(arguments: Sequence[str], *plugins: object) -> int:
    """Run pytest in this process, with no plugin that was not asked for; returns its exit code."""
    # Installed plugins may change outcomes (reruns) or timing (xdist). `-- -p NAME` loads a plugin
    # all the same.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # for the same reasons
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    KNOWN.learn(environment_secrets())
    import pluggy  # noqa: PLC0415  # as pytest
    import pytest  # noqa: PLC0415  # after the environment is set, and only to run checks

    from redis_runbook.session.streams import redacted_streams  # noqa: PLC0415

    # Of an interruption that comes in the middle of a hook; the run itself says that it came.
    warnings.filterwarnings("ignore", category=pluggy.PluggyTeardownRaisedWarning)
    # A run does the same, but pytest quotes bad arguments before it begins.
    with redacted_streams(KNOWN):
        return int(pytest.main([*arguments], plugins=plugins))
