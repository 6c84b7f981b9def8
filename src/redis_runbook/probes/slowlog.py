"""Which commands were slow lately, by the server's own log."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.client import Client
from redis_runbook.probes import CannotLook
from redis_runbook.redact import printable

_ENTRIES: Final = 128
_PREFIX: Final = re.compile(rb"[a-z][a-z_-]{0,23}(?=:)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowCommand:
    """One entry of SLOWLOG.

    `command` is its name, the first word of its key (`GET jwt:…`) and the number of arguments:
    keys and values may hold tokens and stay where they are.
    """

    age_s: float
    duration_ms: float
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowlogFacts:
    """The newest entries of SLOWLOG, at most 128.

    `threshold_ms` is what the server logs from (negative: it logs nothing), None where CONFIG is
    denied: `why_unknown` then tells why. `covers_s` is how far back the log reaches, None where
    it holds everything since it was last reset.
    """

    entries: Sequence[SlowCommand]
    threshold_ms: float | None
    why_unknown: str
    covers_s: float | None


def read_slowlog(client: Client) -> SlowlogFacts:
    """SLOWLOG GET 128, and the settings that say what it would have caught.

    Raises:
        CannotLook: the user may not run SLOWLOG, or the reply has another shape.
    """
    log, clock, slower_than, max_len = client.ask_all(
        ("SLOWLOG", "GET", _ENTRIES),
        ("TIME",),
        ("CONFIG", "GET", "slowlog-log-slower-than"),
        ("CONFIG", "GET", "slowlog-max-len"),
    )
    if isinstance(log, Exception):
        raise log
    if isinstance(clock, Exception):
        raise clock
    try:
        now_s = int(clock[0]) + int(clock[1]) / 1e6
        entries = [_entry(entry, now_s) for entry in log]
    except (TypeError, ValueError, IndexError):
        raise CannotLook("SLOWLOG GET or TIME has a reply of an unknown shape") from None
    kept = _setting(max_len)
    full = len(entries) >= (_ENTRIES if kept is None else min(_ENTRIES, kept))
    threshold_us = _setting(slower_than)
    return SlowlogFacts(
        entries=entries,
        threshold_ms=None if threshold_us is None else threshold_us / 1000,
        why_unknown=str(slower_than) if isinstance(slower_than, CannotLook) else "",
        covers_s=max((entry.age_s for entry in entries), default=0.0) if full else None,
    )


def _entry(entry: Any, now_s: float) -> SlowCommand:
    _number, at_s, duration_us, arguments = entry[:4]
    name = printable(bytes(arguments[0]), 32).upper()
    prefix = _PREFIX.match(bytes(arguments[1])) if len(arguments) > 1 else None
    key = f" {prefix.group().decode()}:…" if prefix else ""
    return SlowCommand(
        age_s=max(0.0, now_s - int(at_s)),
        duration_ms=int(duration_us) / 1000,
        command=f"{name}{key} ({len(arguments) - 1} arguments)",
    )


def _setting(reply: Any) -> int | None:
    try:
        return int(reply[1])
    except (TypeError, IndexError, ValueError):
        return None
