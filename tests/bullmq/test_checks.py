"""The queue checks on real workers: red on each real fault, green on its twin in the same run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, HAS_PYTHON_LIBRARY, INSTALL, acting
from tests.support.bullmq_scene import NODE_LIBRARIES
from tests.support.judging import assert_same, judge
from tests.support.places import GUIDE
from tests.support.queue_runs import (
    CLOSE_S,
    WINDOW_S,
    Recorded,
    Seen,
    config,
    end_all_workers,
    play,
    recorded,
)
from tests.support.requirements import require
from tests.support.servers import Server, running

SLOW_S = 3.0
MOST_OF_A_RANGE = 100
UNBOUNDED = frozenset(
    b"KEYS SMEMBERS HGETALL HKEYS HVALS SORT SORT_RO EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO"
    b" MONITOR DEBUG".split()
)
FACTS_USER = (
    "~bull:* resetchannels -@all +@read -@dangerous +ping +time +info +client|list +client|setname "
    "+pubsub|numsub +config|get +multi +exec +select +hello +slowlog|get +latency|latest"
)
"""What reading the queues needs."""
PRODUCT_USER = f"{FACTS_USER} +latency|histogram +latency|doctor +memory|doctor"
"""What a whole read-only run needs beside that: the server's own latency counters."""

node = pytest.mark.parametrize("library", NODE_LIBRARIES)
pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    require(HAS_NODE_LIBRARIES, INSTALL)
    require(HAS_PYTHON_LIBRARY, "the Python package bullmq is not installed")
    options = ("--enable-debug-command", "local", "--slowlog-max-len", "300000")
    with running("--maxmemory", "200mb", *options) as server, acting() as begin:
        yield play(server, begin, tmp_path_factory.mktemp("queues"))


@pytest.fixture(scope="module")
def late(seen: Seen) -> product.Outcome:
    return seen.late


def test_saved_evidence_says_the_same_of_every_queue(late: product.Outcome, folder: Path) -> None:
    assert {"fail", "warn", "unknown", "pass", "not_applicable"} == {*late.verdicts.values()}
    assert_same(judge(folder, late.files["evidence.json"]), late)


def verdict_and_message(done: product.Outcome, check: str, subject: str) -> tuple[str, str]:
    found = done.finding(f"{check}[{subject}]")
    return found["verdict"], found["message"]


# queue.depth


@node
def test_depth_over_and_within_its_limit(late: product.Outcome, library: str) -> None:
    over = late.finding(f"queue.depth[{library}-lifo]")
    within = late.finding(f"queue.depth[{library}-priorities]")
    assert (over["verdict"], over["observed"], over["limit"]) == ("fail", 10, 5)
    assert over["message"] == f"10 jobs wait in {library}-lifo (limit 5); it has 10 waiting"
    assert (within["verdict"], within["observed"], within["limit"]) == ("pass", 30, 30)
    assert "`queue:drain` deletes the backlog" in over["next_steps"][-1]


def test_a_queue_that_must_exist_and_does_not(late: product.Outcome) -> None:
    verdict, message = verdict_and_message(late, "queue.depth", "bundle:rendre")
    assert verdict == "fail"
    assert message.startswith("no such queue: bundle:rendre; found: bundle:idle, bundle:render, ")
    assert verdict_and_message(late, "queue.latency", "bundle:rendre")[0] == "unknown"


def test_without_a_limit_the_counts_are_shown(late: product.Outcome) -> None:
    verdict, message = verdict_and_message(late, "queue.depth", "bullmq6-overdue-busy")
    assert verdict == "not_applicable"
    assert message.endswith("it has 1 active, 2 delayed")


# queue.latency


