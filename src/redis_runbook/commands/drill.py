"""`redis-runbook drill`: makes faults on throwaway servers, to see that the checks notice them."""

import argparse
import contextlib
import datetime as dt
import itertools
import os
import queue
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from redis_runbook.commands.answer import answer, complain, misused, say
from redis_runbook.commands.files import write
from redis_runbook.config.error import ConfigError
from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.drills import faults  # noqa: F401  # they enter the table
from redis_runbook.drills.drill import Drill, run_drill
from redis_runbook.drills.fault import FAULTS, Fault
from redis_runbook.drills.report import as_json, as_markdown, as_page, summary, told
from redis_runbook.redact import document, printable
from redis_runbook.targets.embedded import find_program
from redis_runbook.targets.target import TargetError
from redis_runbook.verdict import ExitCode

_SIDE_BY_SIDE: Final = 4


def run(options: argparse.Namespace) -> int:
    """Run the drills, and write what they found; returns the exit code."""
    if options.list:
        width = max(map(len, FAULTS))
        lines = [f"{fault.name:<{width}}  {fault.title}" for fault in FAULTS.values()]
        return answer(document("\n".join(lines)), "the list")
    try:
        chosen = list(_chosen(options.fault))
        programs = [*map(_program, options.program)] or [find_program(os.environ)]
        at = dt.datetime.now(dt.UTC)
        drills = list(_drills(chosen, programs))
        for file, text in (
            ("drill.json", as_json(drills, at)),
            ("drill.html", as_page(drills)),
            ("drill.md", as_markdown(drills)),
        ):
            write(options.report_dir / file, text, "")
    except (ConfigError, TargetError) as error:
        return misused(error)
    where = options.report_dir / "drill.html"
    code = answer(document(f"{summary(drills)}\nreport: {where}"), "what the drills found")
    if any(not drill.ok and not drill.problem for drill in drills):
        return ExitCode.BROKEN
    return ExitCode.UNDETERMINED if any(drill.problem for drill in drills) else code


def _chosen(names: Sequence[str]) -> Iterator[Fault]:
    """The faults of these names; without any, all.

    Raises:
        ConfigError: there is no such fault.
    """
    for name in names or FAULTS:
        if name not in FAULTS:
            hint = the_nearest_is(name, FAULTS)
            raise ConfigError([f"--fault {printable(name)}: there is no such fault{hint}"])
        yield FAULTS[name]


def _program(file: Path) -> str:
    """The absolute path of a server program.

    Raises:
        ConfigError: there is no such program.
    """
    found = shutil.which(file)
    if found is None:
        raise ConfigError([f"--program {printable(str(file))}: there is no such program"])
    return str(Path(found).absolute())


def _drills(chosen: Sequence[Fault], programs: Sequence[str]) -> Iterator[Drill]:
    """Each fault on each server program, some side by side; each is told when it ends."""
    waiting: queue.SimpleQueue[tuple[int, Fault, str]] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[int, Drill]] = queue.SimpleQueue()
    wanted = list(itertools.product(programs, chosen))
    for number, (program, fault) in enumerate(wanted):
        waiting.put((number, fault, program))

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                number, fault, program = waiting.get_nowait()
                ended.put((number, run_drill(fault, program)))

    # Daemons: an interruption ends them, and the servers' watchdogs end what they started.
    for _ in range(_SIDE_BY_SIDE):
        threading.Thread(target=work, daemon=True).start()
    found: dict[int, Drill] = {}
    for _ in wanted:
        number, found_one = ended.get()
        found[number] = found_one
        word = "OK" if found_one.ok else "NOT RUN" if found_one.problem else "NOT OK"
        tell = say if found_one.ok else complain
        tell(document(f"{word:<8} {found_one.name:<22} {found_one.server}: {told(found_one)}"))
    yield from (found[number] for number in sorted(found))
