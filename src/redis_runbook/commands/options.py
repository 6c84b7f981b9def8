"""The commands and their options, as the command line takes them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from redis_runbook import __version__
from redis_runbook.commands.parser import Parser
from redis_runbook.config.output_choice import OF_NOW, OF_RUNS
from redis_runbook.config.profiles import PROFILES
from redis_runbook.config.target_choice import TARGETS
from redis_runbook.wire.files import is_url


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands, with their options; `command` is the one that is chosen."""
    parser = Parser(
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
    _add_queue(commands)
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


def _add_judge(commands: "argparse._SubParsersAction[Parser]") -> None:
    judge = commands.add_parser(
        "judge", help="run the checks again on evidence.json, offline: it says nothing about now"
    )
    judge.add_argument("evidence", metavar="EVIDENCE", type=_file)
    judge.add_argument(
        "--config", metavar="FILE", type=_file, help="other limits, over those of that run"
    )
    judge.add_argument("--report-dir", metavar="DIR", help="default: judged/ in reports/")
    _add_output_option(judge, OF_RUNS)
    _add_select_option(judge)
    _add_verbosity_options(judge)


def _add_queue(commands: "argparse._SubParsersAction[Parser]") -> None:
    queue = commands.add_parser("queue", help="look at BullMQ queues, without touching them")
    subcommands = queue.add_subparsers(dest="queue_command", required=True, metavar="COMMAND")
    listed = subcommands.add_parser(
        "list", help="all of them: jobs by state, the longest wait, and workers that take jobs"
    )
    show = subcommands.add_parser(
        "show", help="one: its jobs by state, the oldest, how long they wait and why, its workers"
    )
    show.add_argument("name", metavar="NAME", help="the queue, such as bundle:render")
    for command, default in ((listed, "all of them"), (show, "the only one")):
        _add_config_option(command)
        command.add_argument(
            "--service", metavar="NAME", help=f"the queue service; default: {default}"
        )


def _add_output_option(parser: argparse.ArgumentParser, known: Sequence[str]) -> None:
    parser.add_argument(
        "--output",
        metavar="NAME[=PATH]",
        action="append",
        default=[],
        help=f"also write this output: {', '.join(known)}, or a plugin's; "
        "NAME=- for standard output; repeatable",
    )


def _add_select_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--select",
        metavar="ID",
        nargs="+",
        action="extend",
        default=[],
        help="only these checks: an id, or how ids begin (memory, queue.s)",
    )


def _add_verbosity_options(parser: argparse.ArgumentParser) -> None:
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("-q", "--quiet", action="store_true", help="print the summary only")
    shown.add_argument("-v", "--verbose", action="store_true", help="print every finding")


def _add_drill(commands: "argparse._SubParsersAction[Parser]") -> None:
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
    _add_output_option(parser, (*OF_RUNS, *OF_NOW))
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
    parser.add_argument(
        "--read-only", action="store_true", help="write and publish nothing, and run no program"
    )
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
