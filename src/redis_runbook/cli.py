"""The command line: `redis-runbook smoke|gate|nightly|judge|snapshot|config|queue show|…`."""

import argparse
import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redis_runbook import __version__
from redis_runbook.commands.answer import complain, misused
from redis_runbook.commands.monitoring_plugin import as_plugin, is_asked_for
from redis_runbook.config.profiles import PROFILES
from redis_runbook.config.target_choice import TARGETS
from redis_runbook.verdict import ExitCode
from redis_runbook.wire.files import is_url
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
"""For all drills, each of which takes two minutes at most, and four run side by side."""

_MODULES: Final = {
    **dict.fromkeys(PROFILES, "run"),
    "config": "config_show",
    "queue": "queue_show",
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
    options = _parser().parse_args(arguments)
    try:
        os.getcwd()  # noqa: PTH109  # raises if it does not exist
    except OSError as error:
        return misused(f"the current folder cannot be used: {error.strerror}")
    options.pytest_arguments = rest
    command = importlib.import_module(f"redis_runbook.commands.{_MODULES[options.command]}")
    with contextlib.ExitStack() as stack:
        if options.command not in PROFILES:  # a run has a deadline of its own
            limit_s = _DRILLS_LIMIT_S if options.command == "drill" else _COMMAND_LIMIT_S
            late = f"redis-runbook: gave up after {limit_s:g} s; nothing was determined"
            stack.enter_context(ended_after(limit_s, ExitCode.UNDETERMINED, late))
        code: int = command.run(options)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        from redis_runbook.redact import Redactor, environment_secrets  # noqa: PLC0415

        self.print_usage(sys.stderr)
        # The message quotes the arguments, and a URL may be among them.
        self.exit(ExitCode.USAGE, f"{self.prog}: {Redactor(environment_secrets())(message)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="redis-runbook",
        description="A Redis operations runbook that runs.",
        epilog="exit codes: 0 healthy, 1 an invariant is broken, 2 interrupted, "
        "3 something could not be determined, 4 bad usage or configuration, 5 nothing was checked",
    )
    parser.add_argument("--version", action="version", version=f"redis-runbook {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for profile in PROFILES.values():
        command = commands.add_parser(
            profile.name,
            help=f"run the checks {profile.purpose}",
            epilog="what follows -- is passed to pytest",
        )
        _add_run_options(command)
    _add_judge(commands)
    config = commands.add_parser("config", help="print the effective configuration, redacted")
    _add_config_option(config)
    config.add_argument("--schema", action="store_true", help="print the JSON Schema instead")
    queue = commands.add_parser("queue", help="look at one BullMQ queue, without touching it")
    show = queue.add_subparsers(dest="queue_command", required=True, metavar="COMMAND").add_parser(
        "show", help="jobs by state, the oldest, how long they wait and why, and who works on them"
    )
    _add_config_option(show)
    show.add_argument("name", metavar="NAME", help="the queue, such as bundle:render")
    show.add_argument("--service", metavar="NAME", help="which, where several are queues")
    rules = commands.add_parser("rules", help="the Prometheus alert rules of the configuration")
    _add_config_option(rules)
    rules.add_argument("-o", "--output", metavar="FILE", type=_file, help="default: print them")
    rules.add_argument(
        "--alertmanager",
        metavar="FILE",
        type=_file,
        help="write a route and inhibitions for Alertmanager: one cause, one notification",
    )
    rules.add_argument(
        "--tests", metavar="FILE", type=_file, help="also write cases for `promtool test rules`"
    )
    dashboards = commands.add_parser("dashboards", help='"Redis Queue" and "Redis Cache", as JSON')
    _add_config_option(dashboards)
    dashboards.add_argument(
        "-o", "--output", metavar="DIR", type=_file, default=Path(), help="default: this folder"
    )
    snapshot = commands.add_parser(
        "snapshot", help="save what the services hold and how they are set, for --baseline"
    )
    _add_config_option(snapshot)
    snapshot.add_argument("file", metavar="FILE", type=_file)
    snapshot.add_argument(
        "--target", choices=("live",), help="with the default addresses where no URL is set"
    )
    _add_drill(commands)
    return parser


def _add_judge(commands: "argparse._SubParsersAction[_Parser]") -> None:
    judge = commands.add_parser(
        "judge", help="run the checks again on evidence.json, offline: it says nothing about now"
    )
    judge.add_argument("evidence", metavar="EVIDENCE", type=_file)
    judge.add_argument(
        "--config", metavar="FILE", type=_file, help="other limits, over those of that run"
    )
    judge.add_argument("--report-dir", metavar="DIR", help="default: judged/ in reports/")
    _add_output_option(judge, "json, junit, markdown, github, tap")
    _add_select_option(judge)
    _add_verbosity_options(judge)


def _add_output_option(parser: argparse.ArgumentParser, known: str) -> None:
    parser.add_argument(
        "--output",
        metavar="NAME[=PATH]",
        action="append",
        default=[],
        help=f"also write this output: {known}, or a plugin's; NAME=- for standard output; "
        "repeatable",
    )


def _add_select_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--select", metavar="ID", nargs="+", action="extend", default=[])


def _add_verbosity_options(parser: argparse.ArgumentParser) -> None:
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("-q", "--quiet", action="store_true", help="print the summary only")
    shown.add_argument("-v", "--verbose", action="store_true", help="print every finding")


def _add_drill(commands: "argparse._SubParsersAction[_Parser]") -> None:
    drill = commands.add_parser(
        "drill", help="make faults on throwaway servers, to see that the checks notice them"
    )
    drill.add_argument("--list", action="store_true", help="print the faults")
    drill.add_argument("--fault", metavar="NAME", nargs="+", action="extend", default=[])
    drill.add_argument(
        "--target",
        choices=("embedded", "container"),
        default="embedded",
        help="never live servers; default: embedded",
    )
    drill.add_argument(
        "--config", metavar="FILE", type=_file, help="for the images of --target container"
    )
    drill.add_argument(
        "--program",
        metavar="FILE",
        type=_file,
        nargs="+",
        action="extend",
        default=[],
        help="server programs to drill on; default: the one of --target embedded",
    )
    drill.add_argument(
        "--report-dir", metavar="DIR", type=_file, default=Path("reports"), help="default: reports"
    )


def _add_config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=_file, help="default: ./runbook.toml")


def _file(text: str) -> Path:
    if is_url(text):
        raise ValueError
    return Path(text)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    _add_config_option(parser)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--report-dir", metavar="DIR")
    parser.add_argument(
        "--metrics-file", metavar="FILE.prom", help="also write a textfile for the node_exporter"
    )
    _add_output_option(parser, "json, junit, markdown, github, nagios, tap, prometheus, evidence")
    parser.add_argument("--deadline", metavar="SECONDS", type=_seconds, help="bound on one run")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        help="run again until healthy, this long at most",
    )
    parser.add_argument(
        "--window",
        metavar="NAME=DURATION",
        action="append",
        default=[],
        help="sample a service for so long, such as queue=5m; repeatable",
    )
    parser.add_argument(
        "--baseline", metavar="FILE", help="compare with this snapshot of before the restart"
    )
    parser.add_argument("--read-only", action="store_true", help="write and publish nothing")
    parser.add_argument(
        "--history",
        action="store_true",
        help="keep this run in history.sqlite, as those of nightly are",
    )
    parser.add_argument(
        "--keep", metavar="DURATION", help="drop older runs from the history; default: 90d"
    )
    _add_select_option(parser)
    _add_verbosity_options(parser)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:  # noqa: PLR2004  # also refuses NaN; a week is 604,800 s
        raise argparse.ArgumentTypeError("must be a number of seconds from 0 to 1,000,000")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
