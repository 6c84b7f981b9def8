"""Checks of queues of which not everything was looked at: the sentence says so, and no pass."""

import inspect
from typing import Any

import pytest

from redis_runbook.check import Advised, Broken, Held, Judge, Outcome, Ruling, Unknown
from redis_runbook.config.model import QueueLimits
from redis_runbook.probes.bullmq.facts import QueueFacts, Scheduler
from redis_runbook.probes.bullmq.queues import ObservedQueue, QueuesFacts
from redis_runbook.probes.bullmq.workers import WorkerFacts
from redis_runbook.session.subjects import Subject
from tests.support.bullmq_facts import NOW_MS, active, quiet, waiting
from tests.unit.checks.test_checks import CHECKS

LIMITS = QueueLimits(
    workers_min=None, depth=5, latency_s=2, latency_for_s=300, strict_now=False,
    paused_ok=False, overdue_grace_s=5, failed_per_hour=100,
)  # fmt: skip
CONSUMED = WorkerFacts(known=True, alive=True, unnamed_at_work=1)


def ruling(check: str, facts: QueueFacts) -> tuple[type, Ruling]:
    """Call the check on a queue that was read twice, the second time with these facts."""
    first = quiet(at_ms=NOW_MS - 3_000, active=facts.active, schedulers=facts.schedulers)
    queue = ObservedQueue(configured_as="render", first=first, last=facts, workers=CONSUMED)
    given: dict[str, Any] = {
        "subject": Subject(name="q", service=None, queue="q"),
        "queues": QueuesFacts({"q": queue}),
        "discovery": None,
        "queue": queue,
        "queue_limits": LIMITS,
        "judge": Judge(),
    }
    function = CHECKS[check]
    with pytest.raises(Outcome) as outcome:
        function(**{name: given[name] for name in inspect.signature(function).parameters})
    return type(outcome.value), outcome.value.ruling


def _scheduler(*, job_exists: bool = True) -> Scheduler:
    return Scheduler(
        scheduler_id="tick",
        next_run_ms=NOW_MS + 60_000,
        overdue_s=0.0,
        job_exists=job_exists,
        finished=False,
    )


@pytest.mark.parametrize(
    ("check", "facts", "outcome", "sentence"),
    [
        (
            "queue.stalled",
            quiet(active=(active(),), active_unlisted=25, counts={"active": 26}),
            Held, "0 active jobs of q have no lock",
        ),
        (
            "queue.stalled",
            quiet(active=(active(),), active_unlisted=19, counts={"active": 26}),
            Advised, "0 active jobs of q have no lock; 20 of 26 looked at",
        ),
        (
            "queue.stalled",
            quiet(active=(active(locked=False),), active_unlisted=19, counts={"active": 26}),
            Broken, "within 90 s; 20 of 26 looked at",
        ),
        (
            "queue.schedulers",
            quiet(schedulers=(_scheduler(),), schedulers_seen=25, schedulers_total=25),
            Held, "25 job schedulers of q: each has its next run ahead",
        ),
        (
            "queue.schedulers",
            quiet(schedulers=(_scheduler(),), schedulers_seen=20, schedulers_total=25),
            Advised, "each has its next run ahead; 20 of 25 looked at",
        ),
        (
            "queue.schedulers",
            quiet(schedulers=(_scheduler(job_exists=False),), schedulers_seen=20,
                  schedulers_total=25),
            Broken, "25 job schedulers of q: tick is orphaned; 20 of 25 looked at",
        ),
        (
            "queue.latency",
            quiet(**{**waiting(1), "counts": {"waiting": 40}}),
            Held, "now 1.0 s; over the limit for 0 s of 300 s",
        ),
        (
            "queue.latency",
            quiet(**{**waiting(1), "counts": {"waiting": 40}}, waiting_in_order=False),
            Advised, "waiting jobs are not in order of age; 1 of 40 looked at",
        ),
        (
            "queue.latency",
            quiet(**{**waiting(303), "counts": {"waiting": 40}}, waiting_in_order=False),
            Broken, "waiting jobs are not in order of age; 1 of 40 looked at",
        ),
        (
            "queue.failures",
            quiet(failed_events=12, history_from_ms=NOW_MS - 720_000),
            Advised, "12 jobs of q failed in the 12.0 min whose events were read (limit 100 ",
        ),
        (
            "queue.failures",
            quiet(failed_events=120, history_from_ms=NOW_MS - 720_000),
            Broken, "120 jobs of q failed in the 12.0 min whose events were read (limit 100 ",
        ),
        (
            "queue.failures",
            quiet(history_from_ms=NOW_MS - 720_000),
            Held, "0 jobs of q failed in the 12.0 min whose events were read, and none is ",
        ),
        ("queue.depth", quiet(counts={"waiting": 6}), Broken, "6 jobs wait in q (limit 5)"),
        ("queue.depth", quiet(counts={"waiting": None}), Unknown, "how many jobs wait in q cannot"),
        ("queue.overdue", quiet(overdue_s=None), Unknown, "are overdue cannot be read"),
        ("queue.stalled", quiet(counts={"active": None}), Unknown, "the active jobs of q cannot"),
        ("queue.schedulers", quiet(schedulers_total=None), Unknown, "the schedulers of q cannot"),
    ],
)  # fmt: skip
def test_what_was_not_looked_at_is_said_and_no_plain_pass(
    check: str, facts: QueueFacts, outcome: type, sentence: str
) -> None:
    found, ruled = ruling(check, facts)
    assert (found, sentence in ruled.message) == (outcome, True), ruled.message
