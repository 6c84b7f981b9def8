"""Failure reasons without what must not leave the server: secrets, data, and endless variety."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from redis_runbook.probes.bullmq.facts import FailureClass
from redis_runbook.redact import Redactor, printable

_LENGTH: Final = 100
_READ: Final = 2_000
_VARIABLE: Final = (
    (re.compile(r"\b(?=\w*\d)[\w-]{16,}(\.[\w-]+)*"), "…"),  # identifiers, hashes
    (re.compile(r"\S+@\S+"), "…"),
    (re.compile(r"\d+"), "#"),
)
_redact: Final = Redactor()


def classify(reasons: Iterable[bytes]) -> tuple[FailureClass, ...]:
    """Group reasons by their first line, variable parts masked; the most frequent first."""
    counted = Counter(_masked(reason) for reason in reasons)
    return tuple(FailureClass(reason=text, count=count) for text, count in counted.most_common())


def _masked(reason: bytes) -> str:
    lines = reason[:_READ].strip().splitlines()
    text = _redact(lines[0].decode(errors="replace").strip()) if lines else ""
    for pattern, mask in _VARIABLE:
        text = pattern.sub(mask, text)
    return printable(text, _LENGTH) or "(no reason)"
