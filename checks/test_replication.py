"""Is the copy in step? Runbook: 5. Configuration Changes."""

from redis_runbook.check import Judge, check
from redis_runbook.config.service import Service
from redis_runbook.judging.replication import in_step, link, may_be_in_step, replicas
from redis_runbook.probes.replication import ReplicationFacts


@check("replication.link")
def test_link(service: Service, replication: ReplicationFacts, judge: Judge) -> None:
    """A replica is linked to its master, and a master has the replicas that are expected.

    Passes when the link is up and the master was heard of within replication_lag_s, and at least
        replicas_min replicas are online and confirmed what they were sent within that time.
    Fails when the link is down or silent, or replicas are missing or behind; a replica that is
        behind is a warning where replicas_min is not configured.
    Why: without a replica that follows, a failover loses data, or cannot happen.
    Next: read both logs; look whether the other side is frozen, check the network and
        `masterauth` between the two, and `repl-backlog-size` after long interruptions.
    """
    facts, limit_s, wanted = (
        replication,
        service.limits.replication_lag_s,
        service.settings.replicas_min,
    )
    if facts.role == "slave":
        verdict, found = link(facts, limit_s=limit_s)
        judge.rules(verdict, f"{service.name} is a replica, {found}")
    ready, found = in_step(facts, limit_s=limit_s), replicas(facts, service.name, limit_s=limit_s)
    if wanted is None and ready < len(facts.lags_s):
        judge.advise(f"{found}; replicas_min is not configured")
    if wanted is None:
        judge.not_applicable(f"{service.name} is a master and replicas_min is not configured")
    if ready < wanted <= may_be_in_step(facts, limit_s=limit_s):
        judge.unknown(f"{found}, at least {wanted} wanted")
    judge.passes_if(
        ready >= wanted,
        f"{found}, at least {wanted} wanted",
        observed=ready,
        limit=wanted,
    )
