"""Redacts what is printed while checks run."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from redis_runbook.redact import Redactor
from redis_runbook.wire.process import silence


@contextlib.contextmanager
def redacted_streams(redact: Redactor) -> Iterator[None]:
    """Redact what is printed inside, whoever prints it, as a document of ours."""
    with (
        contextlib.redirect_stdout(RedactingStream(sys.stdout, redact)),
        contextlib.redirect_stderr(RedactingStream(sys.stderr, redact)),
    ):
        yield


class RedactingStream:
    """A text stream that redacts secrets, and survives a closed pipe and a full disk."""

    def __init__(self, stream: TextIO, redact: Redactor) -> None:
        """Write to `stream` after `redact`."""
        self._stream = stream
        self._redact = redact
        self._problem: OSError | None = None

    def write(self, text: str) -> int:
        """Write the redacted text; a closed pipe or a full disk ends the output, not the run."""
        try:
            self._stream.write(self._redact.document(text))
        except OSError as error:
            self._end(error)
        return len(text)

    def flush(self) -> None:
        """Flush; ignores a closed pipe and a full disk, as `write` does."""
        try:
            self._stream.flush()
        except OSError as error:
            self._end(error)

    @property
    def problem(self) -> OSError | None:
        """Why nothing is written any more; None while all is well."""
        return self._problem or getattr(self._stream, "problem", None)

    def _end(self, problem: OSError) -> None:
        self._problem = self._problem or problem
        silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to the stream."""
        return getattr(self._stream, name)
