"""The tables of `history.sqlite`, and whether a file is one."""

import itertools
import sqlite3
from typing import Final

from redis_runbook.reporting.history.error import HistoryError

_APPLICATION_ID: Final = 0x52524248  # "RRBH"
_VERSION: Final = 1
_TABLES: Final = (
    """CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, -- only runs of the same kind are compared
  profile TEXT NOT NULL,
  target TEXT NOT NULL,
  services TEXT NOT NULL, -- and their addresses
  started_us INTEGER NOT NULL, -- since 1970, UTC
  elapsed_s REAL NOT NULL,
  outcome INTEGER NOT NULL, -- the exit code for what was found
  exit_code INTEGER NOT NULL, -- 3 where a report could not be written
  counts TEXT NOT NULL, -- how many findings have each verdict
  size INTEGER NOT NULL, -- how many findings there are
  report TEXT -- the name of its files, without an ending
)""",
    "CREATE INDEX runs_of_a_kind ON runs (kind, started_us)",
    "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE findings (
  run INTEGER NOT NULL REFERENCES runs,
  name INTEGER NOT NULL REFERENCES names,
  verdict TEXT NOT NULL,
  observed REAL,
  "limit" REAL,
  unit TEXT,
  suppressed INTEGER NOT NULL, -- 1: the configuration suppressed it
  PRIMARY KEY (run, name)
) WITHOUT ROWID""",
)
"""Without STRICT: SQLite has it since 3.37 only. What is read is checked instead."""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables in an empty file; refuse a file that has others.

    Raises:
        HistoryError: the file is not ours, or of a newer version.
    """
    application = _pragma(db, "application_id")
    if application == _APPLICATION_ID and (version := _pragma(db, "user_version")) != _VERSION:
        newer = isinstance(version, int) and version > _VERSION
        if newer:
            ours = f"this version of redis-runbook knows {_VERSION}"
            what = f"{version}; {ours}: update redis-runbook, or move the file away"
        else:
            what = f"{version}: move the file away"
        raise HistoryError(f"its version is {what}")
    # A view or a trigger could do anything in the place of a table.
    wanted = set(_TABLES)
    found = {sql for (sql,) in _some(db, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    if application == _APPLICATION_ID and found == wanted:
        return
    if application or found:
        raise HistoryError(
            "it is no history of redis-runbook: move it away, or take another --report-dir"
        )
    db.execute("BEGIN IMMEDIATE")
    if not _some(db, "SELECT 1 FROM sqlite_master"):  # else another run has made them meanwhile
        for table in _TABLES:
            db.execute(table)
        # In the same transaction: a file has all of this, or nothing.
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_VERSION}")
    db.execute("COMMIT")


def _pragma(db: sqlite3.Connection, name: str) -> object:
    (value,) = db.execute(f"PRAGMA {name}").fetchone()
    return value


def _some(db: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
    """A few rows more than there are of ours."""
    return list(itertools.islice(db.execute(query), 2 * len(_TABLES)))