@node
@pytest.mark.parametrize(
    ("story", "cause"),
    [
        ("lifo", "no worker"),
        ("overdue", "no worker"),
        ("paused", "the queue is paused"),
        ("paused-locally", "workers connected but none consuming"),
        ("autorun-false", "workers connected but none consuming"),
        ("frozen-idle", "workers connected but none consuming"),
        ("limited", "rate-limited"),
        ("limited-globally", "rate-limited"),
        ("concurrency", "at the concurrency limit"),
        ("busy", "all workers busy"),
        ("overdue-busy", "all workers busy"),
    ],
)
def test_waiting_over_the_limit_throughout_fails_with_the_cause(
    seen: Seen, library: str, story: str, cause: str
) -> None:
    queue = f"{library}-{story}"
    found = seen.late.finding(f"queue.latency[{queue}]")
    assert (found["verdict"], found["limit"], found["unit"]) == ("fail", 2, "s")
    assert found["observed"] == seen.waited_s(queue)
    assert f": {cause}; over the limit for {WINDOW_S} s of {WINDOW_S} s" in found["message"]


def test_a_due_job_that_a_waiting_worker_does_not_promote(late: product.Outcome) -> None:
    verdict, message = verdict_and_message(late, "queue.latency", "unpromoted")
    assert verdict == "fail"
    assert ": due jobs not promoted; " in message


def test_python_and_bull_queues_that_wait(seen: Seen) -> None:
    for queue, cause in {
        "bundle:nobody": "no worker",
        "bundle:busy": "all workers busy",
        "bull-waiting": "no worker",
        "bull-busy": "all workers busy",
        "bull:colon": "no worker",
    }.items():
        found = seen.late.finding(f"queue.latency[{queue}]")
        assert found["verdict"] == "fail"
        assert found["observed"] == seen.waited_s(queue)
        assert f": {cause}; " in found["message"]


@node
def test_over_the_limit_now_but_not_throughout_is_a_warning_unless_strict(
    seen: Seen, library: str
) -> None:
    for story, verdict in (("now", "warn"), ("now-strict", "fail")):
        found = seen.late.finding(f"queue.latency[{library}-{story}]")
        assert found["verdict"] == verdict
        assert found["observed"] == seen.waited_s(f"{library}-{story}")
        assert ": no worker; over the limit for " in found["message"]
        assert f"over the limit for {WINDOW_S} s" not in found["message"]


@node
def test_picked_up_late_in_the_window_is_a_warning_without_a_cause(
    seen: Seen, library: str
) -> None:
    found = seen.late.finding(f"queue.latency[{library}-slow]")
    assert found["verdict"] == "warn"
    assert found["observed"] == pytest.approx(SLOW_S, abs=CLOSE_S)
    assert "now 0.0 s; over the limit for " in found["message"]
    assert " pick-up" in found["message"]  # one or both of two: as fast as the run began


@node
def test_jobs_that_were_picked_up_in_time_pass(seen: Seen, library: str) -> None:
    queue, actor = f"{library}-served", seen.scene.actors[library]
    starts = [at for (name, _), all_at in actor.starts.items() if name == queue for at in all_at]
    found = seen.late.finding(f"queue.latency[{queue}]")
    assert found["verdict"] == "pass"
    # The last four were added at once: what the last waited is from the first's start to its own.
    assert found["observed"] == pytest.approx((starts[-1] - starts[-4]) / 1000, abs=CLOSE_S)
    assert "; 4 pick-ups, p50 0." in found["message"]


@node
def test_idle_passes_and_no_evidence_is_unknown(late: product.Outcome, library: str) -> None:
    verdict, message = verdict_and_message(late, "queue.latency", f"{library}-idle")
    assert (verdict, "is idle" in message) == ("pass", True)
    verdict, message = verdict_and_message(late, "queue.latency", f"{library}-promoted-unseen")
    assert verdict == "unknown"
    assert "no job tells since when it waits" in message


@node
def test_a_limit_of_the_queue_beats_the_services(seen: Seen, library: str) -> None:
    found = seen.late.finding(f"queue.latency[{library}-priorities]")
    assert (found["verdict"], found["limit"]) == ("pass", 600)
    assert found["observed"] == seen.waited_s(f"{library}-priorities")
    assert found["observed"] > 2  # what fails its twins


# queue.workers


