"""Is the copy in step? Runbook: 5. Configuration Changes."""

from redis_runbook.check import Judge, check
from redis_runbook.config.service import Service
from redis_runbook.probes.replication import ReplicationFacts


@check("replication.link")
def test_link(service: Service, replication: ReplicationFacts, judge: Judge) -> None:
    """A replica is linked to its master, and a master has the replicas that are expected.

    Passes when the link is up, and at least replicas_min replicas are online.
    Fails when the link is down or replicas are missing.
    Next: read both logs; check the network and `masterauth` between the two, and
        `repl-backlog-size` after long interruptions.
    """
    if replication.role == "slave":
        state = "up" if replication.link_up else f"down for {replication.link_down_s} s"
        judge.passes_if(
            replication.link_up, f"{service.name} is a replica, its link to the master is {state}"
        )
    wanted = service.settings.replicas_min
    if wanted is None:
        judge.not_applicable(f"{service.name} is a master and replicas_min is not configured")
    judge.passes_if(
        replication.replicas_online >= wanted,
        f"{replication.replicas_online} replicas of {service.name} are online (at least {wanted})",
        observed=replication.replicas_online,
        limit=wanted,
    )
