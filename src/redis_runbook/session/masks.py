"""Redacts the texts of facts so that what was different stays different: checks compare them."""

from collections.abc import Iterable
from dataclasses import replace

from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.redact import Shown, distinct, masked
from redis_runbook.session.typed import bytes_as_text, text_as_bytes


class Masks:
    """The redacted texts of one saved run: the same for the same text, wherever it is.

    `token:a` and `token:b` are two queues, and both look like secrets: the second is written as
    `token:[redacted] (2)`.
    """

    def __init__(self) -> None:
        """Know no text yet."""
        self._written: dict[str, Shown] = {}
        self._taken: set[str] = set()

    def text(self, raw: str) -> Shown:
        """The text as it may be written."""
        return self._as(raw, masked(raw))

    def words(self, raw: str) -> Shown:
        """The same for a text in which a plain word stays, even if a password is the same."""
        return self._as(raw, masked(raw, words=True))

    def keep(self, texts: Iterable[str]) -> None:
        """Let the plain words of these texts stay, wherever the whole text is the same."""
        self._written |= {raw: self.words(raw) for raw in texts}

    def learn(self, queues: Iterable[Queue]) -> None:
        """Write titles of queues as what the redacted names of the queues are titled."""
        for queue in queues:
            name = text_as_bytes(self.text(bytes_as_text(queue.name)))
            written = replace(queue, name=name)
            self._written[queue.title] = masked(written.title)
            self._written[queue.configured_as] = masked(written.configured_as)

    def _as(self, raw: str, shown: Shown) -> Shown:
        if raw not in self._written:
            if shown == raw:
                return shown
            self._written[raw] = distinct(shown, self._taken)
        return self._written[raw]
