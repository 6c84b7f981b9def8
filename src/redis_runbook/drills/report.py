"""What drills found: `drill.json`, and the matrix of faults against places."""

import datetime as dt
import importlib.resources
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import jinja2

from redis_runbook.drills.drill import Drill
from redis_runbook.verdict import Verdict
from redis_runbook.words import counted

_VERSION: Final = 1
_EXPLAINED: Final = """\
Each fault is made on throwaway servers with a real BullMQ worker. The checks named must not pass;
those in brackets may notice it as well, by how long it lasts. No other may fail to pass, but those
that follow from one of them; before the fault and after its repair a run is healthy. A cell tells
how long it took from the fault to the end of the run that noticed it, and the worst verdict of the
checks named where that is no `fail`; it is empty where the fault cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One fault, who notices it, and what became of it at each place.

    `expected` has, with each check, `embedded only` or `container only` if it is not expected on
    every target. A drill is None where none was run.
    """

    name: str
    title: str
    expected: Mapping[str, str]
    may: Sequence[str]
    drills: Sequence[Drill | None]


def as_json(drills: Iterable[Drill], at: dt.datetime) -> str:
    """The whole of `drill.json`."""
    faults = [{**asdict(drill), "ok": drill.ok} for drill in drills]
    document = {
        "format": "redis-runbook drill",
        "version": _VERSION,
        "at": at.isoformat(timespec="seconds"),
        "faults": faults,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_markdown(drills: Sequence[Drill]) -> str:
    """The matrix, a row for each fault and a column for each place."""
    places = _places(drills)
    lines = [
        "# Faults, and which checks notice them",
        "",
        _EXPLAINED,
        "",
        f"| fault | | must notice it | {' | '.join(places)} |",
        "|---" * (3 + len(places)) + "|",
    ]
    for row in _rows(drills, places):
        named = [f"`{check}` {where}".rstrip() for check, where in row.expected.items()]
        named += [f"(`{check}`)" for check in row.may]
        expected = "<br>".join(named)
        cells = " | ".join(in_words(drill) for drill in row.drills)
        lines.append(f"| `{row.name}` | {row.title} | {expected} | {cells} |")
    return "\n".join([*lines, "", summary(drills), ""])


def as_page(drills: Sequence[Drill]) -> str:
    """The same as an HTML page that needs nothing else."""
    places = _places(drills)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = (importlib.resources.files(__package__) / "matrix.html.j2").read_text("utf-8")
    return environment.from_string(template).render(
        explained=_EXPLAINED,
        places=places,
        rows=_rows(drills, places),
        summary=summary(drills),
        in_words=in_words,
    )


def summary(drills: Sequence[Drill]) -> str:
    """`in 37 of 38 drills (38 faults) the fault was noticed exactly; 1 could not be run`."""
    not_run = sum(bool(drill.problem) for drill in drills)
    rest = f"; {not_run} could not be run" if not_run else ""
    noticed = sum(drill.ok for drill in drills)
    faults = counted(len({drill.name for drill in drills}), "fault")
    made = f"{noticed} of {counted(len(drills), 'drill')} ({faults})"
    return f"in {made} the fault was noticed exactly{rest}"


def in_words(drill: Drill | None) -> str:
    """What became of one fault: `6 s`, `6 s, unknown`, or what went wrong."""
    if drill is None:
        return ""
    if drill.problem:
        return f"not run: {drill.problem}"
    wrong = [
        *(f"missed {name}" for name in drill.missed),
        *(f"also {name}" for name in drill.unexpected),
        *(["not healthy after the repair"] if not drill.repaired else []),
    ]
    if wrong:
        return "; ".join(wrong)
    verdict = "" if drill.verdict is Verdict.FAIL else f", {drill.verdict}"
    return f"{drill.detected_s:.0f} s{verdict}"


def _places(drills: Iterable[Drill]) -> list[str]:
    return list(dict.fromkeys(drill.where for drill in drills))


def _rows(drills: Sequence[Drill], places: Sequence[str]) -> list[_Row]:
    by_name: dict[str, dict[str, Drill]] = {}
    for drill in drills:
        by_name.setdefault(drill.name, {})[drill.where] = drill
    rows = []
    for name, found in by_name.items():
        first = next(iter(found.values()))
        rows.append(
            _Row(
                name=name,
                title=first.title,
                expected=_expected(list(found.values())),
                may=first.may,
                drills=[found.get(place) for place in places],
            )
        )
    return rows


def _expected(drills: Sequence[Drill]) -> dict[str, str]:
    targets = {drill.target for drill in drills}
    found: dict[str, str] = {}
    for check in sorted({check for drill in drills for check in drill.expected}):
        there = {drill.target for drill in drills if check in drill.expected}
        found[check] = "" if there == targets else f"{' '.join(there)} only"
    return found
