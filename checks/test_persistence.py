"""Would the data survive a restart? Runbook: 4. Incident Response, Scenario A."""

from redis_runbook.check import Judge, check
from redis_runbook.config.service import Service
from redis_runbook.probes.persistence import PersistenceFacts


@check("persistence.saving")
def test_saving(service: Service, persistence: PersistenceFacts, judge: Judge) -> None:
    """What is meant to be saved is saved.

    Passes when the last RDB save and the last AOF write and rewrite succeeded, where enabled.
    Fails when one did not; a queue with neither RDB nor AOF is a warning.
    Next: check disk space and the server's log, then `BGSAVE`; for a queue set `appendonly yes`.
    """
    facts = persistence
    failed = [
        what
        for what, fine in (
            ("RDB save", facts.rdb_ok),
            ("AOF write", not facts.aof_enabled or facts.aof_write_ok),
            ("AOF rewrite", not facts.aof_enabled or facts.aof_rewrite_ok),
        )
        if not fine
    ]
    if failed:
        judge.fails(
            f"the last {' and '.join(failed)} failed on {service.name}; "
            f"{facts.changes_since_save} changes since the last RDB save",
        )
    if service.role_spec.keeps_data and not facts.aof_enabled and not facts.rdb_enabled:
        if facts.rdb_enabled is None:
            judge.unknown(f"whether {service.name} saves is not known: {facts.why_unknown}")
        judge.advise(f"{service.name} has neither RDB nor AOF: a restart loses every job")
    methods = [name for name, on in (("RDB", facts.rdb_enabled), ("AOF", facts.aof_enabled)) if on]
    state = f"saves without error ({' and '.join(methods)})"
    if not methods:
        state = "has neither RDB nor AOF" if facts.rdb_enabled is False else "had no failed save"
        state += ", and as a cache needs none"
    judge.passes(f"{service.name} {state}")
