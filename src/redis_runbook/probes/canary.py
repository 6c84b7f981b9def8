"""Writes, reads and removes a canary key."""

import secrets
import time
from dataclasses import dataclass
from typing import Final

import redis
from redis.exceptions import MovedError

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.redact import printable
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import Endpoint

_TTL_MS: Final = 10_000
_SLOTS_TRIED: Final = 64
_REFUSALS: Final = {
    "MISCONF": "MISCONF: the last RDB save failed and the server stops accepting writes",
    "OOM": "OOM: memory is full and the policy evicts nothing",
    "READONLY": "READONLY: this is a replica",
    "NOREPLICAS": "NOREPLICAS: fewer replicas are attached than min-replicas-to-write asks for",
    "CLUSTERDOWN": "CLUSTERDOWN: the cluster does not serve the key's slot",
    "MOVED": "MOVED: another cluster node owns the key's slot",
    "LOADING": "LOADING: the dataset is still being read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryFacts:
    """One round of SET, GET and DEL on a key of our own; `refusal` is empty when it succeeded."""

    elapsed_ms: float
    refusal: str = ""


def write_canary(endpoint: Endpoint, service: str, *, timeout_s: float) -> CanaryFacts:
    """Write, read back and remove `redis-runbook:canary:<random>`, which expires by itself.

    Uses a connection of its own, since a paused server leaves it hanging until `timeout_s`.

    Raises:
        CannotLook: the user may not write such a key.
        redis.exceptions.RedisError: the connection could not be opened.
    """
    started = time.monotonic()
    with connected(endpoint, service, timeout_s=timeout_s) as client:
        try:
            with client.time_limit(timeout_s + 0.5):
                refusal = _write(client)
        except (redis.TimeoutError, CannotLook):
            if time.monotonic() - started < timeout_s:  # not for lack of time
                raise
            refusal = (
                f"a write had no answer within {timeout_s:g} s although PING has one: writes are "
                "paused (CLIENT PAUSE) or blocked"
            )
    return CanaryFacts(elapsed_ms=(time.monotonic() - started) * 1000, refusal=refusal)


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
    return _refusal(set_reply, read_back, removed, token)


def _refusal(set_reply: object, read_back: object, removed: object, token: str) -> str:
    for reply in (set_reply, read_back, removed):
        if isinstance(reply, CannotLook):
            raise reply
        if isinstance(reply, Exception):
            text = str(reply)
            code = getattr(reply, "status_code", None) or text.partition(" ")[0]
            return f"the server refuses it ({_REFUSALS.get(code) or printable(text, 120)})"
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
