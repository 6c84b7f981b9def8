"""The newest slow commands, from the server's SLOWLOG."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.probes.replies import clock_ms
from redis_runbook.probes.server import integer, parse_info
from redis_runbook.redact import Shown, printable, sentence
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client
from redis_runbook.words import counted

_MAX_ENTRIES: Final = 128
_MAX_DIGITS: Final = 18
_TOO_LARGE: Final = 10**_MAX_DIGITS
_RESETS: Final = ("cmdstat_slowlog|reset", "cmdstat_commandlog|reset")
"""SLOWLOG RESET, and what Valkey 8.1 calls it as well."""

_PREFIX: Final = re.compile(rb"[a-z][a-z_-]{0,23}(?=:)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowCommand:
    """One entry of SLOWLOG.

    `command` is its name, the first word of its key (`GET jwt:…`) and the number of arguments:
    keys and values may hold tokens, so they are not kept.
    """

    age_s: float
    duration_ms: float
    command: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowlogFacts:
    """The newest entries of SLOWLOG, at most 128.

    `threshold_ms` is the duration from which the server logs (negative: it logs nothing), None if
    CONFIG is denied: `why_unknown` then says why. `covers_s` is how far back the log certainly
    reaches, None if it holds everything since the server started, `uptime_s` ago (None if INFO is
    denied: `why_no_uptime` then says why). `was_reset` is whether entries were removed since: when,
    the server does not tell.
    """

    entries: Sequence[SlowCommand]
    threshold_ms: float | None
    why_unknown: str
    covers_s: float | None
    uptime_s: float | None
    why_no_uptime: str = ""
    was_reset: bool = False


def read_slowlog(client: Client) -> SlowlogFacts:
    """Read SLOWLOG GET 128, the settings that decide what the server logs, and since when it does.

    A restart empties the log, and so does SLOWLOG RESET. The latter is counted in the statistics of
    commands from Redis 7 on (until CONFIG RESETSTAT), and it shows in the entries' ids, which begin
    at 0 when the server starts.

    Raises:
        CannotLook: the user may not run SLOWLOG, or the reply has another shape.
    """
    log, clock, slower_than, max_len, server, commands = client.ask_all(
        ("SLOWLOG", "GET", _MAX_ENTRIES),
        ("TIME",),
        ("CONFIG", "GET", "slowlog-log-slower-than"),
        ("CONFIG", "GET", "slowlog-max-len"),
        ("INFO", "server"),
        ("INFO", "commandstats"),
    )
    if isinstance(log, Exception):
        raise log
    entries = slow_commands(log, clock)
    max_entries = _setting(max_len)
    full = len(entries) >= (_MAX_ENTRIES if max_entries is None else min(_MAX_ENTRIES, max_entries))
    was_reset = _counts_reset(commands) or (not full and _oldest_id(log) > 0)
    uptime_s, why_no_uptime = _uptime(server)
    threshold_us = _setting(slower_than)
    return SlowlogFacts(
        entries=entries,
        threshold_ms=None if threshold_us is None else threshold_us / 1000,
        why_unknown=str(slower_than)
        if isinstance(slower_than, CannotLook)
        else "CONFIG GET slowlog-log-slower-than has no answer",
        covers_s=max((entry.age_s for entry in entries), default=0.0)
        if full or was_reset
        else None,
        uptime_s=uptime_s,
        why_no_uptime=why_no_uptime,
        was_reset=was_reset,
    )


def slow_commands(log: Any, clock: Any) -> list[SlowCommand]:
    """The entries in the replies to SLOWLOG GET and TIME.

    Raises:
        CannotLook: a reply has another shape.
    """
    if not isinstance(log, list):
        raise _unusable()
    now_s = clock_ms(clock) / 1000
    return [_entry(entry, now_s) for entry in log]


def _oldest_id(newest: Sequence[Any]) -> int:
    """The id of the last entry of a reply that `_entry` has accepted; 0 if there is none."""
    return int(newest[-1][0]) if newest else 0


def _counts_reset(reply: object) -> bool:
    """Whether the statistics of commands count a reset; they may be denied."""
    try:
        commands = parse_info(reply)
    except CannotLook:
        return False
    return any(not commands.get(name, "calls=0,").startswith("calls=0,") for name in _RESETS)


def _uptime(reply: object) -> tuple[float | None, str]:
    """How long the server has run, and why that is not known."""
    try:
        fields = parse_info(reply)
        if "uptime_in_seconds" not in fields:
            return None, "INFO does not tell when it started"
        return integer(fields, "uptime_in_seconds"), ""
    except CannotLook as error:
        return None, str(error)


def _entry(entry: Any, now_s: float) -> SlowCommand:
    match entry:
        case [int(), int(at_s), int(duration_us), [bytes(name), *arguments], *_] if (
            abs(at_s) < _TOO_LARGE and abs(duration_us) < _TOO_LARGE
        ):
            first = arguments[0] if arguments else None
            prefix = _PREFIX.match(first) if isinstance(first, bytes) else None
            key = f" {prefix.group().decode()}:…" if prefix else ""
            return SlowCommand(
                age_s=max(0.0, now_s - at_s),
                duration_ms=duration_us / 1000,
                command=sentence(
                    f"{printable(name, 32).upper()}{key} ({counted(len(arguments), 'argument')})"
                ),
            )
    raise _unusable()


def _unusable() -> CannotLook:
    return CannotLook("SLOWLOG GET has a reply of an unknown shape")


def _setting(reply: Any) -> int | None:
    match reply:
        case [_, bytes(value)] if _is_number(value.removeprefix(b"-")):
            return int(value)
    return None


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= _MAX_DIGITS


PROBES: Final = (
    Probe(
        name="slowlog",
        facts=SlowlogFacts,
        look=lambda look: read_slowlog(look.client),
        needs=(ConnectionFacts,),
        wanted_by=("latency.slowlog",),
    ),
)
