"""What a server in cluster mode says of its cluster. One node is asked, the others are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import redis

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.server import Info, InfoReply, integer, parse_info
from redis_runbook.redact import NO_TEXT, Shown, printable
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client

SLOTS: Final = 16_384
ONE_NODE: Final = "it is one node of a cluster, and the others were not asked"
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """The cluster as one of its nodes sees it.

    `is_node` is False on a server that is in no cluster, and None if the user may not ask that.

    Slots are those of `SLOTS` that are assigned to a node, and of these those whose node has
    failed, by the majority's word (`slots_failed`) or by this node's alone (`slots_silent`).
    `why_unknown` says why none of it is known, and is empty where it is.
    """

    is_node: bool | None
    state: Shown = NO_TEXT
    slots_assigned: int = 0
    slots_failed: int = 0
    slots_silent: int = 0
    why_unknown: str = ""

    @property
    def slots_unserved(self) -> int:
        """How many slots no node serves, as far as this one sees."""
        return SLOTS - self.slots_assigned + self.slots_failed + self.slots_silent

    @property
    def others_not_asked(self) -> str:
        """That other nodes may have what this one has not; empty where there is no other."""
        if self.is_node is None:
            return "whether it is one node of a cluster is not known"
        return ONE_NODE if self.is_node else ""


STANDALONE: Final = ClusterFacts(is_node=False)


def look_at_cluster(look: Look) -> ClusterFacts:
    """By INFO whether it is a node, and by CLUSTER INFO how its cluster is.

    Raises:
        redis.exceptions.RedisError: the connection failed.
    """
    try:
        info: Info = look.facts(InfoReply).fields
    except CannotLook:
        info = {}
    if info and info.get("cluster_enabled") != "1":
        return STANDALONE
    return ask_cluster(look.client, is_node=True if info else None)


def ask_cluster(client: Client, *, is_node: bool | None) -> ClusterFacts:
    """CLUSTER INFO; a server that may be a node and answers with an error is none."""
    try:
        fields = parse_info(client.ask("CLUSTER", "INFO"))
        return cluster_facts(fields)
    except CannotLook as error:
        why = str(error)
    except redis.ResponseError as error:
        if not is_node:
            return STANDALONE
        why = f"CLUSTER INFO is answered with an error: {printable(str(error), _LONGEST)}"
    return ClusterFacts(is_node=is_node, why_unknown=why)


def cluster_facts(fields: Mapping[str, str]) -> ClusterFacts:
    """Read the reply to CLUSTER INFO.

    Raises:
        CannotLook: a field that every node reports is missing.
    """
    slots = {f"cluster_slots_{state}" for state in ("assigned", "fail", "pfail")}
    missing = {"cluster_state", *slots} - set(fields)
    if missing:
        raise CannotLook(f"CLUSTER INFO does not report {', '.join(sorted(missing))}")
    return ClusterFacts(
        is_node=True,
        state=printable(fields["cluster_state"], _LONGEST),
        slots_assigned=min(SLOTS, integer(fields, "cluster_slots_assigned")),
        slots_failed=integer(fields, "cluster_slots_fail"),
        slots_silent=integer(fields, "cluster_slots_pfail"),
    )


PROBES: Final = (
    Probe(
        name="cluster",
        facts=ClusterFacts,
        look=look_at_cluster,
        needs=(ConnectionFacts,),
        wanted_by=("connectivity.role", "jwt_cache", "queue"),
        lane="cluster",
    ),
)
