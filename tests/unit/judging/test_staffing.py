"""Who does the work of a queue, and when it is too early or too vague to say."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from redis_runbook.judging.staffing import (
    Staffing,
    judge_staffing,
    staffing_steps,
    still_reconnecting,
    unattended_work,
    unserved,
)
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.queues import ObservedQueue
from redis_runbook.probes.bullmq.worker_states import WorkerState
from redis_runbook.probes.bullmq.workers import Worker, WorkerFacts
from redis_runbook.redact import NO_TEXT, Shown
from tests.support.bullmq_facts import active, picked, quiet, undated_beside, waiting

RESTARTED = "the server started 3 s ago"


def workers(*states: WorkerState, **about: object) -> WorkerFacts:
    found = tuple(
        Worker(name=NO_TEXT, address=Shown("h:1"), state=state, age_s=100, idle_s=0)
        for state in states
    )
    facts = WorkerFacts(known=True, alive=bool(found), workers=found)
    return replace(facts, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "needed", "staffing", "words"),
    [
        (workers(WorkerState.CONSUMING), 1, Staffing.ENOUGH, ""),
        (workers(), 0, Staffing.ENOUGH, ""),
        (workers(), 1, Staffing.TOO_FEW, ""),
        (workers(WorkerState.FROZEN), 1, Staffing.TOO_FEW, ""),
        (workers(WorkerState.BUSY, WorkerState.UNCLEAR), 1, Staffing.ENOUGH, ""),
        (workers(WorkerState.BUSY, WorkerState.UNCLEAR), 2, Staffing.UNKNOWN, "busy or frozen"),
        (workers(WorkerState.BUSY, WorkerState.UNCLEAR), 3, Staffing.TOO_FEW, ""),
        (workers(WorkerState.CONNECTING), 1, Staffing.UNKNOWN, "still connecting"),
        (
            workers(reconnecting=RESTARTED),
            1,
            Staffing.UNKNOWN,
            "may still be reconnecting: the ser",
        ),
        (workers(listed_twice=False), 1, Staffing.UNKNOWN, "still connecting"),
        (workers(unnamed_fetchers=2, alive=None, because="why"), 1, Staffing.UNKNOWN, "why"),
        (workers(unnamed_at_work=1, alive=True), 1, Staffing.ENOUGH, ""),
        (workers(known=False, alive=True), 1, Staffing.ENOUGH, ""),
        (workers(known=False, alive=True, because="why"), 2, Staffing.UNKNOWN, "why"),
        (workers(known=False, alive=None, because="why"), 1, Staffing.UNKNOWN, "why"),
    ],
)
def test_workers_are_compared_with_those_that_are_needed(
    facts: WorkerFacts, needed: int, staffing: Staffing, words: str
) -> None:
    judged = judge_staffing(facts, needed)
    assert judged.staffing is staffing
    assert words in judged.because


def test_only_where_nobody_works_it_is_too_early_to_say() -> None:
    def early(*states: WorkerState, facts: QueueFacts = quiet(), **about: object) -> str:  # noqa: B008
        queue = ObservedQueue(
            configured_as="render", first=facts, last=facts, workers=workers(*states, **about)
        )
        return still_reconnecting(queue)

    assert early(reconnecting=RESTARTED)
    assert not early(WorkerState.BUSY, reconnecting=RESTARTED)
    assert not early()
    assert not early(facts=replace(quiet(), paused=True), reconnecting=RESTARTED)


LATER = quiet(counts={"delayed": 2})


@pytest.mark.parametrize(
    ("facts", "there", "words"),
    [
        (quiet(), workers(), ""),
        (LATER, workers(), ": nobody is there for 2 delayed jobs"),
        (LATER, workers(WorkerState.FROZEN), ": nobody is there for 2 delayed jobs"),
        (LATER, workers(WorkerState.CONSUMING), ""),
        (
            LATER,
            workers(known=False, alive=None),
            ": nobody may be there for 2 delayed jobs",
        ),
        (LATER, workers(known=False, alive=True), ""),
        (quiet(counts={"active": 1}), workers(), ": nobody is there for 1 active job"),
        (quiet(counts={"active": 1}), workers(WorkerState.BUSY), ""),
        (replace(LATER, paused=True), workers(), ""),
        (
            quiet(pick_ups=picked((400, 0), (299, 0))),
            workers(),
            ": somebody took jobs until 5.0 min ago, and nobody is there now",
        ),
        (quiet(pick_ups=picked((301, 0))), workers(), ""),
        # Who took them may be there: nobody may look.
        (quiet(pick_ups=picked((60, 0))), workers(known=False, alive=None), ""),
        (quiet(pick_ups=picked((9, 0))), workers(WorkerState.BUSY), ""),
    ],
)
def test_somebody_should_be_there_though_no_job_waits(
    facts: QueueFacts, there: WorkerFacts, words: str
) -> None:
    queue = ObservedQueue(configured_as="render", first=facts, last=facts, workers=there)
    assert unserved(queue) == words


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (quiet(), ""),
        (quiet(**waiting(1)), ""),
        (quiet(**waiting(200)), "1 job waits, the oldest for 3.3 min"),
        (replace(quiet(**waiting(200)), paused=True), ""),
        (quiet(**waiting(None)), "1 job waits, nobody knows since when"),
        (quiet(**undated_beside(1)), "2 jobs wait, nobody knows since when one of them does"),
        (quiet(overdue_s=9.0), "a delayed job is 9.0 s past due"),
        (quiet(active=(active(locked=False),)), "1 active job has no lock"),
        (quiet(active=(active(),)), ""),
    ],
)
def test_work_that_waits_for_longer_than_the_limit_is_unattended(
    facts: QueueFacts, words: str
) -> None:
    first = replace(facts, at_ms=facts.at_ms - 2_500)
    queue = ObservedQueue(configured_as="render", first=first, last=facts, workers=workers())
    assert unattended_work(queue, longer_than_s=2) == words


@pytest.mark.parametrize(
    ("states", "verb", "never"),
    [
        ((), "up -d", "restart"),
        ((WorkerState.NOT_CONSUMING,), "restart", "up -d"),
        ((WorkerState.CONSUMING, WorkerState.FROZEN), "restart", "up -d"),
        ((WorkerState.CONSUMING,), "up -d", "restart"),
    ],
)
def test_a_worker_that_is_not_there_is_started_and_one_that_does_nothing_restarted(
    states: Sequence[WorkerState], verb: str, never: str
) -> None:
    said = " ".join(staffing_steps(workers(*states)))
    assert f"`docker compose {verb} WORKERS`" in said
    assert never not in said
    assert ("docker compose logs WORKERS" in said) is (verb == "restart")
