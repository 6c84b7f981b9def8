"""Notifies those whom `[[notify]]` names of what has changed, once the reports are written."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from redis_runbook.config.notify import Event, Notify
from redis_runbook.config.sources import Source
from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, printable, sentence
from redis_runbook.reporting.notify.change import Notified, change
from redis_runbook.reporting.notify.message import message
from redis_runbook.reporting.notify.notified import occasion, read_notified, write_notified
from redis_runbook.reporting.notify.sending import Outgoing, send
from redis_runbook.verdict import ExitCode


class Outcome(NamedTuple):
    """A sentence about notifications, and whether something went wrong."""

    text: Shown
    is_problem: bool


class _Due(NamedTuple):
    """A notification that is to be sent: `notified` is kept for its occasion once it was."""

    source: Source
    occasion: str
    event: Event | None
    notified: Notified | None
    before: Notified | None


class Notifier:
    """Tells of the runs of one configuration; it never raises, nor takes much more than 10 s."""

    def __init__(
        self, entries: Sequence[Notify], folder: Path, environ: Mapping[str, str], *, page: str
    ) -> None:
        """Notify these, and keep in the folder of what; the run's page is there, too."""
        self._entries = entries
        self._page = folder / page
        self._folder = folder
        self._environ = environ

    def tell(self, record: RunRecord) -> list[Outcome]:
        """Tell what the run has found that was not told before; what was not sent is tried again.

        Nothing is told of throwaway servers, of saved evidence, nor of an interrupted run.
        """
        is_of_interest = record.is_of_live_services and record.exit_code is not ExitCode.INTERRUPTED
        if not (is_of_interest and self._entries):
            return []
        try:
            return list(self._tell(record))
        except Exception as error:  # noqa: BLE001  # the run's result must not be lost for it
            return [_problem(f"notifications failed ({type(error).__name__})")]

    def _tell(self, record: RunRecord) -> Iterator[Outcome]:
        before = read_notified(self._folder)
        notified = dict(before)
        outgoing: list[tuple[_Due, Outgoing]] = []
        for due in self._due(record, before):
            if due.event is None:
                _keep(notified, due.occasion, due.notified)
                continue
            try:
                url = due.source.read(self._environ)
            except ValueError as error:
                yield _problem(f"{error}: nobody was told; the next run tries again")
                continue
            if not url:
                why = due.source.missing("URL of a notification")
                yield _problem(f"{why}: nobody was told; the next run tries again")
                continue
            words = message(record, due.event, due.before, self._where())
            outgoing.append((due, Outgoing(url=url.strip(), event=due.event, message=words)))
        problems = send([one for _, one in outgoing]) if outgoing else []
        for (due, _), problem in zip(outgoing, problems, strict=True):
            name = printable(due.source.origin or "")
            if problem:
                yield _problem(f"{name}: not notified: {problem}; the next run tries again")
            else:
                _keep(notified, due.occasion, due.notified)
                yield Outcome(sentence(f"{name}: notified: {due.event}"), is_problem=False)
        if notified != before:
            for problem in write_notified(self._folder, notified):
                yield _problem(f"{problem}: the same may be told again")

    def _where(self) -> str:
        """`/srv/reports/latest.html on ops-1`: the page and its machine; empty if there is none."""
        page = self._page.resolve()
        return f"{page} on {socket.gethostname()}" if page.is_file() else ""

    def _due(self, record: RunRecord, before: Mapping[str, Notified]) -> Iterator[_Due]:
        addressees: Counter[str] = Counter()
        for number, entry in enumerate(self._entries, start=1):
            source = entry.address(number)
            addressee = source.variable or source.file or "url"
            addressees[addressee] += 1
            if record.profile not in entry.profiles:
                continue
            key = occasion(record, f"{addressee} {addressees[addressee]}")
            event, notified = change(record, before.get(key), entry.on)
            yield _Due(source, key, event, notified, before.get(key))


def _keep(notified: dict[str, Notified], key: str, now: Notified | None) -> None:
    notified.pop(key, None)
    if now:
        notified[key] = now


def _problem(text: str) -> Outcome:
    return Outcome(sentence(text), is_problem=True)