@pytest.mark.parametrize(
    ("subject", "observed", "limit", "verdict"),
    [
        ("bullmq5-idle", 1, 1, "pass"),
        ("bullmq6-idle", 1, 1, "pass"),
        ("bundle:idle", 2, 2, "pass"),
        ("bundle:render", 1, 1, "pass"),  # Node with the prefix `bull:bundle`
        ("bullmq6-limited", 1, 1, "pass"),
        ("bullmq6-schedule-over", 1, 0, "pass"),  # found, and no job waits: it need not have any
        ("bullmq6-unscheduled", 0, 1, "fail"),  # found, and its job is overdue
        ("bullmq5-lifo", 0, 1, "fail"),
        ("bullmq6-lifo", 0, 1, "fail"),
        ("bullmq6-busy", 1, 2, "fail"),
        ("bullmq5-paused-locally", 0, 1, "fail"),
        ("bullmq6-paused-locally", 0, 1, "fail"),
        ("bullmq5-frozen-idle", 0, 1, "fail"),
        ("bullmq6-frozen-idle", 0, 1, "fail"),
    ],
)
def test_workers_that_take_jobs(
    late: product.Outcome, subject: str, observed: int, limit: int, verdict: str
) -> None:
    found = late.finding(f"queue.workers[{subject}]")
    assert (found["verdict"], found["observed"], found["limit"]) == (verdict, observed, limit)


def test_soon_after_the_servers_start_a_missing_worker_may_be_on_its_way(seen: Seen) -> None:
    verdict, message = verdict_and_message(seen.early, "queue.workers", "bullmq6-lifo")
    assert verdict == "unknown"
    assert "the server started " in message
    assert verdict_and_message(seen.early, "queue.workers", "bullmq6-idle")[0] == "pass"


def test_without_client_list_other_signs_of_life_count(seen: Seen) -> None:
    why = "no permission for CLIENT LIST on queue"
    verdict, message = verdict_and_message(seen.denied, "queue.workers", "bullmq6-idle")
    assert verdict == "pass"
    assert f"{why}; a worker of it last looked for stalled jobs" in message
    for subject in ("bullmq6-lifo", "bullmq6-busy"):  # no sign, and one where two are wanted
        verdict, message = verdict_and_message(seen.denied, "queue.workers", subject)
        assert (verdict, why in message) == ("unknown", True)


# queue.overdue


@node
def test_overdue_jobs_fail_and_far_ones_do_not(seen: Seen, library: str) -> None:
    for story, cause in (("overdue", "no worker"), ("overdue-busy", "all workers busy")):
        found = seen.late.finding(f"queue.overdue[{library}-{story}]")
        assert (found["verdict"], found["limit"], found["unit"]) == ("fail", 5, "s")
        assert found["observed"] == seen.waited_s(f"{library}-{story}")
        assert found["message"].endswith(f"past due (grace 5 s): {cause}")
    assert seen.late.verdicts[f"queue.overdue[{library}-idle]"] == "pass"


@node
def test_a_grace_of_the_queue_beats_the_default(seen: Seen, library: str) -> None:
    found = seen.late.finding(f"queue.overdue[{library}-frozen-idle]")
    assert (found["verdict"], found["limit"]) == ("pass", 600)
    assert found["observed"] == seen.waited_s(f"{library}-frozen-idle")


# queue.stalled


@node
def test_jobs_of_a_killed_worker_are_stalled(seen: Seen, library: str) -> None:
    alone, beside = f"{library}-killed", f"{library}-killed-beside-live"
    for queue, kind in (
        (alone, "no worker is there to recover it"),
        (beside, "the stall check should recover it within 90 s"),
    ):
        found = seen.late.finding(f"queue.stalled[{queue}]")
        assert (found["verdict"], found["observed"], found["limit"]) == ("fail", 1, 0)
        assert found["message"] == f"1 active job of {queue} has no lock: {kind}"
        assert found["evidence"]["stalled"][0].startswith(f"{seen.scene.jobs[queue]} (job), ")
    busy = seen.late.finding(f"queue.stalled[{library}-busy]")
    assert (busy["verdict"], busy["observed"]) == ("pass", 0)


