"""Facts about a queue for tests that need no server: nothing happens in it, unless said."""

from dataclasses import replace
from typing import Any

from redis_runbook.probes.bullmq.facts import (
    ActiveJob,
    Counts,
    Limiter,
    PickUp,
    QueueFacts,
    WaitingJob,
)

NOW_MS = 1_795_000_000_000
_NO_JOBS = dict.fromkeys(
    ("waiting", "paused", "prioritized", "active", "delayed", "completed", "failed"), 0
)


def quiet(**known: Any) -> QueueFacts:
    """A BullMQ queue with no job, at `NOW_MS`; `counts` holds only those that are not 0."""
    counts = Counts(**{**_NO_JOBS, "waiting_children": 0, **known.pop("counts", {})})
    facts: dict[str, Any] = {
        "queue": "q",
        "at_ms": NOW_MS,
        "exists": True,
        "flavour": "bullmq",
        "version": None,
        "paused": False,
        "concurrency": None,
        "limiter": Limiter(used=None, limit=None, left_ms=None),
        "waiting": (),
        "waiting_in_order": True,
        "blocked_parents": (),
        "overdue_s": 0.0,
        "pick_ups": (),
        "history_from_ms": NOW_MS - 360_000,
        "active": (),
        "active_unlisted": 0,
        "stall_check_ms": None,
        "stall_checked_at_ms": None,
        "schedulers": (),
        "schedulers_seen": len(known.get("schedulers", ())),
        "schedulers_total": 0,
        "failed_last_hour": 0,
        "failed_events": 0,
        "failed_reasons": (),
        "last_events": (),
        "problems": (),
    }
    return QueueFacts(**{**facts, **known, "counts": counts})


def waiting(age_s: float | None) -> dict[str, Any]:
    """One job that has waited for so long; None: nobody knows how long."""
    job = WaitingJob(
        job_id="1",
        name="render",
        state="wait",
        since_ms=None if age_s is None else NOW_MS - round(age_s * 1000),
        age_s=age_s,
        unknown_because="its hash is gone" if age_s is None else "",
    )
    return {"waiting": (job,), "counts": {"waiting": 1}}


def undated_beside(age_s: float, state: str = "wait") -> dict[str, Any]:
    """A job that does not tell since when it waits, beside one that has for so long."""
    (dated,) = waiting(age_s)["waiting"]
    (unknown,) = waiting(None)["waiting"]
    jobs = (dated, replace(unknown, job_id="2", state=state))
    counts = {"waiting": 2} if state == "wait" else {"waiting": 1, state: 1}
    return {"waiting": jobs, "counts": counts}


def picked(*ago_and_waited_s: tuple[float, float]) -> tuple[PickUp, ...]:
    """Pick-ups so many seconds ago, of jobs that had waited for so many seconds."""
    return tuple(
        PickUp(at_ms=NOW_MS - round(ago * 1000), waited_ms=round(waited * 1000))
        for ago, waited in ago_and_waited_s
    )


def active(*, locked: bool = True) -> ActiveJob:
    """A job that has run for 20 s."""
    return ActiveJob(
        job_id="7",
        name="render",
        started_ms=NOW_MS - 20_000,
        running_s=20.0,
        starts=1,
        lock_ms=15_000 if locked else None,
    )
