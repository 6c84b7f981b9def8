"""Fills a throwaway cache with realistic JWT entries, so that the checks of it can pass."""

import json
import random
import re
import string
import time
from collections.abc import Iterator
from typing import Final

from redis_runbook.config.model import JwtCache
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import Endpoint

_ENTRIES: Final = 200
_MAX_ENTRIES: Final = 20_000
_OTHER_ENTRIES: Final = 12
_TTL_S: Final = (60, 3600)
_TIMEOUT_S: Final = 5.0
# Redis' glob: `\\x` is x, `*` any text, `?` a character, `[…]` or `[^…]` a character of a set.
_GLOB: Final = re.compile(r"\\(.)|(\*)|(\?)|(\[(?:\\.|[^\]\\])+\])|(.)", re.DOTALL)

_Command = tuple[str | bytes | float, ...]


def seed_jwt_cache(endpoint: Endpoint, service: str, settings: JwtCache) -> None:
    """Fill a throwaway cache in one round trip; the same keys every time.

    It gets token introspection results, under keys that match the configured pattern, and a few
    other typical entries: merchant look-ups and presigned URLs.

    Raises:
        redis.exceptions.RedisError: the entries could not be written.
    """
    dice = random.Random(service)  # noqa: S311  # sample data
    with connected(endpoint, service, timeout_s=_TIMEOUT_S) as client:
        client.ask_all(*_jwt_entries(dice, settings), *_other_entries(dice))


def key_matching(pattern: str, token: str) -> str:
    """A key that the glob pattern matches, with the token in place of each `*`."""

    def example(match: re.Match[str]) -> str:
        escaped, any_text, any_character, character_set, character = match.groups()
        if any_text:
            return token
        if any_character:
            return token[:1]
        if character_set:  # same syntax as in a regular expression
            return next(
                (char for char in string.printable if re.fullmatch(character_set, char)), ""
            )
        return escaped or character or ""

    return _GLOB.sub(example, pattern)


def _jwt_entries(dice: random.Random, settings: JwtCache) -> Iterator[_Command]:
    shortest, longest = (min(limit, settings.max_ttl_s) for limit in _TTL_S)
    now = int(time.time())
    for _ in range(min(max(_ENTRIES, settings.min_entries), _MAX_ENTRIES)):
        ttl_s = int(dice.uniform(shortest, longest))
        introspection = {
            "active": True,
            "sub": f"merchant-{dice.randrange(10_000, 99_999)}",
            "client_id": dice.choice(("storefront", "fulfilment", "bundle-renderer")),
            "scope": "orders:read bundles:render",
            "token_type": "Bearer",
            "iat": now,
            "exp": now + ttl_s,
        }
        key = key_matching(settings.pattern, _hex(dice, 256))
        yield "SET", key, json.dumps(introspection), "EX", ttl_s


def _other_entries(dice: random.Random) -> Iterator[_Command]:
    for _ in range(_OTHER_ENTRIES):
        merchant = f"merchant-{dice.randrange(10_000, 99_999)}"
        bundle = _hex(dice, 64)
        plan = {"id": merchant, "plan": dice.choice(("basic", "plus")), "country": "NL"}
        url = f"https://bundles.example/{merchant}/{bundle}.zip?signature={_hex(dice, 128)}"
        yield "SET", f"merchant:{merchant}", json.dumps(plan), "EX", dice.randrange(*_TTL_S)
        yield "SET", f"presigned:{bundle}", url, "EX", dice.randrange(*_TTL_S)


def _hex(dice: random.Random, bits: int) -> str:
    return f"{dice.getrandbits(bits):0{bits // 4}x}"
