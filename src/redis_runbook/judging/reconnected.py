"""Whether the workers of a queue have said that they are connected again since it started."""

from collections.abc import Sequence
from typing import Final

from redis_runbook.judging.worst import Judgement, summed_up
from redis_runbook.probes.bullmq.worker_states import RECONNECTING_S
from redis_runbook.probes.containers.facts import ReconnectFacts, WorkerLog
from redis_runbook.verdict import Verdict

_TOGETHER_S: Final = 3.0
"""A whole stack is started in any order: such a worker connects for the first time."""


def judge_reconnected(facts: ReconnectFacts, logs: Sequence[WorkerLog]) -> Judgement:
    """The worst verdict of all these workers, and a clause on each that has it."""
    return summed_up([_judge(facts, log) for log in logs])


def _judge(facts: ReconnectFacts, log: WorkerLog) -> Judgement:
    name, started_at = log.name, facts.started_at
    if not log.runs:
        return Verdict.FAIL, f"{name} does not run"
    if log.line_at is not None:
        after_s = log.line_at - started_at
        return Verdict.PASS, f"{name} has logged it {after_s:.1f} s after the start"
    if log.started_at is not None and log.started_at >= started_at - _TOGETHER_S:
        later_s = log.started_at - started_at
        when = f"{later_s:.0f} s later" if later_s > _TOGETHER_S else "at about the same time"
        return Verdict.NOT_APPLICABLE, f"{name} started {when}: it connected anew"
    if log.why_unknown:
        return Verdict.UNKNOWN, f"whether {name} has is not known: {log.why_unknown}"
    if facts.uptime_s < RECONNECTING_S:
        return Verdict.UNKNOWN, f"{name} has not logged it yet (it may take {RECONNECTING_S} s)"
    return Verdict.FAIL, f"{name} has not logged it"
