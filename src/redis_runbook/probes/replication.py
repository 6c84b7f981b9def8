"""The server's role in replication, and the state of its links."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import Info, InfoReply, integer
from redis_runbook.verdict import CannotLook


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationFacts:
    """The replication state of a server.

    On a replica: whether its link to the master is up, and for how long it has been down. On a
    master: how many replicas are attached and online.
    """

    role: str
    link_up: bool
    link_down_s: int
    replicas_online: int


def replication_facts(info: Info) -> ReplicationFacts:
    """Read INFO's replication fields.

    Raises:
        CannotLook: INFO has no replication section.
    """
    if "role" not in info:
        raise CannotLook("INFO does not report replication")
    attached = integer(info, "connected_slaves")
    return ReplicationFacts(
        role=info["role"],
        link_up=info.get("master_link_status") == "up",
        link_down_s=max(0, integer(info, "master_link_down_since_seconds", signed=True)),
        replicas_online=sum(
            "state=online" in info.get(f"slave{number}", "").split(",")
            for number in range(min(attached, 1000))
        ),
    )


PROBES: Final = (
    Probe(
        name="replication",
        facts=ReplicationFacts,
        look=lambda look: replication_facts(look.facts(InfoReply).fields),
        needs=(InfoReply,),
        wanted_by=("replication",),
    ),
)
