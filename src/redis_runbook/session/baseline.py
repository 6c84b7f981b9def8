"""The file of a snapshot: what the services held and how they were set, as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from redis_runbook.judging.data_kept import Baseline
from redis_runbook.redact import printable_mapping
from redis_runbook.wire.files import read_text
from redis_runbook.wire.json import MAX_ELEMENTS, has_too_many_elements

_FORMAT: Final = "redis-runbook snapshot"
_VERSION: Final = 1
_MAX_BYTES: Final = 8 << 20
_DIGITS: Final = 25  # of what is taken for a number: less than 2^80


def render(baseline: Baseline) -> str:
    """The file; it holds no value, no key but names of queues, and no secret."""
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "at": baseline.at.isoformat(timespec="seconds"),
        "services": {name: asdict(one) for name, one in baseline.services.items()},
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_baseline(path: Path) -> Baseline:
    """Read a file that `render` made.

    Raises:
        ValueError: its text continues a sentence that begins with the file ("is damaged").
    """
    return parse(read_text(path, max_bytes=_MAX_BYTES))


def parse(text: str) -> Baseline:
    """Parse what `render` made; raises as `read_baseline`."""
    if has_too_many_elements(text):
        raise ValueError(f"has more than {MAX_ELEMENTS:,} elements")
    try:
        document: Any = json.loads(text, parse_int=_count)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON, or holds a number that is no count") from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ValueError("is no snapshot: `redis-runbook snapshot FILE` makes one")
    if document.get("version") != _VERSION:
        raise ValueError(f"is of another version: this redis-runbook reads version {_VERSION}")
    try:
        # Whoever wrote the file: every text of it is made printable.
        shown = printable_mapping({name: document[name] for name in ("at", "services")})
        found = TypeAdapter(Baseline).validate_json(json.dumps(shown), strict=True)
    except (LookupError, ValidationError, RecursionError):
        raise ValueError("is damaged: not every field is there and as it should be") from None
    if found.at.tzinfo is None:
        raise ValueError("is damaged: its time has no time zone")
    return found


def _count(digits: str) -> int:
    """A number as it may be in the file; raises ValueError for any other."""
    if not digits.isdecimal() or len(digits) > _DIGITS:
        raise ValueError("is no count")
    return int(digits)
