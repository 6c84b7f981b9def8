"""Whether a cluster serves all of its slots, as the one node that was asked sees it."""

from redis_runbook.probes.cluster import SLOTS, ClusterFacts


def broken(facts: ClusterFacts) -> str:
    """`its cluster is down: 5461 of 16384 slots are not served`; nothing where all is well."""
    if not facts.is_node or facts.why_unknown:
        return ""
    unserved = facts.slots_unserved
    if facts.state == "ok" and not unserved:
        return ""
    if not unserved:
        return (
            f"its cluster is in state {facts.state} by this node, although every slot is served: "
            "it may be cut off from the majority"
        )
    state = "down in part" if facts.state == "ok" else "down"
    are = "is" if unserved == 1 else "are"
    return f"its cluster is {state}: {unserved} of {SLOTS} slots {are} not served"
