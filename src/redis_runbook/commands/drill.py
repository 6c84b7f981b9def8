"""`redis-runbook drill`: makes faults on throwaway servers, to see that the checks notice them."""

import argparse
import contextlib
import datetime as dt
import itertools
import os
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from redis_runbook.commands.answer import answer, complain, misused, say
from redis_runbook.commands.configuration import configuration
from redis_runbook.commands.files import write
from redis_runbook.config.error import ConfigError
from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.drills import faults  # noqa: F401  # they enter the table
from redis_runbook.drills.drill import Drill, not_run, run_drill
from redis_runbook.drills.embedded_stand import embedded_place
from redis_runbook.drills.fault import ALL_TARGETS, FAULTS, Fault
from redis_runbook.drills.report import as_json, as_markdown, as_page, in_words, summary
from redis_runbook.drills.stand import DrillTarget, Place
from redis_runbook.redact import document, printable, sentence
from redis_runbook.targets.choose import loading_testcontainers
from redis_runbook.targets.embedded import find_program
from redis_runbook.targets.target import TargetError
from redis_runbook.verdict import ExitCode

_SIDE_BY_SIDE: Final = 4
_MODE: Final = 0o640
"""As of all reports, which tell what messages servers gave."""
_INTERRUPTED: Final = "the command was interrupted before it had ended"
_LIMIT_S: Final = 1_500.0
_LOOK_EVERY_S: Final = 0.1
_TOO_LATE: Final = f"all drills together took more than {_LIMIT_S:g} s"
_TARGETS_WIDTH: Final = len(", ".join(ALL_TARGETS))


def run(options: argparse.Namespace) -> int:
    """Run the drills, and write what they found; returns the exit code."""
    if options.list:
        width = max(map(len, FAULTS))
        lines = [
            f"{fault.name:<{width}}  {', '.join(fault.expected):<{_TARGETS_WIDTH}}  {fault.title}"
            for fault in FAULTS.values()
        ]
        return answer(document("\n".join(lines)), "the list")
    try:
        chosen = list(_chosen(options.fault, options.target))
        places = list(_places(options))
        _refuse_unwritable(options.report_dir)
        at = dt.datetime.now(dt.UTC)
        drills = [
            not_run(fault, place, problem=_INTERRUPTED)
            for place, fault in itertools.product(places, chosen)
        ]
        try:
            _run_all(chosen, places, drills)
        finally:  # an interruption must not lose what has ended
            for file, text in (
                ("drill.json", as_json(drills, at)),
                ("drill.html", as_page(drills)),
                ("drill.md", as_markdown(drills)),
            ):
                write(options.report_dir / file, text, "", mode=_MODE)
    except (ConfigError, TargetError) as error:
        return misused(error)
    where = options.report_dir / "drill.html"
    code = answer(document(f"{summary(drills)}\nreport: {where}"), "what the drills found")
    if any(not drill.ok and not drill.problem for drill in drills):
        return ExitCode.BROKEN
    return ExitCode.UNDETERMINED if any(drill.problem for drill in drills) else code


def _chosen(names: Sequence[str], target: DrillTarget) -> Iterator[Fault]:
    """The faults of these names; without any, all that can be made on this target.

    Raises:
        ConfigError: there is no such fault, or not on this target.
    """
    for name in names or [name for name, fault in FAULTS.items() if target in fault.expected]:
        if name not in FAULTS:
            hint = the_nearest_is(name, FAULTS)
            raise ConfigError([f"--fault {printable(name)}: there is no such fault{hint}"])
        if target not in (there := FAULTS[name].expected):
            where = " or ".join(f"--target {other}" for other in there)
            raise ConfigError([f"--fault {name} cannot be made on --target {target}: use {where}"])
        yield FAULTS[name]


def _places(options: argparse.Namespace) -> Iterator[Place]:
    """Where the drills are run.

    Raises:
        ConfigError: a program or the configuration is wrong.
        TargetError: nothing can be started there.
    """
    if options.target == "container":
        if options.program:
            raise ConfigError(["--program is for --target embedded: set container.redis_image"])
        images = configuration(options.config, os.environ).config.container
        with loading_testcontainers():
            from redis_runbook.drills.container_stand import container_place  # noqa: PLC0415
        yield container_place(images)
    else:
        programs = [*map(_program, options.program)] or [find_program(os.environ)]
        yield from map(embedded_place, programs)


def _program(file: Path) -> str:
    """The absolute path of a server program.

    Raises:
        ConfigError: there is no such program.
    """
    found = shutil.which(file)
    if found is None:
        raise ConfigError([f"--program {printable(str(file))}: there is no such program"])
    return str(Path(found).absolute())


def _refuse_unwritable(folder: Path) -> None:
    """Find out before the drills, which take minutes, whether their reports can be written.

    Raises:
        ConfigError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError([f"cannot write to {printable(str(folder))}: {error.strerror}"]) from None


def _run_all(chosen: Sequence[Fault], places: Sequence[Place], drills: list[Drill]) -> None:
    """Run each fault at each place, some side by side, and tell of each when it ends.

    `drills` has one for each, of all faults at the first place and so on; it is put in its place.
    """
    waiting: queue.SimpleQueue[tuple[int, Fault, Place]] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[int, Drill]] = queue.SimpleQueue()
    wanted = list(itertools.product(places, chosen))
    # The longest first, so that the last ones end at about the same time.
    for number, (place, fault) in sorted(enumerate(wanted), key=lambda one: -one[1][1].patience_s):
        waiting.put((number, fault, place))

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                number, fault, place = waiting.get_nowait()
                ended.put((number, run_drill(fault, place)))

    # Daemons: an interruption ends them, and the servers' watchdogs end what they started.
    for _ in range(_SIDE_BY_SIDE):
        threading.Thread(target=work, daemon=True).start()
    deadline = time.monotonic() + _LIMIT_S
    for _ in wanted:
        while ended.empty() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)  # a signal does not always wake who waits for a lock
        if ended.empty():
            for number, drill in enumerate(drills):
                if drill.problem == _INTERRUPTED:
                    drills[number] = replace(drill, problem=sentence(_TOO_LATE))
            return
        number, drill = ended.get()
        drills[number] = drill
        word = "OK" if drill.ok else "NOT RUN" if drill.problem else "NOT OK"
        tell = say if drill.ok else complain
        tell(document(f"{word:<8} {drill.name:<22} {drill.where}: {in_words(drill)}"))
