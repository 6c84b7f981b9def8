"""The command line: `redis-runbook smoke|gate|nightly|judge|snapshot|config|queue|…`."""

import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redis_runbook.commands.answer import complain, misused
from redis_runbook.commands.monitoring_plugin import as_plugin, is_asked_for
from redis_runbook.commands.options import command_line
from redis_runbook.config.profiles import PROFILES
from redis_runbook.verdict import ExitCode
from redis_runbook.wire.process import (
    ended_after,
    flush_streams,
    ignore_signals,
    interruptible,
    open_closed_streams,
)

_COMMAND_LIMIT_S: Final = 120.0
"""For what is no run; a queue is shown in a few seconds, or given up by limits of its own."""

_DRILLS_LIMIT_S: Final = 1800.0
"""For all drills, which give up by a limit of their own, so that what has ended is reported."""

_MODULES: Final = {
    **dict.fromkeys(PROFILES, "run"),
    "config": "config_show",
    "queue list": "queue_list",
    "queue show": "queue_show",
    "judge": "judge",
    "rules": "rules",
    "dashboards": "dashboards",
    "snapshot": "snapshot",
    "drill": "drill",
}
"""The module of each command in `commands`; its `run` takes the options and returns an exit code.

A module is imported only for its command, as the imports of some commands take a second.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (without the program's name) and return its exit code."""
    open_closed_streams()
    # What is imported stays: the collector would go through it a dozen times. A run enables it.
    gc.disable()
    arguments = list(sys.argv[1:] if argv is None else argv)
    with interruptible():
        try:
            if is_asked_for(arguments):
                code = as_plugin(lambda: _caught(arguments))
            else:
                code = _caught(arguments)
        finally:
            flush_streams()
    gc.enable()
    if argv is None:
        ignore_signals()  # a second signal must not change the exit code
        gc.freeze()  # the end of the interpreter would go through all of it for nothing
    return code


def _caught(arguments: list[str]) -> int:
    """Run the command; returns the exit code, also where something fails."""
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the exit code of Python would mean "broken"
        return _failed(error)


def _failed(error: Exception) -> int:
    """Print what failed, and where; without a traceback, which could quote a secret."""
    *_, last = traceback.extract_tb(error.__traceback__)
    what = type(error).__name__
    reason = f"{error.strerror} ({what})" if isinstance(error, OSError) else what
    where = f"{Path(last.filename).name}:{last.lineno}"
    complain(f"redis-runbook itself failed: {reason}, at {where}; nothing was determined")
    return ExitCode.UNDETERMINED


def _main(arguments: list[str]) -> int:
    rest: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, rest = arguments[:at], arguments[at + 1 :]
    options = command_line().parse_args(arguments)
    try:
        os.getcwd()  # noqa: PTH109  # raises if it does not exist
    except OSError as error:
        return misused(f"the current folder cannot be used: {error.strerror}")
    options.pytest_arguments = rest
    name = " ".join(filter(None, (options.command, getattr(options, "queue_command", ""))))
    command = importlib.import_module(f"redis_runbook.commands.{_MODULES[name]}")
    with contextlib.ExitStack() as stack:
        if options.command not in PROFILES:  # a run has a deadline of its own
            limit_s = _DRILLS_LIMIT_S if options.command == "drill" else _COMMAND_LIMIT_S
            late = f"redis-runbook: gave up after {limit_s:g} s; nothing was determined"
            stack.enter_context(ended_after(limit_s, ExitCode.UNDETERMINED, late))
        code: int = command.run(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
