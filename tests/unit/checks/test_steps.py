"""The next steps fit what is known: no step is for a cause that it cannot be."""

from typing import Any

import pytest

from redis_runbook.check import Advised, Broken, Held
from redis_runbook.judging.restarts import SeenBefore
from redis_runbook.probes.bullmq.facts import Scheduler
from redis_runbook.probes.connection import Problem
from redis_runbook.probes.refusal import no_answer, refusal
from redis_runbook.session.next_steps import steps_of
from tests.support.bullmq_facts import NOW_MS, picked, quiet, waiting
from tests.support.check_cases import Case
from tests.support.container_facts import NOW, entry
from tests.unit.checks.test_checks import CHECKS, judged
from tests.unit.checks.test_queue_samples import ruling


def shown(case: Case) -> str:
    """All steps that a finding has, with slashes between."""
    outcome, ruled = judged(case)
    assert outcome is case.outcome, ruled.message
    usual = () if ruled.only_these_steps or outcome is Held else steps_of(CHECKS[case.check])
    return " / ".join([*ruled.next_steps, *usual])


def container(outcome: type = Broken, **changes: Any) -> str:
    facts = {"entry": entry(**changes), "served_since": changes.get("started_at", NOW - 90)}
    return shown(Case("incident.container", outcome, "", facts))


def test_a_paused_container_wants_unpause_and_nothing_else() -> None:
    assert container(status="paused") == "`docker unpause redis-1`: somebody paused it"


def test_only_what_was_oom_killed_has_a_step_about_memory() -> None:
    exited = container(status="exited", exit_code=1)
    assert "what ended it?" in exited
    assert exited.endswith("`docker compose restart SERVICE`")
    assert "OOM" not in exited
    assert "OOM-killed" in container(status="exited", exit_code=137, oom_killed=True)
    assert "OOM-killed" in container(oom_times=[NOW - 5])
    assert "up -d SERVICE" in container(status="created")
    unhealthy = container(health="unhealthy")
    assert "why does its health check fail?" in unhealthy
    assert "OOM" not in unhealthy
    again = container(Advised, restarts=1)
    assert again == "`docker compose ps SERVICE`, `docker compose logs SERVICE`: what ended it?"
    assert container(Held) == ""


@pytest.mark.parametrize("problem", [Problem.AUTH, Problem.DENIED, Problem.MAX_CLIENTS])
def test_what_has_answered_is_not_restarted(problem: Problem) -> None:
    facts = {"connection": {"problem": problem, "message": "is away"}}
    steps = shown(Case("connectivity.reachable", Broken, "", facts))
    assert "restart" not in steps
    assert " / " not in steps
    facts = {"connection": {"problem": Problem.TIMED_OUT, "message": "is away"}}
    assert "restart SERVICE" in shown(Case("connectivity.reachable", Broken, "", facts))


@pytest.mark.parametrize(
    ("reason", "words", "foreign"),
    [
        (refusal(ValueError("MISCONF Redis is configured to save")), "BGSAVE", "maxmemory"),
        (refusal(ValueError("MISCONF Errors writing to the AOF file: no")), "disk", "BGSAVE"),
        (refusal(ValueError("OOM command not allowed")), "raise maxmemory", "disk"),
        (refusal(ValueError("READONLY You can't write")), "point the URL at", "memory"),
        (refusal(ValueError("NOREPLICAS Not enough")), "min-replicas-to-write", "disk"),
        (refusal(ValueError("BUSY Redis is busy")), "SCRIPT KILL", "disk"),
        (no_answer("a write", 2), "CLIENT UNPAUSE", "disk"),
        ("SET was not answered with OK", "MISCONF wants disk space", "point"),
    ],
)
def test_a_refused_write_has_the_steps_of_its_cause(reason: str, words: str, foreign: str) -> None:
    facts = {"canary": {"refusal": reason}}
    steps = shown(Case("connectivity.writable", Broken, "", facts))
    assert words in steps
    assert foreign not in steps


def test_a_mere_restart_is_no_failover() -> None:
    facts = {"server": {"uptime_s": 5}, "seen_before": SeenBefore(run_id="b" * 40, ago_s=30)}
    steps = shown(Case("connectivity.role", Advised, "", facts))
    assert "`docker compose logs SERVICE` tells what ended it" in steps
    assert "failover" not in steps
    facts = {"server": {"role": "slave"}}
    assert "in a cluster `CLUSTER NODES`" in shown(Case("connectivity.role", Broken, "", facts))


def test_a_queue_that_saves_nothing_has_the_command_that_switches_it_on() -> None:
    off = {"persistence": {"rdb_enabled": False, "aof_enabled": False}}
    steps = shown(Case("persistence.saving", Advised, "", off))
    assert steps == "`CONFIG SET appendonly yes`, and `appendonly yes` in the configuration file"
    off["persistence"]["rdb_ok"] = False
    assert "disk space" in shown(Case("persistence.saving", Advised, "", off))


def test_entries_without_a_ttl_can_be_found() -> None:
    facts = {"jwt_entries": {"without_ttl": 1}}
    steps = shown(Case("jwt_cache.expires", Broken, "", facts, role="cache"))
    assert "`redis-cli --scan --pattern 'jwt:*'` lists entries" in steps
    assert shown(Case("jwt_cache.expires", Held, "", {}, role="cache")) == ""


def test_where_no_job_waits_any_more_none_is_to_be_looked_for() -> None:
    over = quiet(pick_ups=picked((30, 40)))
    outcome, ruled = ruling("queue.latency", over)
    assert (outcome, ruled.only_these_steps) == (Advised, True)
    assert "now 0.0 s" in ruled.message
    (step,) = ruled.next_steps
    assert step.startswith("no job waits now: `docker compose logs WORKERS`")
    _, ruled = ruling("queue.latency", quiet(**waiting(400)))
    assert not ruled.only_these_steps
    outcome, ruled = ruling("queue.latency", quiet(pick_ups=picked((30, 1))))
    assert (outcome, [*ruled.next_steps]) == (Held, [])


def test_a_stopped_scheduler_of_which_nothing_waits_has_steps_too() -> None:
    late = Scheduler(
        scheduler_id="tick",
        next_run_ms=NOW_MS - 60_000,
        overdue_s=60.0,
        job_exists=True,
        finished=False,
    )
    outcome, ruled = ruling("queue.schedulers", quiet(schedulers=(late,), schedulers_total=1))
    assert (outcome, "has stopped: nothing waits" in ruled.message) == (Broken, True)
    assert "see `queue.stalled`" in ruled.next_steps[0]
    assert "restart WORKERS" in ruled.next_steps[1]
