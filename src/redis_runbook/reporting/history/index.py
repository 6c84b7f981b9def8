"""`index.html`: the runs in the history, what changed, and the trends; static, and at most 1 MB."""

import datetime as dt
import functools
import importlib.resources
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from redis_runbook.record import RunRecord, Trend
from redis_runbook.redact import Shown, shortened
from redis_runbook.reporting.history.rows import PastRun
from redis_runbook.reporting.page.sparkline import STYLE, sparkline
from redis_runbook.reporting.text import forecast, headline, meaning, quantity
from redis_runbook.verdict import ExitCode, Verdict

MOST_RUNS: Final = 200
_MOST_NAMES: Final = 50
_MOST_NAME: Final = 200
_MOST_BYTES: Final = 1_000_000
_REPORT: Final = re.compile(r"[a-z]{1,20}-[0-9]{8}T[0-9]{6}Z(?:-[0-9]{1,6})?")
_SIGNS: Final = {
    ExitCode.HEALTHY: "✓",
    ExitCode.BROKEN: "✗",
    ExitCode.UNDETERMINED: "?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A run, with its verdict in a word, and the name of its page (None: it is not there)."""

    run: PastRun
    word: str
    sign: str
    page: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some names under one heading, each with since when, and how many more there are."""

    title: str
    names: Sequence[tuple[Shown, dt.datetime | None]]
    more: int


def render(
    record: RunRecord, runs: Sequence[PastRun], folder: Path, *, kept: int | None = None
) -> str:
    """The page, of a run that was just kept; `runs` are the newest of all, newest first.

    `kept` is how many runs there are, if that is more.

    A page of a run is linked where it is in the folder. Trends are left out, the last ones first,
    where the page would grow over 1 MB.
    """
    rows = [_row(run, folder) for run in runs]
    shown = len(record.trends)
    while True:
        page = _template().render(
            style=Markup(_resource("index.css") + STYLE),  # noqa: S704  # our own
            record=record,
            sign=_sign(record.exit_code),
            headline=headline(record),
            meaning=meaning(record),
            rows=rows,
            kept=kept or len(rows),
            parts=_parts(record),
            trends=record.trends[:shown],
            left_out=len(record.trends) - shown,
        )
        if not shown or len(page.encode(errors="backslashreplace")) <= _MOST_BYTES:
            return page
        shown //= 2


def _row(run: PastRun, folder: Path) -> _Row:
    page = f"{run.report}.html" if run.report and _REPORT.fullmatch(run.report) else None
    return _Row(
        run=run,
        word=run.exit_code.name.replace("_", " "),
        sign=_sign(run.exit_code),
        page=page if page and (folder / page).is_file() else None,
    )


def _sign(code: ExitCode) -> str:
    return _SIGNS.get(code, "–")  # noqa: RUF001


def _parts(record: RunRecord) -> Sequence[_Part]:
    """What changed, by kind; without the kinds of which there is nothing."""
    changes = record.changes
    if changes is None:
        return ()
    changed: Mapping[str, Mapping[Shown, dt.datetime | None]] = {
        "Newly broken": dict.fromkeys(changes.newly_broken),
        "Repaired": dict.fromkeys(changes.repaired),
        "Still broken": {**changes.still_broken},
        "Was broken, and is a warning or not determined now": dict.fromkeys(changes.unclear),
    }
    return [
        _Part(
            title=title,
            names=[
                (_short(name), since)
                for name, since in itertools.islice(names.items(), _MOST_NAMES)
            ],
            more=max(0, len(names) - _MOST_NAMES),
        )
        for title, names in changed.items()
        if names
    ]


def _short(name: Shown) -> Shown:
    return shortened(name, _MOST_NAME)


def _verdict(trend: Trend) -> Verdict:
    return trend.points[-1].verdict


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {
        "quantity": quantity,
        "sparkline": sparkline,
        "forecast": forecast,
        "short": _short,
        "verdict": _verdict,
    }
    return environment.from_string(_resource("index.html.j2"))


def _resource(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")
