"""Opens `history.sqlite`: with bounded waits, whatever lies in its place."""

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from redis_runbook.reporting.history.error import HistoryError
from redis_runbook.reporting.history.schema import prepare
from redis_runbook.wire.files import followed

_MODE: Final = 0o640
_LOCKED_S: Final = 10.0
"""How long to wait for other runs, each of which holds the lock for milliseconds."""

_LIMIT_S: Final = 20.0
"""For all that is asked, waiting for other runs included."""

_STEPS: Final = 20_000
"""How many steps of SQLite's machine, some milliseconds, go by before it is asked for the time."""

_MAX_BYTES: Final = 1_000_000
"""Of one text or row."""

_AWAY: Final = "move it away, and the next run begins a new one"
_STRANGE: Final = f"it holds what no run wrote: {_AWAY}"
_REASONS: Final = {
    sqlite3.SQLITE_NOTADB: f"it is no SQLite database: {_AWAY}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged: {_AWAY}",
    sqlite3.SQLITE_BUSY: f"another program has had it locked for {_LOCKED_S:g} s",
    sqlite3.SQLITE_READONLY: "it, or its folder, cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it, or the journal beside it, cannot be opened",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "reading or writing it failed: is the disk full?",
    sqlite3.SQLITE_INTERRUPT: f"it took longer than {_LIMIT_S:g} s",
    sqlite3.SQLITE_TOOBIG: _STRANGE,
}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, made if there is none. What is done with it is one sentence if it fails.

    Raises:
        HistoryError: it cannot be opened, or what was done with it failed.
    """
    try:
        with contextlib.closing(_connected(_plain(path))) as db:
            prepare(db)
            yield db
    except sqlite3.Error as error:
        raise HistoryError(_reason(error)) from None
    except OSError as error:
        raise HistoryError(str(error.strerror)) from None
    except (ValueError, TypeError, OverflowError):  # what was read has other types, or no UTF-8
        raise HistoryError(_STRANGE) from None


def _plain(path: Path) -> Path:
    """The file, which is made if it does not exist; permits `_MODE` at most.

    Raises:
        OSError, HistoryError: it cannot be opened, or it is not the user's own plain file.
    """
    path = followed(path)
    _refuse(path)
    # SQLite takes a journal for what the last run left, rolls back by it, and may remove another
    # file that it names.
    _refuse(path.with_name(f"{path.name}-journal"))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _MODE)
    try:
        permits = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if permits & ~_MODE:
            os.fchmod(descriptor, permits & _MODE)
    finally:
        os.close(descriptor)  # before SQLite locks it: closing it ends all locks of this process
    return path


def _refuse(path: Path) -> None:
    """Refuse what is no plain file, or belongs to somebody else than us, root or the folder."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no plain file"
        raise HistoryError(f"{path.name} is {what}")
    # On some network disks all files belong to one user, whoever makes them.
    if found.st_uid not in {os.geteuid(), 0, path.parent.stat().st_uid}:
        raise HistoryError(f"{path.name} belongs to another user")


def _connected(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, with limits on time and memory."""
    db = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=_LOCKED_S, isolation_level=None
    )
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BYTES)
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    late = time.monotonic() + _LIMIT_S
    db.set_progress_handler(lambda: time.monotonic() > late, _STEPS)
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
        db.execute(f"PRAGMA {setting}")
    # Not WAL, which needs shared memory: report folders may be on network disks.
    if db.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
        raise HistoryError("it is in use by a program that keeps a write-ahead log")
    return db


def _reason(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)  # None: not by SQLite, but by Python's module
    if code is None:
        return _STRANGE
    return _REASONS.get(code & 0xFF, f"SQLite says {error.sqlite_errorname}")
