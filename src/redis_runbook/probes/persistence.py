"""The state of RDB and AOF persistence."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import Info, InfoReply, integer
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistenceFacts:
    """The state of RDB and AOF.

    `rdb_enabled` is None if CONFIG is denied: `why_unknown` then says why.
    """

    rdb_enabled: bool | None
    why_unknown: str
    rdb_ok: bool
    changes_since_save: int
    aof_enabled: bool
    aof_write_ok: bool
    aof_rewrite_ok: bool


def persistence_facts(client: Client, info: Info) -> PersistenceFacts:
    """Read INFO's persistence fields, and from CONFIG whether RDB saving is on.

    Raises:
        CannotLook: a field that every server reports is missing.
    """
    needed = {"rdb_last_bgsave_status", "aof_enabled"}
    if info.get("aof_enabled") == "1":
        needed |= {"aof_last_write_status", "aof_last_bgrewrite_status"}
    if missing := needed - set(info):
        raise CannotLook(f"INFO does not report {', '.join(sorted(missing))}")
    rdb_enabled, why_unknown = _rdb_enabled(client)
    return PersistenceFacts(
        rdb_enabled=rdb_enabled,
        why_unknown=why_unknown,
        rdb_ok=info["rdb_last_bgsave_status"] == "ok",
        changes_since_save=integer(info, "rdb_changes_since_last_save"),
        aof_enabled=info["aof_enabled"] == "1",
        aof_write_ok=info.get("aof_last_write_status") == "ok",
        aof_rewrite_ok=info.get("aof_last_bgrewrite_status") == "ok",
    )


def _rdb_enabled(client: Client) -> tuple[bool | None, str]:
    try:
        reply = client.ask("CONFIG", "GET", "save")
    except CannotLook as error:
        return None, str(error)
    if not isinstance(reply, list) or len(reply) != 2:  # noqa: PLR2004  # name and value
        return None, "CONFIG GET save has no answer"
    return bool(reply[1]), ""


PROBES: Final = (
    Probe(
        name="persistence",
        facts=PersistenceFacts,
        look=lambda look: persistence_facts(look.client, look.facts(InfoReply).fields),
        needs=(InfoReply,),
        wanted_by=("persistence",),
    ),
)
