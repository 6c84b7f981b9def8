"""Groups failure reasons, without the secrets and data in them, which must not leave the server."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from redis_runbook.probes.bullmq.facts import FailureClass
from redis_runbook.redact import KNOWN, Shown, printable, vetted

_MAX_LENGTH: Final = 100
_MAX_BYTES_READ: Final = 2_000
_VARIABLE_PARTS: Final = (
    (re.compile(r"\b(?=\w*\d)[\w-]{16,}(\.[\w-]+)*"), "…"),  # identifiers, hashes
    (re.compile(r"\S+@\S+"), "…"),
    (re.compile(r"\d+"), "#"),
)


def classify(reasons: Iterable[bytes]) -> tuple[FailureClass, ...]:
    """Group reasons by their first line, variable parts masked; the most frequent first."""
    counted = Counter(_masked(reason) for reason in reasons)
    return tuple(FailureClass(reason=text, count=count) for text, count in counted.most_common())


def _masked(reason: bytes) -> Shown:
    if not KNOWN.shows_job_details:
        return vetted("(not shown)")
    lines = reason[:_MAX_BYTES_READ].strip().splitlines()
    text = KNOWN(lines[0].decode(errors="replace").strip()) if lines else ""
    for pattern, mask in _VARIABLE_PARTS:
        text = pattern.sub(mask, text)
    return printable(text, _MAX_LENGTH) or vetted("(no reason)")
