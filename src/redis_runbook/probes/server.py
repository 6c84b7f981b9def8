"""INFO of a server, read once and shared by the probes that parse it."""

import math
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.redact import NO_TEXT, Shown, printable, vetted
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client

ROLES: Final = frozenset({"master", "slave", "sentinel"})
_PRODUCTS: Final = frozenset({"redis", "valkey"})
_MODES: Final = frozenset({"standalone", "cluster", "sentinel"})
_LONGEST_WORD: Final = 64
# Python takes digits of every script, and underscores between them.
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,4})?")

Info = Mapping[str, str]
"""INFO as text, by field name: `{"used_memory": "1048576", …}`."""


@dataclass(frozen=True, slots=True)
class InfoReply:
    """One reply to INFO; other probes parse parts of it.

    `read_at` is when it came, by this machine's clock, in seconds since the epoch.
    """

    fields: Info
    read_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The identity of one server process.

    `product` is `redis` or `valkey`; `version` is the product's own version (Valkey's INFO also has
    a `redis_version`, 7.2.4). `role` is `master` or `slave`, as in INFO, or `sentinel`; `mode` is
    `standalone`, `cluster` or `sentinel`. `run_id` is as the server gives it, to be compared.
    """

    product: Shown
    version: Shown
    role: Shown
    mode: Shown
    run_id: str
    process_id: int
    tcp_port: int
    uptime_s: int


def read_info(client: Client) -> InfoReply:
    """All default sections of INFO.

    Raises:
        CannotLook: the user may not run INFO, or the reply is not text.
        redis.exceptions.RedisError: the connection failed.
    """
    return InfoReply(parse_info(client.ask("INFO")), read_at=time.time())


def parse_info(reply: object) -> Info:
    """The fields of a reply to INFO.

    Raises:
        CannotLook: the user may not run INFO, or the reply is not text.
    """
    if isinstance(reply, CannotLook):
        raise reply
    if not isinstance(reply, bytes):
        raise CannotLook("the reply to INFO is not text")
    lines = (line.partition(":") for line in reply.decode(errors="replace").splitlines())
    return {key: value for key, colon, value in lines if colon and not key.startswith("#")}


def server_facts(info: Info) -> ServerFacts:
    """The identity of the server; a field that it does not report is empty or 0.

    Raises:
        CannotLook: INFO lacks role or mode.
    """
    mode = word(info.get("server_mode") or info.get("redis_mode", ""), _MODES)
    # A sentinel has a mode and no role.
    role = word(info.get("role", ""), ROLES) or (mode if mode == "sentinel" else NO_TEXT)
    if not role or not mode:
        raise CannotLook("INFO does not report role and mode")
    return ServerFacts(
        product=word(info.get("server_name", "redis"), _PRODUCTS),
        version=printable(
            info.get("valkey_version") or info.get("redis_version", ""), _LONGEST_WORD
        ),
        role=role,
        mode=mode,
        run_id=info.get("run_id", ""),
        process_id=integer(info, "process_id"),
        tcp_port=integer(info, "tcp_port"),
        uptime_s=integer(info, "uptime_in_seconds"),
    )


def word(value: str, known: Collection[str]) -> Shown:
    """A word of INFO: a known one as it is, any other made printable."""
    return vetted(value) if value in known else printable(value, _LONGEST_WORD)


def integer(info: Info, field: str, *, signed: bool = False) -> int:
    """A 64-bit integer in INFO, or 0 if the server does not report the field.

    Raises:
        CannotLook: the field is not a 64-bit integer, or is negative without `signed`.
    """
    number = finite_number(info, field, 0)
    least = -(2**63) if signed else 0
    if number != int(number) or not least <= number < 2**64:
        raise CannotLook(f"INFO's {field} is not a {'whole number' if signed else 'count'}")
    return int(number)


def finite_number(info: Info, field: str, default: float) -> float:
    """A finite number in INFO, or `default` if the field is missing; raises as `integer`."""
    text = info.get(field)
    if text is None:
        return default
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise CannotLook(f"INFO's {field} is not a number")
    return number


PROBES: Final = (
    Probe(
        name="info",
        facts=InfoReply,
        look=lambda look: read_info(look.client),
        needs=(ConnectionFacts,),
    ),
    Probe(
        name="server",
        facts=ServerFacts,
        look=lambda look: server_facts(look.facts(InfoReply).fields),
        needs=(InfoReply,),
    ),
)
