"""The state of RDB and AOF persistence."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.replies import clock_ms
from redis_runbook.probes.server import Info, InfoReply, integer, parse_info
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client

_AGAIN_S: Final = 1.2
"""Longer than a server takes to begin a save that has just become due."""

_MOST_POINTS: Final = 100
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePoint:
    """`save 3600 1`: an RDB save is due after so many seconds with at least so many changes."""

    after_s: int
    changes: int

    def __str__(self) -> str:
        """As a configuration file has it."""
        return f"save {self.after_s} {self.changes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """A save or rewrite in the background: since when it runs, and how long the last one took.

    `for_s` is None where none runs, `last_s` where there was none.
    """

    for_s: int | None = None
    last_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistenceFacts:
    """The state of RDB and AOF.

    `rdb_enabled` is None where the server does not say (CONFIG denied): `why_unknown` then tells
    why. `since_save_s` is how long ago, by the server's clock, the last RDB save succeeded or the
    server started: negative where that is in its future, None where it is not known.
    `why_no_age` tells why, where there are changes enough that a save may be due. `overdue` is a
    save point whose time has come, and come again a moment later, without a save: None where there
    is none.
    """

    rdb_enabled: bool | None
    why_unknown: str
    rdb_ok: bool
    changes_since_save: int
    aof_enabled: bool
    aof_write_ok: bool
    aof_rewrite_ok: bool
    since_save_s: float | None = None
    overdue: SavePoint | None = None
    rdb: Saving = Saving()
    aof: Saving = Saving()
    why_no_age: str = ""


def persistence_facts(client: Client, info: Info) -> PersistenceFacts:
    """Read INFO's persistence fields, and CONFIG for when RDB saves are due.

    INFO is asked once more where a save seems overdue: it may be about to begin.

    Raises:
        CannotLook: a field that every server reports is missing, or is none of its values.
    """
    needed = {
        "rdb_last_bgsave_status",
        "rdb_changes_since_last_save",
        "rdb_bgsave_in_progress",
        "aof_enabled",
    }
    if info.get("aof_enabled") == "1":
        needed |= {"aof_last_write_status", "aof_last_bgrewrite_status", "aof_rewrite_in_progress"}
    if missing := needed - set(info):
        raise CannotLook(f"INFO does not report {', '.join(sorted(missing))}")
    if info["aof_enabled"] not in {"0", "1"}:
        raise CannotLook("INFO's aof_enabled is neither 0 nor 1")
    points, why_unknown = save_points(client)
    since_save_s, why_no_age, overdue = _age(client, info, points or ())
    if overdue:
        time.sleep(_AGAIN_S)
        info = {**info, **parse_info(client.ask("INFO"))}
        since_save_s, why_no_age, overdue = _age(client, info, points or ())
    return PersistenceFacts(
        rdb_enabled=None if points is None else bool(points),
        why_unknown=why_unknown,
        rdb_ok=info["rdb_last_bgsave_status"] == "ok",
        changes_since_save=integer(info, "rdb_changes_since_last_save"),
        aof_enabled=info["aof_enabled"] == "1",
        aof_write_ok=info.get("aof_last_write_status") == "ok",
        aof_rewrite_ok=info.get("aof_last_bgrewrite_status") == "ok",
        since_save_s=since_save_s,
        overdue=overdue,
        rdb=_saving(info, "rdb_bgsave", "rdb_current_bgsave", "rdb_last_bgsave"),
        aof=_saving(info, "aof_rewrite", "aof_current_rewrite", "aof_last_rewrite"),
        why_no_age=why_no_age,
    )


def _saving(info: Info, what: str, current: str, last: str) -> Saving:
    runs = info.get(f"{what}_in_progress") == "1"
    if runs and f"{current}_time_sec" not in info:
        raise CannotLook(f"INFO does not report {current}_time_sec")
    for_s = integer(info, f"{current}_time_sec", signed=True)
    last_s = integer(info, f"{last}_time_sec", signed=True)
    return Saving(
        for_s=max(0, for_s) if runs else None,
        last_s=last_s if last_s >= 0 and f"{last}_time_sec" in info else None,
    )


def _age(
    client: Client, info: Info, points: Sequence[SavePoint]
) -> tuple[float | None, str, SavePoint | None]:
    """How long ago the last save was, why that is not known where a save may be due, and which is.

    The save point is the one that is overdue for longest.
    """
    due = _due(info, points)
    since_s, why_no_age = _since_save_s(client, info, asks=bool(due))
    overdue = [point for point in due if since_s is not None and since_s > point.after_s]
    longest = min(overdue, key=lambda point: point.after_s, default=None)
    return since_s, why_no_age if due else "", longest


def _since_save_s(client: Client, info: Info, *, asks: bool) -> tuple[float | None, str]:
    """How long ago the last save was, and why that is not known.

    Servers before Redis 7 do not tell their time in INFO: TIME is asked where `asks`.
    """
    saved_at_s = integer(info, "rdb_last_save_time")
    if not saved_at_s:
        return None, "INFO does not report rdb_last_save_time"
    if now_us := integer(info, "server_time_usec"):
        return now_us / 1e6 - saved_at_s, ""
    if not asks:
        return None, ""
    try:
        return clock_ms(client.ask("TIME")) / 1000 - saved_at_s, ""
    except CannotLook as error:
        return None, str(error)


def _due(info: Info, points: Sequence[SavePoint]) -> Sequence[SavePoint]:
    """The save points that have their changes, and wait for their time; none while a save runs."""
    if info.get("rdb_bgsave_in_progress") == "1":
        return ()
    changes = integer(info, "rdb_changes_since_last_save")
    return [point for point in points if changes >= point.changes]


def save_points(client: Client) -> tuple[Sequence[SavePoint] | None, str]:
    """What `save` is set to, empty where RDB is off; None and why where that is not known."""
    try:
        reply = client.ask("CONFIG", "GET", "save")
    except CannotLook as error:
        return None, str(error)
    match reply:
        case [_, bytes(value)] if all(
            word.isdigit() and len(word) <= _DIGITS for word in value.split()
        ):
            numbers = [int(word) for word in value.split()[: 2 * _MOST_POINTS]]
            pairs = zip(numbers[::2], numbers[1::2], strict=False)
            return [SavePoint(after_s=after_s, changes=changes) for after_s, changes in pairs], ""
    return None, "CONFIG GET save has no answer"


PROBES: Final = (
    Probe(
        name="persistence",
        facts=PersistenceFacts,
        look=lambda look: persistence_facts(look.client, look.facts(InfoReply).fields),
        needs=(InfoReply,),
        wanted_by=("persistence",),
    ),
)
