"""Keeps a run in the history, and tells what earlier runs say about it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis_runbook.config.history import HistorySettings
from redis_runbook.record import RunRecord
from redis_runbook.reporting.history import index
from redis_runbook.reporting.history.changes import changes
from redis_runbook.reporting.history.choice import is_kept
from redis_runbook.reporting.history.error import HistoryError
from redis_runbook.reporting.history.trends import RUNS, shown, trends
from redis_runbook.reporting.output import write_text

if TYPE_CHECKING:
    from redis_runbook.reporting.history.store import Store

FILE: Final = "history.sqlite"
INDEX: Final = "index.html"
FILES: Final = (FILE, f"{FILE}-journal", INDEX)


class History:
    """The history of one run: what was before it, and then the run itself."""

    def __init__(self, folder: Path, settings: HistorySettings) -> None:
        """Prepare; nothing is opened yet."""
        self._folder = folder
        self._settings = settings
        self._problems: list[str] = []
        self._added: int | None = None

    def add(self, record: RunRecord, instead_of: RunRecord | None) -> RunRecord:
        """Add a run that is kept, in the place of the attempt before it.

        What is not possible is a problem, and changes nothing else.

        Returns:
            The record, with its changes and trends as far as they are known.
        """
        if not is_kept(record, self._settings):
            return record
        with contextlib.suppress(OSError):  # the database cannot be opened then, which is told
            self._folder.mkdir(parents=True, exist_ok=True)
        compared = record
        try:
            with self._store(record, instead_of) as store:
                findings = shown(record)
                compared = replace(
                    record,
                    changes=changes(record, store.unsettled()),
                    trends=trends(record, findings, store.points(findings, runs=RUNS)),
                )
                self._added = store.add(keep_s=self._settings.keep)
        except HistoryError as error:
            self._problems.append(self._sentence(error))
        return compared

    def problems(self) -> list[str]:
        """Why the run is not in the history: a sentence, told once; empty if it is."""
        problems, self._problems = self._problems, []
        return problems

    def settle(self, record: RunRecord, report: str) -> list[str]:
        """Note how a run that was added ended, and write the index.

        Returns:
            A sentence if that was not possible.
        """
        if self._added is None:
            return []
        try:
            with self._store(record) as store:
                store.settle(self._added, exit_code=record.exit_code, report=report)
                runs, kept = store.newest(index.MOST_RUNS), store.number()
        except HistoryError as error:
            return [self._sentence(error)]
        page = index.render(record, runs, self._folder, kept=kept)
        return write_text(page, [self._folder / INDEX], mode=0o640)

    @contextlib.contextmanager
    def _store(self, record: RunRecord, instead_of: RunRecord | None = None) -> "Iterator[Store]":
        """The queries about a run; raises HistoryError, also for what is done with them."""
        try:  # most runs need it not, and some Pythons are built without it
            from redis_runbook.reporting.history.database import opened  # noqa: PLC0415
            from redis_runbook.reporting.history.store import Store  # noqa: PLC0415
        except ImportError:  # or the library that it needs is not there
            raise HistoryError("this Python has no sqlite3") from None
        with opened(self._folder / FILE) as db:
            yield Store(db, record, instead_of=instead_of)

    def _sentence(self, error: HistoryError) -> str:
        return f"cannot write {self._folder / FILE}: {error}"
