"""What the probe says of real Node and Python workers, against what the test knows to be true."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from redis_runbook.judging.cause import Cause
from redis_runbook.judging.queue_latency import LatencyState, judge_latency
from redis_runbook.judging.schedulers import orphaned
from redis_runbook.judging.stalled import StalledKind, stalled
from redis_runbook.probes.bullmq.worker_states import WorkerState
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, HAS_PYTHON_LIBRARY, INSTALL, acting
from tests.support.bullmq_scene import (
    NODE_LIBRARIES,
    Scene,
    play_bull,
    play_node,
    play_python,
    wait_until_all_are_known,
)
from tests.support.requirements import require
from tests.support.servers import running

CLOSE_S = 0.1

node = pytest.mark.parametrize("library", NODE_LIBRARIES)
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    require(HAS_NODE_LIBRARIES, INSTALL)
    require(HAS_PYTHON_LIBRARY, "the Python package bullmq is not installed")
    with running() as server, acting() as begin:
        played = Scene(server, begin)
        for library in NODE_LIBRARIES:
            play_node(played, library)
        play_bull(played)
        play_python(played)
        wait_until_all_are_known(server)
        client = server.client()
        for library in NODE_LIBRARIES:
            for key in client.scan_iter(f"bull:{library}-orphaned:repeat:meta:*"):
                client.delete(key)
        played.look()
        yield played


def _true_waits_s(scene: Scene, library: str, queue: str, ready_at: float) -> list[float]:
    """How long the queue's jobs waited, in the order in which they really started."""
    starts = scene.actors[library].starts
    times = sorted(at for (name, _), all_at in starts.items() for at in all_at if name == queue)
    return [(at - ready_at) / 1000 for at in times]


def _seen_waits_s(scene: Scene, queue: str) -> list[float]:
    return [pick.waited_ms / 1000 for pick in scene.facts[queue].pick_ups]


def _waits_now_s(scene: Scene, queue: str) -> float:
    """How long the oldest job has really been waiting."""
    return (scene.facts[queue].at_ms - scene.true[queue]) / 1000


def test_every_queue_is_found_and_the_fake_one_is_not(scene: Scene) -> None:
    assert {"bullmq5-idle", "bullmq6-idle", "bundle:render", "bull:colon"} <= set(scene.facts)
    assert not [name for name in scene.facts if "repeat" in name]  # bullmq6-orphaned:repeat:meta


def test_facts_can_be_saved_as_json(scene: Scene) -> None:
    assert len(scene.facts) > 50
    for facts in scene.facts.values():
        assert json.loads(json.dumps(asdict(facts)))["queue"] == facts.queue


@node
def test_an_idle_queue_has_a_consumer_and_no_latency(scene: Scene, library: str) -> None:
    queue = f"{library}-idle"
    judged = judge_latency(scene.facts[queue], limit_s=2, window_s=300)
    assert (judged.state, judged.observed_s, judged.p95_s) == (LatencyState.IDLE, None, None)
    (worker,) = scene.workers(queue).workers  # the QueueEvents connection is none
    assert (worker.name, worker.state) == ("render-7", WorkerState.CONSUMING)
    assert scene.cause(queue) is Cause.NOTHING_WAITS


@node
def test_jobs_that_were_served_waited_as_long_as_they_did(scene: Scene, library: str) -> None:
    queue = f"{library}-served"
    seen, true = _seen_waits_s(scene, queue), [number * 0.3 for number in range(6)]
    # The worker itself lags a little more with each job: what it started is what counts.
    starts = _true_waits_s(scene, library, queue, scene.true[queue])
    assert seen == pytest.approx(starts, abs=CLOSE_S)
    assert seen == pytest.approx(true, abs=0.5)
    assert judge_latency(scene.facts[queue], limit_s=2, window_s=300).state is LatencyState.OK


@node
def test_jobs_removed_on_completion_are_still_measured(scene: Scene, library: str) -> None:
    queue = f"{library}-removed"
    assert scene.facts[queue].counts.completed == 0
    assert _seen_waits_s(scene, queue) == pytest.approx([0, 0.2, 0.4], abs=CLOSE_S)


@node
@pytest.mark.parametrize(
    ("story", "reason"),
    [
        ("busy", Cause.BUSY),
        ("overdue-busy", Cause.BUSY),
        ("overdue", Cause.NO_WORKER),
        ("lifo", Cause.NO_WORKER),
        ("priorities", Cause.NO_WORKER),
        ("paused", Cause.PAUSED),
        ("paused-locally", Cause.NOT_CONSUMING),
        ("autorun-false", Cause.NOT_CONSUMING),
        ("limited", Cause.RATE_LIMITED),
        ("limited-globally", Cause.RATE_LIMITED),
        ("concurrency", Cause.CONCURRENCY),
        ("frozen-idle", Cause.NOT_CONSUMING),
        ("frozen-busy", Cause.NOT_CONSUMING),
    ],
)
def test_the_oldest_job_and_why_it_waits(
    scene: Scene, library: str, story: str, reason: Cause
) -> None:
    queue = f"{library}-{story}"
    assert scene.facts[queue].longest_wait_s == pytest.approx(
        _waits_now_s(scene, queue), abs=CLOSE_S
    )
    assert scene.cause(queue) is reason
    judged = judge_latency(scene.facts[queue], limit_s=2, window_s=20)
    assert (judged.state, judged.over_now) == (LatencyState.BROKEN, True)
    assert judge_latency(scene.facts[queue], limit_s=2, window_s=300).state is LatencyState.PARTLY


