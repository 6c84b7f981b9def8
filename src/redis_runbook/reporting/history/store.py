"""Adds runs to `history.sqlite`, drops old ones, and reads what it knows of earlier ones."""

import contextlib
import datetime as dt
import itertools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from redis_runbook.record import RunRecord, TrendPoint
from redis_runbook.reporting.fields import count
from redis_runbook.reporting.history import rows
from redis_runbook.reporting.history.changes import Unsettled
from redis_runbook.reporting.history.rows import PastRun
from redis_runbook.verdict import ExitCode, Finding, Verdict

MOST_RUNS: Final = 10_000
MOST_FINDINGS: Final = 1_000_000
"""How much is kept, however young it is. A finding takes some 35 bytes."""

_MOST_OF_A_RUN: Final = 20_000
"""Of what one run found and is not well."""

_JUMP_US: Final = 60 * 86_400 * 1_000_000
"""What a run is later than the one before it where the clock is more likely wrong than right."""


class Store:
    """The queries; `database.opened` makes a sentence of what they raise."""

    def __init__(
        self, db: sqlite3.Connection, record: RunRecord, *, instead_of: RunRecord | None = None
    ) -> None:
        """Ask for runs that can be compared with this one, which comes in the place of another."""
        self._db = db
        self._record = record
        self._kind = rows.kind(record)
        self._replaced_us = rows.us(instead_of.started_at) if instead_of else None

    def unsettled(self) -> Iterator[Unsettled]:
        """Of each earlier run of the same kind, newest first."""
        for run, at in self._earlier(MOST_RUNS):
            found = self._rows(
                "SELECT n.name, f.verdict FROM findings f JOIN names n ON n.id = f.name "
                "WHERE f.run = ? AND f.verdict IN (?, ?)",
                (run, Verdict.FAIL.value, Verdict.UNKNOWN.value),
                most=_MOST_OF_A_RUN,
            )
            verdicts = {rows.name(name): Verdict(verdict) for name, verdict in found}
            yield Unsettled(at=at, verdicts=verdicts)

    def points(
        self, findings: Sequence[Finding], *, runs: int
    ) -> Mapping[str, Sequence[TrendPoint]]:
        """What the last `runs` runs of the same kind found under these names, oldest first.

        What was observed in another unit counts as not measured.
        """
        earlier = dict(self._earlier(runs))
        units = {finding.name: finding.unit for finding in findings}
        points: dict[str, dict[dt.datetime, TrendPoint]] = {name: {} for name in units}
        found = self._rows(
            "SELECT f.run, n.name, f.verdict, f.observed, f.unit FROM findings f "  # noqa: S608
            "JOIN names n ON n.id = f.name "
            f"WHERE f.run IN ({_marks(earlier)}) AND f.name IN "
            f"(SELECT id FROM names WHERE name IN ({_marks(units)}))",
            (*earlier, *units),
            most=len(earlier) * len(units),
        )
        for run, name, verdict, observed, unit in found:
            at = earlier[run]
            points[name][at] = TrendPoint(
                at=at,
                verdict=Verdict(verdict),
                observed=rows.observed(observed) if unit == units[name] else None,
            )
        return {name: [its[at] for at in sorted(its)] for name, its in points.items()}

    def newest(self, most: int) -> Sequence[PastRun]:
        """The newest runs of any kind, newest first."""
        query = f"SELECT {rows.OF_A_PAST_RUN} FROM runs ORDER BY started_us DESC, id DESC"  # noqa: S608
        return [rows.past_run(row) for row in self._rows(query, (), most=most)]

    def number(self) -> int:
        """How many runs are kept."""
        (number,) = self._db.execute("SELECT count(*) FROM runs").fetchone()
        return int(number)

    def add(self, *, keep_s: float) -> int:
        """Add the run, and drop what it replaces and what is too old; returns its id."""
        record, db = self._record, self._db
        with self._transaction():
            if self._replaced_us is not None:
                self._drop("kind = ? AND started_us = ?", (self._kind, self._replaced_us))
            row = rows.of_run(record, self._kind)
            columns, marks = ", ".join(row), _marks(row)
            added = db.execute(
                f"INSERT INTO runs ({columns}) VALUES ({marks})",  # noqa: S608  # our own names
                [*row.values()],
            ).lastrowid
            names = ((finding.name,) for finding in record.findings)
            db.executemany("INSERT OR IGNORE INTO names (name) VALUES (?)", names)
            # Of names that are the same once secrets are masked, the worst finding is kept.
            db.executemany(
                'INSERT OR IGNORE INTO findings (run, name, verdict, observed, "limit", unit, '
                "suppressed) SELECT ?, id, ?, ?, ?, ?, ? FROM names WHERE name = ?",
                ((added, *rows.of_finding(one), one.name) for one in record.by_severity),
            )
            self._prune(rows.us(record.started_at), int(keep_s * 1e6))
        return count(added)

    def settle(self, run: int, *, exit_code: ExitCode, report: str) -> None:
        """Note the exit code of the run that was added, and the name of its files."""
        with self._transaction():
            self._db.execute(
                "UPDATE runs SET exit_code = ?, report = ? WHERE id = ? AND started_us = ?",
                (int(exit_code), report, run, rows.us(self._record.started_at)),
            )

    def _prune(self, now_us: int, keep_us: int) -> None:
        """Drop the runs that are too old, or too many, and most names that are in none.

        Nothing is too old by a clock that has jumped far ahead of all other runs.
        """
        (before_us,) = self._db.execute(
            "SELECT max(started_us) FROM runs WHERE started_us < ?", (now_us,)
        ).fetchone()
        if before_us is not None and now_us - before_us <= max(keep_us, _JUMP_US):
            self._drop("started_us < ?", (now_us - keep_us,))
        total = 0
        sizes = self._db.execute("SELECT started_us, size FROM runs ORDER BY started_us DESC")
        for number, (started_us, size) in enumerate(sizes):
            total += size
            if number and (number >= MOST_RUNS or total > MOST_FINDINGS):
                self._drop("started_us <= ?", (started_us,))
                break
        (names,) = self._db.execute("SELECT count(*) FROM names").fetchone()
        if names > 2 * len(self._record.findings) + 1_000:  # it takes long: not each time
            self._db.execute("DELETE FROM names WHERE id NOT IN (SELECT name FROM findings)")

    def _drop(self, condition: str, values: Sequence[object]) -> None:
        which = f"(SELECT id FROM runs WHERE {condition})"  # noqa: S608  # our own words
        self._db.execute(f"DELETE FROM findings WHERE run IN {which}", values)  # noqa: S608
        self._db.execute(f"DELETE FROM runs WHERE {condition}", values)  # noqa: S608

    def _earlier(self, most: int) -> Iterator[tuple[int, dt.datetime]]:
        """The ids of the runs to compare with, and when they began, newest first."""
        found = self._rows(
            "SELECT id, started_us FROM runs WHERE kind = ? AND started_us < ? "
            "AND started_us IS NOT ? ORDER BY started_us DESC, id DESC",
            (self._kind, rows.us(self._record.started_at), self._replaced_us),
            most=most,
        )
        return ((count(run), rows.moment(started_us)) for run, started_us in found)

    def _rows(
        self, query: str, values: Sequence[object], *, most: int
    ) -> Iterator[tuple[Any, ...]]:
        return itertools.islice(self._db.execute(query, values), most)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; what is not committed is rolled back, at the latest by the next run."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some errors have rolled back already
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _marks(values: Mapping[Any, Any]) -> str:
    return ", ".join("?" * len(values))
