"""Writes, reads and removes a canary key."""

import secrets
import time
from dataclasses import dataclass
from typing import Final

import redis
from redis.exceptions import MovedError

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.probes.refusal import no_answer, refusal
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import Endpoint

_TTL_MS: Final = 10_000
_SLOTS_TRIED: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryFacts:
    """SET, GET and DEL on a key of our own; `refusal` is empty when they succeeded.

    `elapsed_ms` is the time from the commands to their replies, on an open connection.
    """

    elapsed_ms: float
    refusal: str = ""


def write_canary(endpoint: Endpoint, service: str, *, timeout_s: float) -> CanaryFacts:
    """Write, read back and remove `redis-runbook:canary:<random>`, which expires by itself.

    Uses a connection of its own, since a paused server leaves it hanging until `timeout_s`.

    Raises:
        CannotLook: the user may not write such a key.
        redis.exceptions.RedisError: the connection could not be opened.
    """
    with connected(endpoint, service, timeout_s=timeout_s) as client:
        started = time.monotonic()
        try:
            with client.time_limit(timeout_s + 0.5):
                refused = _write(client)
        except (redis.TimeoutError, CannotLook):
            if time.monotonic() - started < timeout_s:  # not for lack of time
                raise
            refused = no_answer("a write", timeout_s)
        return CanaryFacts(elapsed_ms=(time.monotonic() - started) * 1000, refusal=refused)


def _write(client: Client) -> str:
    """Why the canary could not be written, read and removed; empty on success."""
    token = secrets.token_hex(8)
    for attempt in range(1, _SLOTS_TRIED + 1):
        key = f"redis-runbook:canary:{secrets.token_hex(8)}"
        set_reply, read_back, removed = client.ask_all(
            ("SET", key, token, "PX", _TTL_MS, "NX"), ("GET", key), ("DEL", key)
        )
        # In a cluster another node may own the key's slot, so try other keys.
        if attempt == _SLOTS_TRIED or not isinstance(set_reply, MovedError):
            break
    return _why_not(set_reply, read_back, removed, token)


def _why_not(set_reply: object, read_back: object, removed: object, token: str) -> str:
    for reply in (set_reply, read_back, removed):
        if isinstance(reply, CannotLook):
            raise reply
        if isinstance(reply, Exception):
            return refusal(reply)
    if set_reply != b"OK":
        return "SET was not answered with OK"
    if read_back != token.encode():
        return "what was written could not be read back"
    return "" if removed == 1 else "the canary could not be removed"


PROBES: Final = (
    Probe(
        name="canary",
        facts=CanaryFacts,
        look=lambda look: write_canary(
            look.endpoint, look.service.name, timeout_s=look.service.limits.write_s
        ),
        needs=(ConnectionFacts,),
        wanted_by=("connectivity.writable",),
        lane="canary",
    ),
)
