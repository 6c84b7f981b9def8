"""Counts the live entries that match a pattern, and samples their TTLs; values are not read."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.replies import unusable
from redis_runbook.wire.client import Client

_SAMPLE: Final = 100
_BUDGET_S: Final = 2.0
_SAMPLED_KEY_BYTES: Final = 64 << 10
_CURSOR_DIGITS: Final = 20
PTTL_NO_KEY: Final = -2
PTTL_NO_EXPIRY: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtCacheFacts:
    """The result of a bounded SCAN.

    `live_entries` is exact when `complete`, else a lower bound. `stopped` says why the scan
    ended. `dbsize` is None if DBSIZE is denied. `keys_looked_at` is an estimate, as the server
    decides how many keys a call covers. The TTLs of `ttl_sampled` entries were read: `without_ttl`
    of them never expire; `ttl_min_s` and `ttl_max_s` are those of the others, None if there are
    none.
    """

    live_entries: int
    stopped: Literal["enough", "complete", "budget"]
    keys_looked_at: int
    dbsize: int | None
    calls: int
    elapsed_s: float
    ttl_sampled: int
    without_ttl: int
    ttl_min_s: float | None
    ttl_max_s: float | None

    @property
    def complete(self) -> bool:
        """Whether the whole keyspace was scanned."""
        return self.stopped == "complete"


def look_at_jwt_cache(look: Look) -> JwtCacheFacts:
    """Count the entries of the configured pattern; raises as `observe_jwt_cache`."""
    settings = look.config.jwt_cache
    return observe_jwt_cache(
        look.client,
        pattern=settings.pattern,
        enough=max(settings.min_entries, _SAMPLE),
        budget_s=_BUDGET_S,
    )


def observe_jwt_cache(
    client: Client,
    *,
    pattern: str,
    enough: int,
    budget_s: float = 1.0,
    max_calls: int = 5000,
    count: int = 1000,
    clock: Callable[[], float] = time.monotonic,
) -> JwtCacheFacts:
    """SCAN for matching keys until `enough` are found, all are scanned, or the budget is used up.

    With a thousand keys a call, each call takes the server less than a millisecond. Keys may be
    tokens, so they are not returned.

    Raises:
        CannotLook: the user may not run SCAN or PTTL, or a reply is malformed.
        redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: the connection failed.
    """
    started = clock()
    (dbsize,) = client.ask_all(("DBSIZE",))
    entries = _Entries(client)
    cursor = b"0"
    stopped: Literal["enough", "complete", "budget"] = "budget"
    calls = 0
    while calls < max_calls and (not calls or clock() - started < budget_s):
        cursor, keys = scan(client, cursor, pattern, count)
        calls += 1
        entries.add(keys)
        if cursor == b"0":
            stopped = "complete"
            break
        if entries.live >= enough:
            stopped = "enough"
            break
    known_size = dbsize if isinstance(dbsize, int) else None
    looked_at = calls * count
    if known_size is not None:
        looked_at = known_size if stopped == "complete" else min(looked_at, known_size)
    ttls = entries.ttls_ms
    return JwtCacheFacts(
        live_entries=entries.live,
        stopped=stopped,
        keys_looked_at=looked_at,
        dbsize=known_size,
        calls=calls,
        elapsed_s=clock() - started,
        ttl_sampled=len(ttls) + entries.without_ttl,
        without_ttl=entries.without_ttl,
        ttl_min_s=min(ttls) / 1000 if ttls else None,
        ttl_max_s=max(ttls) / 1000 if ttls else None,
    )


class _Entries:
    """The distinct entries found so far, as digests, and the TTLs of the first hundred."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found: set[bytes] = set()
        self._gone: set[bytes] = set()
        self._sampled = 0
        self.ttls_ms: list[int] = []
        self.without_ttl = 0

    @property
    def live(self) -> int:
        return len(self._found) - len(self._gone)

    def add(self, keys: Sequence[bytes]) -> None:
        """Count the new keys, and read the TTLs of some of them."""
        # SCAN may return a key twice. Digests are smaller than keys, and are not tokens.
        new = {digest(key): key for key in keys}
        for known in self._found & new.keys():
            del new[known]
        self._found |= new.keys()
        # A very long key is counted, but sending it back for its TTL would cost too much.
        short = [(known, key) for known, key in new.items() if len(key) <= _SAMPLED_KEY_BYTES]
        sample = short[: _SAMPLE - self._sampled]
        self._sampled += len(sample)
        commands = [("PTTL", key) for _, key in sample]
        replies = self._client.ask_all(*commands) if commands else []
        for (entry, _key), ttl_ms in zip(sample, replies, strict=True):
            if not isinstance(ttl_ms, int) or ttl_ms < PTTL_NO_KEY:
                raise unusable("PTTL", ttl_ms)
            if ttl_ms == PTTL_NO_KEY:
                self._gone.add(entry)
            elif ttl_ms == PTTL_NO_EXPIRY:
                self.without_ttl += 1
            else:
                self.ttls_ms.append(ttl_ms)


def digest(key: bytes) -> bytes:
    """What stands for a key, which may be a token."""
    return hashlib.blake2b(key, digest_size=16).digest()


def scan(client: Client, cursor: bytes, pattern: str, count: int) -> tuple[bytes, Sequence[bytes]]:
    """One SCAN: the next cursor, b"0" at the end, and keys; raises CannotLook."""
    (reply,) = client.ask_all(("SCAN", cursor, "MATCH", pattern, "COUNT", count))
    match reply:
        case [bytes(following), [*keys]] if (
            following.isdigit()
            and len(following) <= _CURSOR_DIGITS
            and all(isinstance(key, bytes) for key in keys)
        ):
            return following, keys
    raise unusable("SCAN", reply)


PROBES: Final = (
    Probe(
        name="jwt_entries",
        facts=JwtCacheFacts,
        look=look_at_jwt_cache,
        needs=(ConnectionFacts,),
        wanted_by=("jwt_cache",),
        lane="jwt_cache",
    ),
)
