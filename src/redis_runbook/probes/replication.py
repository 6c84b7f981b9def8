"""The server's role in replication, and the state of its links."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import ROLES, Info, InfoReply, integer, word
from redis_runbook.redact import Shown
from redis_runbook.verdict import CannotLook

_MOST_REPLICAS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationFacts:
    """The replication state of a server.

    On a replica: whether its link to the master is up, for how long it has been down (None: it has
    not been up), and since when nothing has come from the master. On a master: since when each
    replica that it calls online has not confirmed what it was sent (replicas do so once a second),
    and how many are attached.
    """

    role: Shown
    link_up: bool
    link_down_s: int | None
    master_silent_s: int = 0
    lags_s: tuple[int, ...] = ()
    replicas_attached: int = 0


def replication_facts(info: Info) -> ReplicationFacts:
    """Read INFO's replication fields.

    Raises:
        CannotLook: INFO has no replication section.
    """
    if "role" not in info:
        raise CannotLook("INFO does not report replication")
    attached = integer(info, "connected_slaves")
    down_s = integer(info, "master_link_down_since_seconds", signed=True)
    replicas = [_replica(info, number) for number in range(min(attached, _MOST_REPLICAS))]
    return ReplicationFacts(
        role=word(info["role"], ROLES),
        link_up=info.get("master_link_status") == "up",
        link_down_s=down_s if down_s >= 0 else None,
        master_silent_s=max(0, integer(info, "master_last_io_seconds_ago", signed=True)),
        lags_s=tuple(
            max(0, integer(replica, "lag", signed=True))
            for replica in replicas
            if replica.get("state") == "online"
        ),
        replicas_attached=attached,
    )


def _replica(info: Info, number: int) -> Info:
    """The fields of `slave0:ip=10.0.0.7,port=6379,state=online,offset=42,lag=1`."""
    parts = info.get(f"slave{number}", "").split(",")
    return dict(part.partition("=")[::2] for part in parts)


PROBES: Final = (
    Probe(
        name="replication",
        facts=ReplicationFacts,
        look=lambda look: replication_facts(look.facts(InfoReply).fields),
        needs=(InfoReply,),
        wanted_by=("replication",),
    ),
)
