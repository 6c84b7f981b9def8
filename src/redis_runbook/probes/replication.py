"""The server's role in replication, and the state of its links."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.server import ROLES, Info, InfoReply, integer, parse_info, word
from redis_runbook.redact import Shown
from redis_runbook.verdict import CannotLook

_MOST_REPLICAS: Final = 1000
_EVERY_S: Final = 0.5
_LONGEST_S: Final = 12.0
"""Longer than replication_lag_s by default: what is not confirmed by then is that much behind."""

_LIMIT_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationFacts:
    """The replication state of a server.

    On a replica: whether its link to the master is up, for how long it has been down (None: it has
    not been up), and since when nothing has come from the master (None: it does not say).

    On a master: how many replicas are attached, and of each that it calls online, since when it has
    confirmed nothing (they do so once a second; None: INFO does not say that, or what it has
    confirmed). As they confirm what is long past as well, `confirmed_s` is how long each took until
    it had confirmed what the master had at the first look: None where it had not after `waited_s`,
    and then the furthest lacked `behind_bytes` of it.
    """

    role: Shown
    link_up: bool
    link_down_s: int | None
    master_silent_s: int | None = 0
    lags_s: tuple[int | None, ...] = ()
    replicas_attached: int = 0
    confirmed_s: tuple[float | None, ...] = ()
    waited_s: float = 0.0
    behind_bytes: int = 0


class _Replica(NamedTuple):
    """A replica that is online; None for what INFO does not say of it."""

    address: str
    lag_s: int | None
    offset: int | None


def look_at_replication(look: Look) -> ReplicationFacts:
    """Read INFO's replication fields, and again while a replica lags behind what they say."""
    return replication_facts(
        look.facts(InfoReply).fields,
        ask=lambda: parse_info(look.client.ask("INFO", "replication")),
        longest_s=min(_LONGEST_S, look.time_left_s / 2),
        pause=look.stop.wait,
    )


def replication_facts(
    info: Info,
    *,
    ask: Callable[[], Info],
    longest_s: float,
    pause: Callable[[float], bool],
) -> ReplicationFacts:
    """Read INFO, and `ask` again until every replica has confirmed what the master had at first.

    A busy master is always a little ahead, so that how far tells nothing.

    Args:
        info: the first reading.
        ask: reads again.
        longest_s: how long to wait for the replicas.
        pause: waits for so many seconds, and returns whether to end.

    Raises:
        CannotLook: INFO lacks a field that every server reports.
    """
    had = _count(info, "master_repl_offset")
    confirmed_s: dict[str, float] = {}
    began = time.monotonic()
    while True:
        waited_s = time.monotonic() - began
        online = _online(info)
        missing = {
            replica.address: had - replica.offset
            for replica in online
            if had is not None and replica.offset is not None and replica.offset < had
        }
        for replica in online:
            if replica.address not in missing:
                confirmed_s.setdefault(replica.address, round(waited_s, 2))
        pending = missing.keys() - confirmed_s.keys()
        if not pending or waited_s >= longest_s or pause(_EVERY_S):
            break
        info = ask()
    down_s = integer(info, "master_link_down_since_seconds", signed=True)
    return ReplicationFacts(
        role=word(info["role"], ROLES),
        link_up=info.get("master_link_status") == "up",
        link_down_s=down_s if down_s >= 0 else None,
        master_silent_s=_count(info, "master_last_io_seconds_ago"),
        lags_s=tuple(
            None if had is None or replica.offset is None else replica.lag_s for replica in online
        ),
        replicas_attached=integer(info, "connected_slaves"),
        confirmed_s=tuple(confirmed_s.get(replica.address) for replica in online),
        waited_s=round(waited_s, 2),
        behind_bytes=max((missing[address] for address in pending), default=0),
    )


def _online(info: Info) -> list[_Replica]:
    """The replicas that a master calls online.

    Raises:
        CannotLook: INFO has no replication section, or a part of it is missing.
    """
    if "role" not in info:
        raise CannotLook("INFO does not report replication")
    needed = "master_link_status" if info["role"] == "slave" else "connected_slaves"
    if needed not in info:
        raise CannotLook(f"INFO does not report {needed}")
    attached = integer(info, "connected_slaves")
    all_of_them = (_fields(info, number) for number in range(min(attached, _MOST_REPLICAS)))
    return [
        _Replica(
            address=f"{one.get('ip', '')}:{one.get('port', '')}",
            lag_s=_count(one, "lag"),
            offset=_count(one, "offset"),
        )
        for one in all_of_them
        if one.get("state") == "online"
    ]


def _fields(info: Info, number: int) -> Info:
    """The fields of `slave0:ip=10.0.0.7,port=6379,state=online,offset=42,lag=1`."""
    parts = info.get(f"slave{number}", "").split(",")
    return dict(part.partition("=")[::2] for part in parts)


def _count(info: Info, field: str) -> int | None:
    """A count; None where it is missing, or -1, as which Redis writes what there is none of."""
    number = integer(info, field, signed=True)
    return number if field in info and number >= 0 else None


PROBES: Final = (
    Probe(
        name="replication",
        facts=ReplicationFacts,
        look=look_at_replication,
        needs=(InfoReply,),
        wanted_by=("replication",),
        lane="replication",
        limit_s=_LIMIT_S,
    ),
)
