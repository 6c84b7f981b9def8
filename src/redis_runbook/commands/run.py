"""`redis-runbook smoke`, `gate` and `nightly`: run the checks with pytest, in this process."""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from redis_runbook.commands.answer import say
from redis_runbook.verdict import ExitCode

_PACKAGE: Final = Path(__file__).parent.parent
_PLUGINS: Final = ("redis_runbook.plugin", "pytest_metadata.plugin", "pytest_html.plugin")
_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 15.0


def run(options: argparse.Namespace) -> int:
    """Run the checks of a profile, with `--wait` until healthy; returns the exit code."""
    arguments = [*_pytest_arguments(options), *options.pytest_arguments]
    if options.wait is None:
        return _pytest(arguments)
    return _until_healthy(
        lambda attempt, waited_s: _pytest(
            [*arguments, f"--attempt={attempt}", f"--waited={waited_s:.1f}"]
        ),
        wait_s=options.wait,
    )


def _until_healthy(run: Callable[[int, float], int], *, wait_s: float) -> int:
    """Run until healthy, with growing pauses, for at most `wait_s`; the last run counts."""
    started = time.monotonic()
    attempt, pause_s = 1, _FIRST_PAUSE_S
    while True:
        code = run(attempt, time.monotonic() - started)
        left_s = started + wait_s - time.monotonic()
        if code not in {ExitCode.BROKEN, ExitCode.UNDETERMINED} or left_s <= pause_s:
            return code
        say(f"not healthy yet; again in {pause_s:g} s, for {left_s:.0f} s more")
        time.sleep(pause_s)
        attempt, pause_s = attempt + 1, min(2 * pause_s, _MAX_PAUSE_S)


def _pytest_arguments(options: argparse.Namespace) -> list[str]:
    """The plugin's options, and options that isolate pytest from the user's files and plugins."""
    arguments = ["-c", os.devnull, f"--rootdir={_PACKAGE}", "--noconftest"]
    # pytest's default way to capture output needs a folder for temporary files.
    arguments += ["-p", "no:cacheprovider", "--capture=sys"]
    for plugin in _PLUGINS:
        arguments += ["-p", plugin]
    arguments.append(f"--profile={options.command}")
    given = {
        "--runbook-config": options.config,
        "--target": options.target,
        "--report-dir": options.report_dir,
        "--metrics-file": options.metrics_file,
        "--deadline": options.deadline,
    }
    arguments += [f"{name}={value}" for name, value in given.items() if value is not None]
    arguments += [f"--select={check}" for check in options.select]
    arguments += [f"--output={output}" for output in options.output]
    arguments += [f"--window={window}" for window in options.window]
    if options.read_only:
        arguments.append("--read-only")
    return arguments


def _pytest(arguments: list[str]) -> int:
    # Installed plugins may change outcomes (reruns) or timing (xdist). `-- -p NAME` loads a plugin
    # all the same.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    import pytest  # noqa: PLC0415  # after the environment is set, and only to run checks

    return int(pytest.main(arguments))