# queue.schedulers


@node
@pytest.mark.parametrize(
    ("story", "verdict", "words"),
    [
        ("scheduled", "pass", "each has its next run ahead"),
        ("schedule-over", "pass", "each has its next run ahead"),
        ("unscheduled", "fail", "tick has stopped: no worker"),
        ("orphaned", "fail", "meta is orphaned"),
        ("idle", "not_applicable", "has no job scheduler"),
    ],
)
def test_schedulers(
    late: product.Outcome, library: str, story: str, verdict: str, words: str
) -> None:
    said, message = verdict_and_message(late, "queue.schedulers", f"{library}-{story}")
    assert (said, message.endswith(words)) == (verdict, True)


# queue.failures and queue.paused


@node
def test_a_flow_parent_whose_child_failed_is_a_warning(late: product.Outcome, library: str) -> None:
    verdict, message = verdict_and_message(late, "queue.failures", f"{library}-parent-blocked")
    assert (verdict, "waiting for ever on a failed child: flow parent " in message) == (
        "warn",
        True,
    )
    verdict, _ = verdict_and_message(late, "queue.failures", f"{library}-parent")
    assert verdict == "pass"


@node
def test_failures_over_their_limit_are_a_warning_with_their_reasons(
    late: product.Outcome, library: str
) -> None:
    found = late.finding(f"queue.failures[{library}-failed]")
    assert (found["verdict"], found["observed"], found["limit"]) == ("warn", 3, 2)
    assert found["evidence"]["newest failures"] == ["3 of: no file /tmp/# for …"]
    retried = late.finding(f"queue.failures[{library}-retried]")
    assert (retried["verdict"], retried["observed"], retried["limit"]) == ("pass", 0, 100)


@node
def test_paused_is_a_warning(late: product.Outcome, library: str) -> None:
    assert late.verdicts[f"queue.paused[{library}-paused]"] == "warn"
    assert late.verdicts[f"queue.paused[{library}-paused-locally]"] == "pass"


def test_a_queue_that_may_be_paused_is_not_judged_while_it_is(late: product.Outcome) -> None:
    for check in ("paused", "latency", "overdue"):
        verdict, message = verdict_and_message(late, f"queue.{check}", "bull-paused")
        assert verdict == "not_applicable"
        assert message == "bull-paused is paused, as the configuration allows"


# Evidence


def test_the_evidence_of_a_broken_queue(late: product.Outcome) -> None:
    evidence = late.finding("queue.latency[bullmq6-paused-locally]")["evidence"]
    assert evidence["jobs"] == "1 waiting"
    assert evidence["oldest"][0].startswith("1 (job), wait, ")
    (worker,) = evidence["workers"]
    assert "unnamed at 127.0.0.1:" in worker
    assert ": connected but not consuming, connected for " in worker
    assert [event.split()[0] for event in evidence["last events"]] == ["added", "waiting"]
    assert evidence["library"].startswith("bullmq bullmq:6.")
    lifo = late.finding("queue.latency[bullmq6-lifo]")["evidence"]
    assert (len(lifo["oldest"]), lifo["workers"]) == (5, ["none"])


def test_no_data_of_a_job_leaves_the_server(seen: Seen) -> None:
    for done in (seen.early, seen.late, seen.denied):
        assert "planted-in-data" not in done.everything
        assert "joe@example.org" not in done.everything


# Reading without touching


@pytest.fixture(scope="module")
def quiet(seen: Seen) -> Server:
    """The scene's server with all its queues, and nobody else on it."""
    end_all_workers(seen.scene)
    return seen.scene.server


