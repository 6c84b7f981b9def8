"""The command line: `redis-runbook smoke|gate|nightly|config|queue show|rules|dashboards`."""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from redis_runbook import __version__
from redis_runbook.config.profiles import PROFILES
from redis_runbook.verdict import ExitCode
from redis_runbook.wire.process import ignore_signals, interruptible, open_closed_streams, silence

_PLUGINS: Final = ("redis_runbook.plugin", "pytest_metadata.plugin", "pytest_html.plugin")
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (without the program's name) and return its exit code."""
    open_closed_streams()
    with interruptible():
        try:
            code = _main(list(sys.argv[1:] if argv is None else argv))
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001  # Python's own exit code would say "broken"
            code = _failed(error)
    if argv is None:
        ignore_signals()  # the verdict is told, and an impatient second signal must not change it
    return code


def _failed(error: Exception) -> int:
    """Say that we failed, and where; not with a traceback, which could quote a secret."""
    *_, last = traceback.extract_tb(error.__traceback__)
    what = type(error).__name__
    reason = f"{error.strerror} ({what})" if isinstance(error, OSError) else what
    where = f"{Path(last.filename).name}:{last.lineno}"
    _complain(f"redis-runbook itself failed: {reason}, at {where}; nothing was determined")
    return ExitCode.UNDETERMINED


def _say(text: str, *, stream: TextIO | None = None) -> bool:
    """Print; tells whether it could. A reader that went away or a full disk is no failure here."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        silence(stream)
        return False
    return True


def _complain(text: object) -> None:
    _say(str(text), stream=sys.stderr)


def _main(arguments: list[str]) -> int:
    rest: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, rest = arguments[:at], arguments[at + 1 :]
    options = _parser().parse_args(arguments)
    try:
        os.getcwd()  # noqa: PTH109  # only to see whether there is one
    except OSError as error:
        _complain(f"the current folder cannot be used: {error.strerror}")
        return ExitCode.USAGE
    if options.command == "config":
        return _show_config(options)
    if options.command == "queue":
        return _show_queue(options)
    if options.command in {"rules", "dashboards"}:
        return _write_monitoring(options)
    return _run_checks(options, rest)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        from redis_runbook.redact import Redactor  # noqa: PLC0415  # only needed here

        self.print_usage(sys.stderr)
        # It quotes what was given, and that may be a URL in the wrong place.
        self.exit(ExitCode.USAGE, f"{self.prog}: {Redactor()(message)}\n")


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
    rules.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: print them")
    rules.add_argument(
        "--tests", metavar="FILE", type=Path, help="also write cases for `promtool test rules`"
    )
    dashboards = commands.add_parser("dashboards", help='"Redis Queue" and "Redis Cache", as JSON')
    _add_config_option(dashboards)
    dashboards.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path(), help="default: this folder"
    )
    return parser


def _add_config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=_file, help="default: ./runbook.toml")


def _file(text: str) -> Path:
    if "://" in text:  # a path swallows one slash, and the password would not be recognised
        raise ValueError
    return Path(text)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    _add_config_option(parser)
    parser.add_argument("--target", choices=["auto", "live", "container", "embedded"])
    parser.add_argument("--report-dir", metavar="DIR")
    parser.add_argument(
        "--metrics-file", metavar="FILE.prom", help="also write a textfile for the node_exporter"
    )
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
    parser.add_argument("--read-only", action="store_true", help="write no canary key")
    parser.add_argument("--select", metavar="ID", nargs="+", action="extend", default=[])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:  # noqa: PLR2004  # also refuses NaN; a week is 604,800 s
        raise argparse.ArgumentTypeError("must be a number of seconds from 0 to 1,000,000")
    return seconds


def _show_config(options: argparse.Namespace) -> int:
    # The other commands start faster without these.
    from redis_runbook.config.error import ConfigError  # noqa: PLC0415
    from redis_runbook.config.load import load  # noqa: PLC0415
    from redis_runbook.config.show import describe, schema_text  # noqa: PLC0415

    if options.schema:
        return _answer(schema_text().rstrip("\n"))
    try:
        text = describe(load(options.config, os.environ, {}), os.environ)
    except ConfigError as error:
        _complain(error)
        return ExitCode.USAGE
    return _answer(text)


def _answer(text: str) -> int:
    """Print what a command is for; it has not succeeded where that cannot be."""
    return ExitCode.HEALTHY if _say(text) else ExitCode.UNDETERMINED


def _show_queue(options: argparse.Namespace) -> int:
    from redis_runbook.commands.queue_show import show  # noqa: PLC0415
    from redis_runbook.config.error import ConfigError  # noqa: PLC0415
    from redis_runbook.verdict import CannotLook  # noqa: PLC0415

    try:
        text = show(
            options.name,
            service=options.service,
            config_file=options.config,
            environ=os.environ,
        )
    except ConfigError as error:
        _complain(error)
        return ExitCode.USAGE
    except CannotLook as error:
        _complain(error)
        return ExitCode.UNDETERMINED
    return _answer(text)


def _write_monitoring(options: argparse.Namespace) -> int:
    from redis_runbook.commands.monitoring_files import write_dashboards, write_rules  # noqa: PLC0415
    from redis_runbook.config.error import ConfigError  # noqa: PLC0415

    try:
        if options.command == "rules":
            text = write_rules(options.config, os.environ, options.output, options.tests)
        else:
            text = write_dashboards(options.config, os.environ, options.output)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return ExitCode.USAGE
    print(text, end="")  # noqa: T201
    return ExitCode.HEALTHY


def _run_checks(options: argparse.Namespace, pytest_arguments: Sequence[str]) -> int:
    arguments = [*_pytest_arguments(options), *pytest_arguments]
    if options.wait is None:
        return _pytest(arguments)
    return _until_healthy(
        lambda attempt, waited_s: _pytest(
            [*arguments, f"--attempt={attempt}", f"--waited={waited_s:.1f}"]
        ),
        wait_s=options.wait,
    )


def _until_healthy(run: Callable[[int, float], int], *, wait_s: float) -> int:
    """Run until healthy, with growing pauses, while `wait_s` lasts; the last run counts."""
    started = time.monotonic()
    attempt, pause_s = 1, _FIRST_PAUSE_S
    while True:
        code = run(attempt, time.monotonic() - started)
        left_s = started + wait_s - time.monotonic()
        if code not in {ExitCode.BROKEN, ExitCode.UNDETERMINED} or left_s <= pause_s:
            return code
        _say(f"not healthy yet; again in {pause_s:g} s, for {left_s:.0f} s more")
        time.sleep(pause_s)
        attempt, pause_s = attempt + 1, min(2 * pause_s, _LONGEST_PAUSE_S)


def _pytest_arguments(options: argparse.Namespace) -> list[str]:
    """The plugin's options, and a pytest that the caller's files and plugins do not reach."""
    arguments = ["-c", os.devnull, f"--rootdir={Path(__file__).parent}", "--noconftest"]
    # pytest's default way to capture what a check prints needs a folder for temporary files.
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
    arguments += [f"--window={window}" for window in options.window]
    if options.read_only:
        arguments.append("--read-only")
    return arguments


def _pytest(arguments: list[str]) -> int:
    # Plugins of the environment change what a failure is (reruns) or how fast we are (xdist);
    # `-- -p NAME` still loads one that is wanted.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    import pytest  # noqa: PLC0415  # after the environment is set, and only to run checks

    return int(pytest.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
