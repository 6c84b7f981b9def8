"""`notified.json`: what was last notified, to whom. It is hostile until it was read."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, reread
from redis_runbook.reporting.notify.change import Notified
from redis_runbook.reporting.output import write_text
from redis_runbook.wire.files import read_text

FILE: Final = "notified.json"
_VERSION: Final = 1
_MAX_BYTES: Final = 8 << 20
_MOST_KEPT: Final = 200
_LONGEST_NAME: Final = 500
_DIGEST: Final = re.compile("[0-9a-f]{64}")


def occasion(record: RunRecord, addressee: str) -> str:
    """What a run is compared by, as a digest: profile, what was looked at, and who is notified."""
    services = [f"{service.name}={service.address}" for service in record.services]
    part = ["in part", *record.selected] if record.left_out else []
    parts = [record.profile, record.target or "", *services, *part, "->", addressee]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_notified(folder: Path) -> dict[str, Notified]:
    """What was last notified, by occasion; nothing if the file is missing, damaged or not ours."""
    try:
        document = json.loads(read_text(folder / FILE, max_bytes=_MAX_BYTES))
        if document["version"] != _VERSION:
            return {}
        found = document["notified"].items()
        return {key: _notified(value) for key, value in found if _DIGEST.fullmatch(key)}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _notified(value: Any) -> Notified:
    if value["status"] not in {"broken", "unknown"}:
        raise ValueError("no status")
    return Notified(
        status=value["status"], broken=_names(value["broken"]), unknown=_names(value["unknown"])
    )


def _names(value: Any) -> tuple[Shown, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("no names")
    return tuple(reread(name) for name in value if len(name) <= _LONGEST_NAME)


def write_notified(folder: Path, notified: Mapping[str, Notified]) -> list[str]:
    """Write it whole; returns a sentence if it could not be written."""
    newest = list(notified.items())[-_MOST_KEPT:]
    document = {
        "version": _VERSION,
        "notified": {
            key: {
                "status": one.status,
                "broken": list(one.broken),
                "unknown": list(one.unknown),
            }
            for key, one in newest
        },
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return write_text(text, [folder / FILE], mode=0o640)