@pytest.fixture(scope="module")
def read_only(quiet: Server, healthy: Server, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return _smoke(quiet, healthy, tmp_path_factory.mktemp("ro"), PRODUCT_USER, "--read-only")


def _smoke(queue: Server, cache: Server, folder: Path, rules: str, *options: str) -> Recorded:
    """Record a whole run under a user with these rules."""
    env = product.urls(queue.user("probe", "probe-password", *rules.split()), cache.url)
    return recorded(
        queue, lambda: product.run(folder, "smoke", *options, env=env, config=config({}))
    )


def test_a_read_only_run_leaves_every_byte_as_it_was(read_only: Recorded) -> None:
    done = read_only.outcome
    assert "no permission" not in done.everything
    assert len([name for name in done.verdicts if name.startswith("queue.latency")]) > 50
    assert done.verdicts["connectivity.pubsub[queue]"] == "not_applicable"
    assert done.message("connectivity.pubsub[queue]").endswith("writes and publishes nothing")
    before, after = read_only.digests
    assert before == after
    assert set(before) != {ord("0")}  # what an empty dataset has


def test_a_read_only_run_sends_no_write_and_no_script(read_only: Recorded, quiet: Server) -> None:
    assert _writes(read_only, quiet) == set()
    assert {"exec", "lrange", "xrevrange", "zrangebyscore"} <= set(read_only.called)
    assert not [name for name in read_only.called if name.startswith(("eval", "fcall", "script"))]
    assert {"publish", "subscribe"}.isdisjoint(read_only.called)
    assert "keys" not in read_only.called
    assert read_only.denied == []


def test_no_read_is_unbounded(read_only: Recorded) -> None:
    assert {b"LRANGE", b"XREVRANGE", b"ZRANGEBYSCORE"} <= {words[0] for words in read_only.asked}
    assert [words for words in read_only.asked if not _is_bounded(words)] == []


@pytest.mark.parametrize(
    "command",
    [
        "KEYS *",
        "HGETALL bull:q:1",
        "EVAL script 0",
        "LRANGE bull:q:wait 0 -1",
        "LRANGE bull:q:wait 0 5000",
        "ZRANGE bull:q:delayed -5000 -1",
        "ZRANGEBYSCORE bull:q:delayed 0 +inf",
        "XREVRANGE bull:q:events + -",
        "SCAN 0 MATCH bull:*",
    ],
)
def test_an_unbounded_read_would_be_noticed(command: str) -> None:
    assert not _is_bounded(command.encode().split())


def test_without_read_only_the_canary_is_all_that_is_written(
    quiet: Server, healthy: Server, folder: Path
) -> None:
    _, _, rules = GUIDE.read_text().partition("ACL SETUSER redis-runbook on >password ")
    rules = f"{rules.partition('```')[0]} &redis-runbook:* +subscribe +publish"
    run = _smoke(quiet, healthy, folder, f"{rules} ~redis-runbook:* +set +del")
    assert "no permission" not in run.outcome.everything
    assert run.outcome.verdicts["connectivity.writable[queue]"] == "pass"
    assert _writes(run, quiet) == {"set", "del"}
    assert (run.called["set"], run.called["del"]) == (1, 1)
    written = [words for words in run.asked if words[0] in {b"SET", b"DEL"}]
    assert len(written) == 2
    assert all(words[1].startswith(b"redis-runbook:canary:") for words in written)
    assert run.digests[0] == run.digests[1]
    assert run.denied == []


def _writes(run: Recorded, server: Server) -> set[str]:
    """The commands called that Redis itself says are writes."""
    commands: dict[str, Any] = server.client().command()
    return {name for name in run.called if "write" in commands[name.partition("|")[0]]["flags"]}


def _is_bounded(words: list[bytes]) -> bool:
    name, rest = words[0].upper(), words[1:]
    if name in {b"LRANGE", b"ZRANGE", b"ZREVRANGE"}:
        start, stop = int(rest[1]), int(rest[2])
        return (start < 0) == (stop < 0) and stop - start < MOST_OF_A_RANGE
    if name in {b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"}:
        return b"LIMIT" in rest
    if name in {b"XRANGE", b"XREVRANGE", b"SCAN"}:
        return b"COUNT" in rest
    return name not in UNBOUNDED