@node
def test_a_delayed_job_waits_from_when_it_is_due_while_workers_are_busy(
    scene: Scene, library: str
) -> None:
    queue = f"{library}-delayed-late"
    true = _true_waits_s(scene, library, queue, scene.true[queue])[1]
    assert _seen_waits_s(scene, queue) == pytest.approx([0, true], abs=CLOSE_S)
    assert true > 1.5  # `processedOn - timestamp - delay` would say a second more


@node
def test_a_retried_job_waits_from_the_end_of_its_backoff(scene: Scene, library: str) -> None:
    queue = f"{library}-retried"
    actor, key = scene.actors[library], (queue, scene.jobs[queue])
    true = (actor.starts[key][1] - actor.ends[key][0]) / 1000 - 1.5
    assert _seen_waits_s(scene, queue) == pytest.approx([0, true], abs=CLOSE_S)


@node
def test_a_flow_parent_waits_from_the_end_of_its_child(scene: Scene, library: str) -> None:
    queue = f"{library}-parent"
    actor = scene.actors[library]
    (child_ended,) = next(at for (name, _), at in actor.ends.items() if name == f"{library}-child")
    true = (actor.starts[queue, scene.jobs[queue]][0] - child_ended) / 1000
    assert _seen_waits_s(scene, queue) == pytest.approx([true], abs=CLOSE_S)


@node
def test_a_job_promoted_early_waits_from_its_promotion(scene: Scene, library: str) -> None:
    queue = f"{library}-promoted"
    true = _true_waits_s(scene, library, queue, scene.true[queue])[1]
    assert true > 1.5
    assert _seen_waits_s(scene, queue)[1] == pytest.approx(true, abs=CLOSE_S)


@node
def test_a_promotion_that_no_event_tells_of_is_unknown(scene: Scene, library: str) -> None:
    facts = scene.facts[f"{library}-promoted-unseen"]
    assert facts.longest_wait_s is None
    assert "promoted early" in facts.waiting[0].unknown_because
    assert judge_latency(facts, limit_s=2, window_s=300).state is LatencyState.UNKNOWN


@node
def test_all_priorities_are_searched_for_the_oldest_job(scene: Scene, library: str) -> None:
    oldest = scene.facts[f"{library}-priorities"].waiting[0]
    assert oldest.state == "prioritized"
    assert scene.facts[f"{library}-priorities"].counts.prioritized == 30


@node
def test_an_overdue_job_is_seen_and_a_far_one_is_not(scene: Scene, library: str) -> None:
    facts = scene.facts[f"{library}-overdue-busy"]
    assert (facts.counts.delayed, facts.counts.backlog) == (2, 0)
    assert [job.state for job in facts.waiting] == ["delayed"]
    true = _waits_now_s(scene, f"{library}-overdue-busy")
    assert facts.overdue_s == pytest.approx(true, abs=CLOSE_S)


def test_jobs_of_a_paused_queue_are_where_their_version_keeps_them(scene: Scene) -> None:
    old, new = (scene.facts[f"{library}-paused"].counts for library in NODE_LIBRARIES)
    assert (old.paused, old.waiting) == (1, 0)
    assert (new.paused, new.waiting) == (0, 1)


@node
def test_a_killed_workers_job_is_stalled(scene: Scene, library: str) -> None:
    def judged(queue: str) -> list[tuple[str, StalledKind]]:
        found = stalled(scene.first[queue], scene.facts[queue], scene.workers(queue)) or ()
        return [(job.job_id, job.kind) for job in found]

    alone, beside = f"{library}-killed", f"{library}-killed-beside-live"
    frozen, busy = f"{library}-frozen-busy", f"{library}-busy"
    assert judged(alone) == [(scene.jobs[alone], StalledKind.ABANDONED)]
    assert judged(beside) == [(scene.jobs[beside], StalledKind.SUSPECT)]
    assert judged(frozen) == [(scene.jobs[frozen], StalledKind.NOBODY_CAN)]
    assert judged(busy) == []
    assert stalled(scene.facts[alone], scene.facts[alone], scene.workers(alone)) is None


@node
def test_a_long_job_of_a_live_worker_is_told_apart(scene: Scene, library: str) -> None:
    busy, killed = scene.facts[f"{library}-busy"], scene.facts[f"{library}-killed"]
    held = [(job.name, (job.running_s or 0) > 10) for job in busy.active if job.lock_ms]
    assert held == [("job", True)]
    assert not any(job.lock_ms for job in killed.active)


