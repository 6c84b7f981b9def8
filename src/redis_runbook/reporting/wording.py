"""Short texts that several outputs have: what was looked at, and texts of bounded length."""

from collections.abc import Mapping
from typing import Final

from redis_runbook.record import RunRecord
from redis_runbook.redact import escape

MOST_STEPS: Final = 9
"""How many next steps of a finding an output shows; none of ours has as many."""
_MAX_TEXT: Final = 1_000


def address(record: RunRecord) -> str:
    """`queue at redis-queue:6379 (redis 7.0.15), cache`: what was looked at, in one line."""
    found = versions(record)
    parts = []
    for service in record.services:
        where = f" at {service.address}" if service.address else ""
        parts.append(f"{service.name}{where} ({found[service.name]})")
    return ", ".join(parts)


def versions(record: RunRecord) -> Mapping[str, str]:
    """The server of each service: `redis 7.0.15`, or `no answer`."""
    return {
        name: f"{server.product} {server.version}" if server else "no answer"
        for name, server in record.servers.items()
    }


def cut(text: str, limit: int = _MAX_TEXT) -> str:
    """One line of so many characters, and `…` where there was more; escapes may double it."""
    if len(text) > limit:
        return f"{escape(text[:limit])[:limit]}…"
    return escape(text)[: 2 * limit]


def within(line: str, columns: int) -> str:
    """The line, with `…` for the end that does not fit."""
    return line if len(line) <= columns else f"{line[: columns - 1]}…"
