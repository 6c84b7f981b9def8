"""Would the data survive a restart? Runbook: 4. Incident Response, Scenario A."""

from redis_runbook.check import Details, Judge, check
from redis_runbook.config.service import Service
from redis_runbook.judging.saving import at_stake, doubts, failed, unknown_age
from redis_runbook.probes.persistence import PersistenceFacts

_SWITCH_ON = "`CONFIG SET appendonly yes`, and `appendonly yes` in the configuration file"


@check("persistence.saving")
def test_saving(service: Service, persistence: PersistenceFacts, judge: Judge) -> None:
    """What is meant to be saved is saved.

    Passes when the last RDB save and the last AOF write and rewrite succeeded, where enabled.
    Fails when one did not; a warning is a queue with neither RDB nor AOF, a save that does not
        end or begin within saving_s, a last save in the future, and a failed one where RDB is off.
    Why: after the next restart everything since the last save is gone.
    Next: 1. Check disk space, and `docker compose logs SERVICE`.
        2. `BGSAVE`. A queue without AOF wants `appendonly yes`.
    """
    facts, name = persistence, service.name
    if what := failed(facts):
        judge.fails(f"the last {what} failed on {name}; {at_stake(facts)}")
    is_known, keeps_data = facts.rdb_enabled is not None, service.role_spec.keeps_data
    if not is_known and not facts.rdb_ok:
        judge.unknown(f"the last RDB save failed on {name}, if one is meant: {facts.why_unknown}")
    if not is_known and keeps_data and not facts.aof_enabled:
        judge.unknown(f"whether {name} saves is not known: {facts.why_unknown}")
    if why := unknown_age(facts):
        judge.unknown(f"{name}: {why}")
    ways = [way for way, on in (("RDB", facts.rdb_enabled), ("AOF", facts.aof_enabled)) if on]
    advice = list(doubts(facts, limit_s=service.limits.saving_s))
    details: Details = {}
    if keeps_data and not ways:
        details = {"next_steps": [_SWITCH_ON], "only_these_steps": not advice}
        advice.insert(0, "has neither RDB nor AOF: a restart loses every job")
    if advice:
        judge.advise(f"{name}: {'; '.join(advice)}", **details)
    found = f"saves without error ({' and '.join(ways)})"
    if not ways:
        found = "has neither RDB nor AOF" if is_known else "had no failed save"
        found += ", and as a cache needs none"
    judge.passes(f"{name} {found}")