@node
def test_a_job_without_a_lock_for_long_means_that_the_stall_check_is_broken(
    scene: Scene, library: str
) -> None:
    queue = f"{library}-killed-beside-live"
    (job,) = scene.facts[queue].active
    old = replace(job, running_s=100.0)
    first, second = (
        replace(facts, active=(old,), stall_check_ms=None)
        for facts in (scene.first[queue], scene.facts[queue])
    )
    (found,) = stalled(first, second, scene.workers(queue)) or ()
    assert found.kind is StalledKind.CHECK_BROKEN


@node
def test_a_frozen_worker_is_not_counted(scene: Scene, library: str) -> None:
    workers = scene.workers(f"{library}-frozen-idle")
    assert [worker.state for worker in workers.workers] == [WorkerState.FROZEN]
    assert workers.at_work == 0


@node
def test_schedulers_running_stopped_orphaned_and_over(scene: Scene, library: str) -> None:
    def only(story: str) -> tuple[bool, bool | None, bool, int]:
        first, facts = scene.first[f"{library}-{story}"], scene.facts[f"{library}-{story}"]
        (one,) = facts.schedulers
        return one.overdue_s > 5, one.job_exists, one.finished, len(orphaned(first, facts))

    assert only("scheduled") == (False, True, False, 0)
    assert only("unscheduled") == (True, True, False, 0)
    assert only("orphaned") == (True, False, False, 1)
    assert only("schedule-over")[2:] == (True, 0)


@pytest.mark.quiet  # where the machine is busy, Node begins a job a while after it took it
@node
def test_scheduled_jobs_wait_from_their_scheduled_time(scene: Scene, library: str) -> None:
    queue = f"{library}-scheduled"
    true = [
        (at[0] - float(job.rpartition(":")[2])) / 1000
        for (name, job), at in sorted(scene.actors[library].starts.items())
        if name == queue and at[0] < scene.facts[queue].at_ms - 500
    ]
    assert len(true) > 10
    # The first iteration is added at once, and its id tells another time.
    assert _seen_waits_s(scene, queue)[1 : len(true)] == pytest.approx(true[1:], abs=CLOSE_S)


@node
def test_failures_are_grouped_without_their_secrets(scene: Scene, library: str) -> None:
    facts = scene.facts[f"{library}-failed"]
    (failures,) = facts.failed_reasons
    assert (facts.counts.failed, facts.failed_last_hour, failures.count) == (3, 3, 3)
    assert failures.reason == "no file /tmp/# for …"


@node
def test_the_library_and_its_version_are_known(scene: Scene, library: str) -> None:
    facts = scene.facts[f"{library}-busy"]
    assert facts.flavour == "bullmq"
    assert str(facts.version).startswith(f"bullmq:{library[-1]}.")
    assert {"added", "waiting"} <= {event.event for event in facts.last_events}


def test_bull_4_queues(scene: Scene) -> None:
    causes = {name: scene.cause(f"bull-{name}") for name in ("idle", "busy", "waiting", "paused")}
    assert causes == {
        "idle": Cause.NOTHING_WAITS,
        "busy": Cause.BUSY,
        "waiting": Cause.NO_WORKER,
        "paused": Cause.PAUSED,
    }
    for queue in ("bull-busy", "bull-waiting", "bull-paused", "bull:colon"):
        facts = scene.facts[queue]
        assert (facts.flavour, facts.pick_ups, facts.history_from_ms) == ("bull", (), None)
        assert facts.longest_wait_s == pytest.approx(_waits_now_s(scene, queue), abs=CLOSE_S)
    assert scene.workers("bull-idle").at_work == 1
    assert judge_latency(scene.facts["bull-idle"], limit_s=2, window_s=300).state is (
        LatencyState.IDLE
    )


def test_python_workers_are_counted_once(scene: Scene) -> None:
    idle = scene.workers("bundle:idle")
    assert sorted((worker.name, worker.state) for worker in idle.workers) == [
        ("", WorkerState.CONSUMING),
        ("py", WorkerState.CONSUMING),
    ]
    assert [worker.state for worker in scene.workers("bundle:busy").workers] == [WorkerState.BUSY]
    assert scene.cause("bundle:busy") is Cause.BUSY
    assert scene.cause("bundle:nobody") is Cause.NO_WORKER
    for queue in ("bundle:busy", "bundle:nobody"):
        seen = scene.facts[queue].longest_wait_s
        assert seen == pytest.approx(_waits_now_s(scene, queue), abs=CLOSE_S)
    assert _seen_waits_s(scene, "bundle:served") == pytest.approx([0, 0.3, 0.6], abs=CLOSE_S)


def test_a_worker_with_a_prefix_of_two_parts_is_found(scene: Scene) -> None:
    (worker,) = scene.workers("bundle:render").workers
    assert worker.state is WorkerState.CONSUMING
