"""Parses samples from Prometheus' text format, without trusting the text."""

import io
import itertools
import math
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from redis_runbook.wire.background import IMPORTING
from redis_runbook.wire.http import FetchError, FetchProblem

_MAX_LINE_BYTES: Final = 16 << 10
_LINES_AT_ONCE: Final = 500
"""The parser keeps a family whole, and a family may be the whole answer: so many lines are few."""

Labels = Mapping[str, str]


class Samples:
    """The wanted series of a text; the value of a missing series is None, never 0."""

    def __init__(self, found: Mapping[str, tuple[Labels, float]]) -> None:
        """Keep these samples, by name."""
        self._found = found

    def value(self, name: str) -> float | None:
        """The value of a series; None if it is missing or not finite."""
        sample = self._found.get(name)
        return sample[1] if sample and math.isfinite(sample[1]) else None

    def labels(self, name: str) -> Labels | None:
        """The labels of a series: hostile text."""
        sample = self._found.get(name)
        return sample[0] if sample else None


def read_samples(body: bytes, wanted: Collection[str], *, deadline: float) -> Samples:
    """Parse the whole text, as Prometheus does, and keep the wanted series.

    Args:
        body: the answer of an exporter.
        wanted: the names of the series to keep; each may occur once.
        deadline: when to give up, by `time.monotonic()`.

    Raises:
        FetchError: the text is empty, is not metrics, has no samples, or has a wanted series more
            than once; or the deadline has passed.
    """
    if not body.strip():
        raise FetchError(FetchProblem.EMPTY, "answered with an empty body")
    found: dict[str, tuple[Labels, float]] = {}
    name = None
    for name, labels, value in _samples(body, deadline):
        if name in found:
            raise FetchError(
                FetchProblem.AMBIGUOUS,
                f"gives {name} more than once, so for several instances: set the URL of one "
                "exporter",
            )
        if name in wanted:
            found[name] = labels, value
    if name is None:
        raise FetchError(FetchProblem.NO_SAMPLES, "answered with metrics that hold no sample")
    return Samples(found)


def _samples(body: bytes, deadline: float) -> Iterator[tuple[str, Labels, float]]:
    with IMPORTING:  # it takes 30 ms
        from prometheus_client.parser import text_fd_to_metric_families  # noqa: PLC0415

    lines = _lines(body, deadline)
    try:
        # The parser wants a text file, but only iterates over lines.
        while part := list(itertools.islice(lines, _LINES_AT_ONCE)):
            text: Any = part
            for family in text_fd_to_metric_families(text):
                for name, labels, value, *_ in family.samples:
                    yield name, labels, float(value)
    except FetchError:
        raise
    except Exception:  # noqa: BLE001  # the text is hostile, and the errors quote it
        page = "a web page" if body.lstrip().startswith(b"<") else "text that is not metrics"
        raise FetchError(
            FetchProblem.NOT_METRICS, f"answered with {page}: is its path right (/metrics)?"
        ) from None


def _lines(body: bytes, deadline: float) -> Iterator[str]:
    for line in io.BytesIO(body):
        if len(line) > _MAX_LINE_BYTES:  # the parser's time grows with the square of a line
            raise FetchError(
                FetchProblem.NOT_METRICS,
                f"answered with a line of {len(line)} bytes: these are not metrics",
            )
        if time.monotonic() >= deadline:
            raise FetchError(FetchProblem.TIMED_OUT, "gave more than could be read in time")
        yield line.decode(errors="replace")
