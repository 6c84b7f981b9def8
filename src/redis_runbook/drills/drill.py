"""One drill: healthy, break it, look, repair it, healthy again."""

import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from redis_runbook.drills.error import CannotDrillError
from redis_runbook.drills.fault import Fault
from redis_runbook.drills.stand import DrillTarget, Place, Stand
from redis_runbook.record import RunRecord
from redis_runbook.redact import NO_TEXT, Shown, harmless, sentence
from redis_runbook.reporting.previous import read_record
from redis_runbook.targets.target import TargetError
from redis_runbook.verdict import ExitCode, Verdict

_HEALTHY_IN_S: Final = 60.0
_REPAIRED_IN_S: Final = 60.0
_RUN_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What came of one fault.

    `found` are the findings that did not pass and follow from no other one. `missed` are those of
    `expected` that are not among them, `unexpected` those that are in neither `expected` nor `may`,
    which are the ones that may notice the fault, too. `detected_s` is from the fault to
    the end of the run that noticed it; None if none did. `verdict` is the worst of the expected
    findings then: `fail`, `unknown` or `warn`. `repaired` is whether a run was healthy after the
    repair: warnings may remain. `problem` says why the drill could not be run, and is empty if it
    was.
    """

    name: str
    title: str
    target: DrillTarget
    server: str
    expected: tuple[str, ...]
    may: tuple[str, ...]
    found: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    detected_s: float | None = None
    verdict: Verdict | None = None
    repaired: bool = False
    problem: Shown = NO_TEXT

    @property
    def where(self) -> str:
        """`redis 7.0.15 in containers`: what it was run on."""
        return f"{self.server} in containers" if self.target == "container" else self.server

    @property
    def ok(self) -> bool:
        """Whether the fault was noticed exactly, and a run was healthy again after its repair."""
        return self.repaired and not (self.unexpected or self.missed or self.problem)


class _HungError(CannotDrillError):
    """A run of the checks did not end in time; the text says so."""


class _NotHealthyError(CannotDrillError):
    """No run was healthy in time; the text says what did not pass."""


def not_run(fault: Fault, place: Place, *, problem: str = "") -> Drill:
    """A drill that was not run, on a target on which the fault can be made; and why."""
    return Drill(
        name=fault.name,
        title=fault.title,
        target=place.target,
        server=place.server,
        expected=tuple(sorted(fault.expected[place.target])),
        may=tuple(sorted(fault.may)),
        problem=sentence(problem),
    )


def run_drill(fault: Fault, place: Place) -> Drill:
    """Run one drill on a stand of its own, of a target on which the fault can be made."""
    drill = not_run(fault, place)
    try:
        with contextlib.closing(place.make()) as stand:
            stand.configuration += fault.configuration
            healthy = _wait_until_healthy(stand, _HEALTHY_IN_S)
            drill = replace(drill, server=_server(healthy))
            with fault.inject(stand):
                drill = _noticed(drill, fault, stand, allowed=_problems(healthy))
            with contextlib.suppress(_NotHealthyError):
                _wait_until_healthy(stand, _REPAIRED_IN_S)
                drill = replace(drill, repaired=True)
    except (CannotDrillError, TargetError) as error:
        return replace(drill, problem=harmless(str(error)))
    except Exception as error:  # noqa: BLE001  # one drill must not prevent the others
        return replace(drill, problem=harmless(f"{type(error).__name__}: {error}"))
    return drill


def _noticed(drill: Drill, fault: Fault, stand: Stand, *, allowed: frozenset[str]) -> Drill:
    """Look until exactly what should notice the fault does, or its time is over."""
    began = time.monotonic()
    while True:
        try:
            record = look(stand)
        except _HungError:  # it notices nothing, which is what drills are to find out
            return replace(drill, missed=drill.expected)
        took_s = time.monotonic() - began
        found = _problems(record) - allowed
        noticed = found - _undetermined(record) if fault.certain else found
        expected = frozenset(drill.expected)
        missed, unexpected = expected - noticed, found - expected - fault.may
        exactly = not missed and not unexpected
        if exactly or took_s > fault.patience_s:
            return replace(
                drill,
                found=tuple(sorted(found)),
                missed=tuple(sorted(missed)),
                unexpected=tuple(sorted(unexpected)),
                detected_s=round(took_s, 1) if exactly else None,
                verdict=_worst(record, expected) if exactly else None,
            )


def _worst(record: RunRecord, names: frozenset[str]) -> Verdict:
    """The worst verdict of these findings."""
    return next(finding.verdict for finding in record.needs_attention if finding.name in names)


def _wait_until_healthy(stand: Stand, limit_s: float) -> RunRecord:
    """The first healthy run.

    Raises:
        _NotHealthyError: none was healthy in time.
    """
    began = time.monotonic()
    while (record := look(stand)).exit_code is not ExitCode.HEALTHY:
        if time.monotonic() - began > limit_s:
            problems = ", ".join(sorted(_problems(record)))
            raise _NotHealthyError(f"not healthy within {limit_s:g} s: {problems}")
    return record


def _problems(record: RunRecord) -> frozenset[str]:
    """The findings that did not pass and follow from no other that did not."""
    problems = {finding.name: finding for finding in record.needs_attention}
    return frozenset(
        name for name, finding in problems.items() if finding.follows_from not in problems
    )


def _undetermined(record: RunRecord) -> frozenset[str]:
    return frozenset(
        finding.name for finding in record.needs_attention if finding.verdict is Verdict.UNKNOWN
    )


def _server(record: RunRecord) -> str:
    """`valkey 9.1.2`: what the queue's server is."""
    server = record.servers.get("queue")
    return f"{server.product} {server.version}" if server else "unknown"


def look(stand: Stand) -> RunRecord:
    """Run the checks on the stand, as a user would.

    Raises:
        CannotDrillError: the run did not end in time, or left no results.
    """
    with tempfile.TemporaryDirectory(dir=stand.folder) as temporary:
        folder = Path(temporary)
        for name, text in {"runbook.toml": stand.configuration, **stand.files}.items():
            (folder / name).write_text(text)
        try:
            ended = subprocess.run(  # noqa: S603  # ourselves
                [
                    *(sys.executable, "-m", "redis_runbook", "smoke", "--target=live"),
                    *("--config=runbook.toml", "--report-dir=reports"),
                ],
                cwd=folder,
                env=stand.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_RUN_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _HungError(f"a run of the checks hung for {_RUN_LIMIT_S:g} s") from None
        record = read_record(folder / "reports" / "results.json")
    if record is None:
        last = (ended.stderr or ended.stdout).strip().rpartition("\n")[2]
        raise CannotDrillError(f"a run of the checks left no results: {last}")
    return record
