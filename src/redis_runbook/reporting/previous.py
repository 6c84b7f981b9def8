"""What the last run saw: counters of a server only mean something beside an earlier reading."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis_runbook.wire.files import read_text

_MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """One server at the last run; `run_id` tells whether it is still the same process."""

    run_id: str
    rejected_connections: int


def read_previous(report_dir: Path) -> Mapping[str, Previous]:
    """The servers of the last run's `results.json`, by service; unreadable ones are absent.

    A first run has no file, and a file may be damaged or not ours: there is then nothing to
    compare with, and checks say "since the server started" instead.
    """
    try:
        text = read_text(report_dir / "results.json", max_bytes=_MAX_BYTES)
        servers = json.loads(text)["results"]["extra"]["servers"].items()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    found = {str(name): _previous(server) for name, server in servers}
    return {name: server for name, server in found.items() if server}


def _previous(server: Any) -> Previous | None:
    if not isinstance(server, dict):
        return None
    run_id, rejected = server.get("run_id"), server.get("rejected_connections")
    if not isinstance(run_id, str) or not run_id:
        return None
    if not isinstance(rejected, int) or rejected < 0:
        return None
    return Previous(run_id=run_id, rejected_connections=rejected)
