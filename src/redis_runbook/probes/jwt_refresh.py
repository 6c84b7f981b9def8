"""Watches the JWT cache before and after a login: which entries are new, or live longer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.jwt_cache import (
    PTTL_NO_EXPIRY,
    PTTL_NO_KEY,
    JwtCacheFacts,
    digest,
    scan,
)
from redis_runbook.probes.jwt_login import log_in
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.programs import BEFORE_DEADLINE_S, LIMIT_S
from redis_runbook.probes.replies import clock_ms, unusable
from redis_runbook.redact import Shown, printable
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected

_QUIET_S: Final = 2.0
_MOST_QUIET_AFTER_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.1
_MAX_PAUSE_S: Final = 1.0
_SCAN_LIMIT_S: Final = 3.0
_SCAN_COUNT: Final = 1000
_MAX_CALLS: Final = 1000
_MAX_ENTRIES: Final = 20_000
_SHORT_KEY_BYTES: Final = 64 << 10
_BATCH_KEYS: Final = 500
_BATCH_BYTES: Final = 256 << 10
_NEVER_MS: Final = 1 << 62
_ROUNDING_MS: Final = 5

_Expiry = tuple[int, int]
"""When an entry expires, by the server's clock in ms: at the earliest, and at the latest."""

_ANY_TIME: Final[_Expiry] = (0, _NEVER_MS)
_UNENDING: Final[_Expiry] = (_NEVER_MS, _NEVER_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtRefreshFacts:
    """What a login did to the entries of the JWT cache.

    `login` is a clause about the login, `last_lines` are what it wrote if it failed; the cache is
    not looked at then. `changed` of `entries` were new or had a later expiry when that was first
    seen, `appeared_s` after the login was begun and `watched_s` after its end. `others` were so in
    the `quiet_s` in which nobody was logged in by us. The expiry of `unending` entries cannot
    become later, or is not asked for.
    """

    succeeded: bool
    login: str
    last_lines: Sequence[Shown] = ()
    entries: int = 0
    changed: int = 0
    appeared_s: float = 0.0
    watched_s: float = 0.0
    others: int = 0
    quiet_s: float = 0.0
    unending: int = 0


def look_at_jwt_refresh(look: Look) -> JwtRefreshFacts:
    """Watch the cache without a login, log in, and watch it until something appears.

    Where that took longer than was watched without a login, this is made up for afterwards, so that
    entries of others are seen to come as well.

    Raises:
        CannotLook: not all entries can be seen, the login could not be tried, or the run ended.
        redis.exceptions.RedisError: the connection failed.
    """
    earlier, since = _snapshot(look), time.monotonic()
    _pause(look, _QUIET_S)
    before, began = _snapshot(look), time.monotonic()
    others, quiet_s = _changes(earlier, before), began - since
    login = log_in(look)
    if not login.succeeded:
        return JwtRefreshFacts(succeeded=False, login=login.summary, last_lines=login.last_lines)
    ended = time.monotonic()
    after = _first_change(look, before, ended + look.config.jwt_cache.login.timeout)
    changed, seen = _changes(before, after), time.monotonic()
    if changed and not others and seen - began > quiet_s:
        _pause(look, min(seen - began - quiet_s, _MOST_QUIET_AFTER_S))
        others = _changes(after, _snapshot(look))
        quiet_s += time.monotonic() - seen
    return JwtRefreshFacts(
        succeeded=True,
        login=login.summary,
        entries=len(after),
        changed=changed,
        appeared_s=seen - began,
        watched_s=seen - ended,
        others=others,
        quiet_s=quiet_s,
        unending=sum(latest == _NEVER_MS for _, latest in after.values()),
    )


def _first_change(
    look: Look, before: Mapping[bytes, _Expiry], until: float
) -> dict[bytes, _Expiry]:
    """The entries once one is new or renewed, or else at that time."""
    pause_s = _FIRST_PAUSE_S
    while True:
        began = time.monotonic()
        after = _snapshot(look)
        left_s = until - time.monotonic()
        if left_s <= 0 or _changes(before, after):
            return after
        # A large keyspace is scanned less often.
        took_s = time.monotonic() - began
        _pause(look, min(max(pause_s, 4 * took_s), left_s))
        pause_s = min(2 * pause_s, _MAX_PAUSE_S)


def _changes(before: Mapping[bytes, _Expiry], after: Mapping[bytes, _Expiry]) -> int:
    """How many entries were not there before, expire later than they did, or do now expire."""
    return sum(
        entry not in before
        or expiry[0] > before[entry][1] + _ROUNDING_MS
        or (before[entry] == _UNENDING and expiry != _UNENDING)
        for entry, expiry in after.items()
    )


def _pause(look: Look, seconds: float) -> None:
    if look.time_left_s - seconds < BEFORE_DEADLINE_S or look.stop.wait(seconds):
        raise CannotLook(
            "the run ended before the JWT cache was watched long enough: give it a longer "
            "--deadline"
        )


def _snapshot(look: Look) -> dict[bytes, _Expiry]:
    """All entries, by digest, on a connection of its own: between two, a login may take long."""
    service = look.service
    with (
        connected(look.endpoint, service.name, timeout_s=service.limits.connect_s) as client,
        client.time_limit(_SCAN_LIMIT_S),
    ):
        return observe_expiries(client, look.config.jwt_cache.pattern, service.name)


def observe_expiries(
    client: Client,
    pattern: str,
    service: str,
    *,
    max_calls: int = _MAX_CALLS,
    max_entries: int = _MAX_ENTRIES,
) -> dict[bytes, _Expiry]:
    """When each entry of the pattern expires, by a digest of its key.

    Raises:
        CannotLook: there are more keys or entries than that, or a command is denied.
        redis.exceptions.RedisError: the connection failed.
    """
    found: dict[bytes, _Expiry] = {}
    cursor = b"0"
    for _ in range(max_calls):
        cursor, keys = scan(client, cursor, pattern, _SCAN_COUNT)
        for batch in _batches(keys):
            found |= _expiries(client, batch)
        if len(found) > max_entries:
            raise CannotLook(
                f"{service} has more than {max_entries:,} entries of {printable(pattern)}: "
                "whether a login makes or renews one cannot be seen"
            )
        if cursor == b"0":
            return found
    raise CannotLook(
        f"{service} has more than {max_calls * _SCAN_COUNT:,} keys: whether a login makes or "
        f"renews an entry of {printable(pattern)} cannot be seen"
    )


def _batches(keys: Sequence[bytes]) -> list[list[bytes]]:
    batches: list[list[bytes]] = []
    size = 0
    for key in keys:
        if not batches or size + len(key) > _BATCH_BYTES or len(batches[-1]) >= _BATCH_KEYS:
            batches.append([])
            size = 0
        batches[-1].append(key)
        size += len(key)
    return batches


def _expiries(client: Client, keys: Sequence[bytes]) -> dict[bytes, _Expiry]:
    # Sending a very long key back would cost too much.
    asked = [key for key in keys if len(key) <= _SHORT_KEY_BYTES]
    found = {digest(key): _ANY_TIME for key in keys if len(key) > _SHORT_KEY_BYTES}
    first, *ttls, last = client.ask_all(("TIME",), *(("PTTL", key) for key in asked), ("TIME",))
    earliest, latest = clock_ms(first), clock_ms(last)
    for key, ttl_ms in zip(asked, ttls, strict=True):
        if not isinstance(ttl_ms, int) or not PTTL_NO_KEY <= ttl_ms < _NEVER_MS:
            raise unusable("PTTL", ttl_ms)
        if ttl_ms == PTTL_NO_EXPIRY:
            found[digest(key)] = _UNENDING
        elif ttl_ms != PTTL_NO_KEY:
            found[digest(key)] = (earliest + ttl_ms, latest + ttl_ms)
    return found


PROBES: Final = (
    Probe(
        name="jwt_refresh",
        facts=JwtRefreshFacts,
        look=look_at_jwt_refresh,
        # After what the other checks say of the cache: a login may fill it.
        needs=(ConnectionFacts, JwtCacheFacts),
        wanted_by=("jwt_cache.refreshes",),
        lane="jwt_refresh",
        limit_s=LIMIT_S,
    ),
)
