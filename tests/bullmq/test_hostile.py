"""Keys that no library would have made: the probe says the truth or that it does not know."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from redis_runbook.judging.queue_latency import LatencyState, judge_latency
from redis_runbook.probes.bullmq.clients import list_clients
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import workers_of
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("_little_memory")


@pytest.fixture
def observe(client: Client) -> Callable[..., QueueFacts]:
    def observed(name: str = "q") -> QueueFacts:
        queue = Queue(prefix=b"bull", name=name.encode())
        return observe_queues(client, [queue])[queue]

    return observed


def _now_ms() -> int:
    return int(time.time() * 1000)


def _job(raw: Any, job: str, **fields: Any) -> None:
    known = {"name": "render", "data": "{}", "opts": "{}", "delay": 0, "priority": 0}
    raw.hset(f"bull:q:{job}", mapping={**known, **fields})


def _state(facts: QueueFacts) -> LatencyState:
    return judge_latency(facts, limit_s=2, window_s=300).state


def test_keys_of_the_wrong_type_leave_their_part_unknown(raw: Any, observe: Any) -> None:
    for key in ("wait", "paused", "active", "delayed", "prioritized", "failed", "limiter"):
        raw.hset(f"bull:q:{key}", "field", "value")
    for key in ("meta", "events", "repeat", "completed"):
        raw.set(f"bull:q:{key}", "text")
    facts = observe()
    assert facts.exists
    counts = facts.counts
    assert {counts.waiting, counts.paused, counts.active, counts.failed, counts.backlog} == {None}
    assert (facts.overdue_s, facts.failed_last_hour) == (None, None)
    assert facts.history_from_ms is None
    assert "the key wait holds another type" in facts.problems
    assert _state(facts) is LatencyState.UNKNOWN


def test_a_queue_on_a_server_whose_memory_is_full_is_read(raw: Any, observe: Any) -> None:
    raw.lpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() - 9_000)
    raw.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            raw.set("more", "x")
        facts = observe()
    finally:
        raw.config_set("maxmemory", 0)
    assert (facts.counts.waiting, facts.problems) == (1, ())
    assert facts.longest_wait_s == pytest.approx(9, abs=0.5)


@pytest.mark.parametrize("size", [600, 9_000])
def test_a_job_with_a_long_id_is_looked_at_like_any_other(
    raw: Any, observe: Any, size: int
) -> None:
    waits, works, runs = ("wait" * size)[:size], ("work" * size)[:size], ("runs" * size)[:size]
    raw.lpush("bull:q:wait", waits)
    _job(raw, waits, timestamp=_now_ms() - 9_000)
    raw.lpush("bull:q:active", works)
    _job(raw, works, processedOn=_now_ms() - 1_000)
    raw.set(f"bull:q:{works}:lock", "token", px=30_000)
    next_ms = _now_ms() + 60_000
    raw.zadd("bull:q:repeat", {runs: next_ms})
    raw.hset(f"bull:q:repeat:{runs}", "name", "tick")
    raw.hset(f"bull:q:repeat:{runs}:{next_ms}", "name", "tick")
    facts = observe()
    assert facts.longest_wait_s == pytest.approx(9, abs=0.5)
    assert facts.locked == 1
    assert [one.job_exists for one in facts.schedulers] == [True]


def test_a_job_whose_hash_vanished_has_no_age(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:wait", "gone")
    raw.rpush("bull:q:active", "gone-too")
    facts = observe()
    assert (facts.counts.waiting, facts.longest_wait_s) == (1, None)
    assert facts.waiting[0].unknown_because == "its hash is gone"
    assert facts.active[0].running_s is None
    assert _state(facts) is LatencyState.UNKNOWN


@pytest.mark.parametrize("timestamp", ["", "yesterday", "nan", "inf", "-5", "1" * 400, "12.5", "7"])
def test_a_job_without_a_real_timestamp_has_no_age(raw: Any, observe: Any, timestamp: str) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=timestamp)
    assert observe().waiting[0].unknown_because == "it has no timestamp"


def test_a_timestamp_in_the_future_is_said_and_not_used(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() + 3_600_000)
    facts = observe()
    assert facts.longest_wait_s is None
    assert "3600 s in the future" in facts.waiting[0].unknown_because


def test_a_clock_that_is_a_little_ahead_is_no_wait(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() + 500)
    assert observe().longest_wait_s == 0


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"atm": 1}, "retried"),
        ({"ats": 2}, "retried"),
        ({"attemptsMade": 1}, "retried"),
        ({"processedOn": 1_795_000_000_000}, "retried"),
        ({"opts": json.dumps({"delay": 900_000})}, "promoted early"),
    ],
)
def test_what_a_hash_cannot_tell_is_unknown(
    raw: Any, observe: Any, fields: dict[str, Any], why: str
) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() - 600_000, **fields)
    facts = observe()
    assert facts.longest_wait_s is None
    assert why in facts.waiting[0].unknown_because


def test_a_flow_parent_by_its_hash_alone_is_unknown(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() - 600_000)
    raw.hset("bull:q:1:processed", "bull:child:9", "null")
    assert "child jobs" in observe().waiting[0].unknown_because


@pytest.mark.parametrize(
    ("children", "blocked"),
    [
        ([b"bull:child:9"], ("p",)),
        ([b"bull:child:8"], ()),
        ([b"bull:child:8", b"bull:child:9"], ("p",)),
        ([b"9", b"", b":", b"bull:child:", b"bull:list:9"], ()),
        ([], ()),
    ],
)
def test_a_parent_is_blocked_by_a_child_that_failed(
    raw: Any, observe: Any, children: list[bytes], blocked: tuple[str, ...]
) -> None:
    raw.zadd("bull:q:waiting-children", {"p": _now_ms()})
    raw.zadd("bull:child:failed", {"9": _now_ms()})
    raw.rpush("bull:list:failed", "9")
    for child in children:
        raw.sadd("bull:q:p:dependencies", child)
    assert observe().blocked_parents == blocked


@pytest.mark.parametrize("command", ["sscan", "zscore", "sismember"])
def test_parents_that_may_not_be_looked_at_are_unknown(
    server: Server, raw: Any, command: str
) -> None:
    raw.zadd("bull:q:waiting-children", {"p": _now_ms()})
    raw.zadd("bull:child:failed", {"9": _now_ms()})
    raw.sadd("bull:q:p:dependencies", "bull:child:9")
    raw.acl_setuser(
        "most", enabled=True, nopass=True, keys=["*"], commands=["+@all", f"-{command}"]
    )
    url = f"redis://most:any@127.0.0.1:{server.port}"
    queue = Queue(prefix=b"bull", name=b"q")
    with connected(parse_endpoint(url), "queue", timeout_s=10) as limited:
        facts = observe_queues(limited, [queue])[queue]
    assert facts.blocked_parents is None
    assert facts.counts.waiting_children == 1


def test_whether_a_queue_is_paused_is_unknown_where_meta_is_no_hash(raw: Any, observe: Any) -> None:
    raw.set("bull:q:meta", "x")
    assert observe().paused is None
    raw.set("bull:q:meta-paused", 1)
    assert observe().paused is True


@pytest.mark.parametrize("opts", ["{", "[]", '"text"', '{"delay": "x"}', '{"delay": 1e400}',
                                  "[" * 100_000])  # fmt: skip
def test_options_that_are_no_options_do_not_matter(raw: Any, observe: Any, opts: str) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() - 5_000, opts=opts)
    assert observe().longest_wait_s == pytest.approx(5, abs=0.5)


def test_the_original_delay_counts_after_a_promotion(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:wait", "1")
    _job(raw, "1", timestamp=_now_ms() - 10_000, opts=json.dumps({"delay": 7_000}))
    assert observe().longest_wait_s == pytest.approx(3, abs=0.5)


def test_the_oldest_of_many_jobs_is_at_the_right_end(raw: Any, observe: Any) -> None:
    for job in range(20):
        raw.lpush("bull:q:wait", job)
        _job(raw, str(job), timestamp=_now_ms() - 60_000 + job * 1_000)
    facts = observe()
    assert [job.job_id for job in facts.waiting[:5]] == ["0", "1", "2", "3", "4"]
    assert facts.longest_wait_s == pytest.approx(60, abs=0.5)


def test_the_newest_end_counts_too_where_the_oldest_is_fresh(raw: Any, observe: Any) -> None:
    for job in range(20):  # the first one starves behind LIFO jobs
        raw.rpush("bull:q:wait", job)
        _job(raw, str(job), timestamp=_now_ms() - 60_000 + job * 1_000)
    facts = observe()
    assert facts.waiting[0].job_id == "0"


def test_a_bull_queue_is_paused_by_a_key_of_its_own(raw: Any, observe: Any) -> None:
    raw.set("bull:q:meta-paused", 1)
    facts = observe()
    assert (facts.flavour, facts.paused) == ("bull", True)


def test_a_paused_list_of_an_old_version_is_read(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:paused", "2", "1")
    raw.hset("bull:q:meta", "paused", 1)
    _job(raw, "1", timestamp=_now_ms() - 9_000)
    _job(raw, "2", timestamp=_now_ms() - 1_000)
    facts = observe()
    assert (facts.paused, facts.counts.paused, facts.counts.backlog) == (True, 2, 2)
    assert facts.longest_wait_s == pytest.approx(9, abs=0.5)
    assert facts.waiting[0].state == "paused"


def test_markers_in_the_wait_list_are_no_jobs(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:wait", "0:1795000000000")
    facts = observe()
    assert (facts.counts.waiting, facts.waiting) == (0, ())
    assert _state(facts) is LatencyState.IDLE


def test_stall_candidates_are_not_stalled_jobs(raw: Any, observe: Any) -> None:
    raw.sadd("bull:q:stalled", "1", "2", "3")
    raw.rpush("bull:q:active", "1")
    raw.set("bull:q:1:lock", "token", px=30_000)
    (job,) = observe().active
    assert job.lock_ms is not None


def test_meta_without_a_version_is_a_queue(raw: Any, client: Client, observe: Any) -> None:
    raw.hset("bull:q:meta", "opts.maxLenEvents", 10_000)
    (queue,) = discover(client, prefix="bull").queues
    facts = observe()
    assert (queue.title, facts.flavour, facts.version) == ("q", "bullmq", None)


def test_a_version_that_is_no_version_is_not_shown(raw: Any, observe: Any) -> None:
    raw.hset("bull:q:meta", "version", "bullmq:<script>alert(1)</script>")
    assert observe().version is None


def test_what_only_looks_like_a_queue_is_none(raw: Any, client: Client) -> None:
    raw.hset("bull:q:meta", "version", "bullmq:5.1.0")
    raw.hset("bull:q:repeat:meta", "name", "tick")  # a scheduler with the id `meta`
    raw.hset("bull:q:repeat:id", "name", "tick")
    raw.hset("bull:q:user:meta", mapping={"name": "a job with the id user:meta", "data": "{}"})
    raw.set("bull:list:meta", "text")
    raw.set("bull:words:id", "no number")
    raw.set("other:q:id", "5")
    raw.set("bull:id", "5")
    assert [queue.title for queue in discover(client, prefix="bull").queues] == ["q"]


@pytest.mark.parametrize("prefix", ["bull", "{bull}", "bull:bundle", "a*b", "a[b]c", "what?", "\\"])
def test_queues_are_found_under_any_prefix(raw: Any, client: Client, prefix: str) -> None:
    raw.hset(f"{prefix}:render:meta", "version", "bullmq:5.1.0")
    raw.hset(f"{prefix}:a:b:c:meta", "version", "bullmq:5.1.0")
    raw.set(f"{prefix}:old:bull:id", "5")
    raw.hset("axb:other:meta", "version", "bullmq:5.1.0")
    found = [queue.title for queue in discover(client, prefix=prefix).queues]
    assert found == ["a:b:c", "old:bull", "render"]


def test_names_that_are_not_text_are_kept_and_escaped(raw: Any, client: Client) -> None:
    names = [
        b"\xff\xfe",
        "naïve".encode(),
        b"a\x1b[31mb",
        b"new\nline",
        "\u202egnp".encode(),
        b"\\xff",
    ]
    for name in names:
        raw.hset(b"bull:" + name + b":meta", "version", "bullmq:5.1.0")
        raw.rpush(b"bull:" + name + b":wait", name)
        raw.hset(b"bull:" + name + b":" + name, mapping={b"name": name, b"timestamp": _now_ms()})
    queues = discover(client, prefix="bull").queues
    assert {queue.name for queue in queues} == set(names)
    titles = [queue.title for queue in queues]
    assert len(set(titles)) == len(names)
    for facts in observe_queues(client, queues).values():
        for text in (facts.queue, facts.waiting[0].job_id, facts.waiting[0].name):
            assert text
            assert text.isprintable()


def test_configured_queues_come_first_and_absent_ones_are_told(raw: Any, client: Client) -> None:
    for name in ("zebra", "apple"):
        raw.hset(f"bull:{name}:meta", "version", "bullmq:5.1.0")
    raw.rpush("bull:only:wait", "1")  # a queue of which no meta is left
    found = discover(client, prefix="bull", configured=["zebra", "bundle:render", "only"])
    assert [queue.title for queue in found.queues] == ["zebra", "only", "apple"]
    assert [queue.title for queue in found.absent] == ["bundle:render"]
    assert not found.incomplete_because
    unscanned = discover(client, prefix="bull", configured=["zebra"], scan=False)
    assert [queue.title for queue in unscanned.queues] == ["zebra"]


def test_an_audit_that_runs_out_of_time_says_so(raw: Any, client: Client) -> None:
    pipe = raw.pipeline(transaction=False)
    for number in range(5_000):
        pipe.set(f"key:{number}", 1)
    pipe.execute()
    ticks = iter(range(100))
    found = discover(client, prefix="bull", budget_s=2, clock=lambda: float(next(ticks)))
    assert found.incomplete_because
    assert "more keys than could be scanned" in found.incomplete_because


def test_a_name_that_is_too_long_to_look_at_is_said_to_be_there(raw: Any, client: Client) -> None:
    raw.hset(f"bull:{'n' * 1_000}:meta", "version", "bullmq:5.1.0")
    raw.set(f"bull:{'x' * 9_000}-valid", "ends as `id` does, and is no key of a queue")
    found = discover(client, prefix="bull")
    assert [len(queue.name) for queue in found.queues] == [1_000]
    assert not found.incomplete_because
    raw.hset(f"bull:{'n' * 1_025}:meta", "version", "bullmq:5.1.0")
    found = discover(client, prefix="bull")
    assert [len(queue.name) for queue in found.queues] == [1_000]
    assert found.incomplete_because == "names of more than 1024 bytes are not looked at"


def test_a_queue_deleted_midway_is_gone_and_no_error(raw: Any, client: Client) -> None:
    raw.hset("bull:q:meta", "version", "bullmq:5.1.0")
    raw.rpush("bull:q:wait", "1")
    (queue,) = discover(client, prefix="bull").queues
    raw.flushall()
    facts = observe_queues(client, [queue])[queue]
    assert not facts.exists
    assert facts.counts.backlog == 0


class _Interfering(Client):
    """A client between whose round trips a job is taken and removed."""

    def __init__(self, client: Client, interfere: Callable[[], None]) -> None:
        self._inner = client
        self._interfere = interfere

    def ask(self, *command: Any) -> Any:
        return self._inner.ask(*command)

    def ask_all(self, *commands: Any, **options: Any) -> list[Any]:
        replies = self._inner.ask_all(*commands, **options)
        self._interfere()
        return replies


def test_a_job_taken_between_the_two_trips_is_looked_for_again(raw: Any, client: Client) -> None:
    raw.rpush("bull:q:wait", "2", "1")
    for job in ("1", "2"):
        _job(raw, job, timestamp=_now_ms() - 5_000)
    gone: list[str] = []

    def take() -> None:
        if not gone:
            gone.append(raw.rpop("bull:q:wait"))
            raw.delete("bull:q:1")

    queue = Queue(prefix=b"bull", name=b"q")
    facts = observe_queues(_Interfering(client, take), [queue])[queue]
    assert [job.job_id for job in facts.waiting] == ["2"]
    assert facts.counts.waiting == 1


def test_ten_thousand_jobs_due_in_one_millisecond(raw: Any, observe: Any) -> None:
    due = _now_ms() - 60_000
    members = {f"job{number}": due * 4096 + number % 4096 for number in range(10_000)}
    raw.zadd("bull:q:delayed", members)
    raw.zadd("bull:q:delayed", {"far": (_now_ms() + 3_600_000) * 4096})
    facts = observe()
    assert facts.counts.delayed == 10_001
    assert facts.overdue_s == pytest.approx(60, abs=0.5)
    assert facts.longest_wait_s == facts.overdue_s


def test_a_delayed_job_that_is_never_due_is_not_overdue(raw: Any, observe: Any) -> None:
    raw.zadd("bull:q:delayed", {"a": float("inf")})
    facts = observe()
    assert (facts.overdue_s, facts.waiting, facts.problems) == (0, (), ())


@pytest.mark.parametrize("score", [0, -1e300, float("-inf"), 1.7e9 * 4096, 1.7e12])
def test_delayed_jobs_that_are_due_at_no_time_of_a_job_are_not_known_to_be_in_time(
    raw: Any, observe: Any, score: float
) -> None:
    """A worker would promote them at once; such a time may be in seconds, or no score at all."""
    raw.zadd("bull:q:delayed", {"a": score})
    facts = observe()
    assert (facts.overdue_s, facts.waiting) == (None, ())
    (problem,) = facts.problems
    assert problem.startswith("1 delayed job is due at a time before 2009")
    assert _state(facts) is LatencyState.UNKNOWN


def test_a_repeatable_job_of_an_old_version_may_have_its_job(raw: Any, observe: Any) -> None:
    raw.zadd("bull:q:repeat", {"tick:::Europe/Berlin:* * * * *": _now_ms() - 60_000})
    (scheduler,) = observe().schedulers
    assert (scheduler.job_exists, scheduler.finished) == (None, False)
    assert scheduler.overdue_s == pytest.approx(60, abs=0.5)


def test_a_scheduler_past_its_end_is_finished(raw: Any, observe: Any) -> None:
    raw.zadd("bull:q:repeat", {"tick": _now_ms() - 60_000})
    raw.hset("bull:q:repeat:tick", mapping={"name": "tick", "endDate": _now_ms() - 1_000})
    (scheduler,) = observe().schedulers
    assert (scheduler.job_exists, scheduler.finished) == (False, True)


def test_a_next_job_without_an_age_proves_no_order(raw: Any, observe: Any) -> None:
    """The job that is next was retried, so its hash does not say since when it waits."""
    for job in range(40):
        raw.lpush("bull:q:wait", f"job{job}")
        age_ms = 90_000 if job == 20 else 1_000
        _job(raw, f"job{job}", timestamp=_now_ms() - age_ms)
    _job(raw, "job0", timestamp=_now_ms() - 1_000, attemptsMade=1, atm=1)
    facts = observe()
    assert facts.waiting[-1].job_id == "job0"
    assert facts.waiting[-1].age_s is None
    assert facts.longest_wait_s == pytest.approx(90, abs=0.5)
    assert not facts.waiting_in_order


def test_more_priorities_than_are_searched_leave_the_last_one_in(raw: Any, observe: Any) -> None:
    for priority in range(1, 100):
        raw.zadd("bull:q:prioritized", {f"p{priority}": (priority << 32) + priority})
        _job(raw, f"p{priority}", timestamp=_now_ms() - 1_000, priority=priority)
    _job(raw, "p99", timestamp=_now_ms() - 90_000, priority=99)
    facts = observe()
    assert facts.waiting[0].job_id == "p99"
    assert facts.longest_wait_s == pytest.approx(90, abs=0.5)


def test_priorities_that_were_not_all_read_may_hide_an_older_job(raw: Any, observe: Any) -> None:
    for priority in range(1, 100):
        raw.zadd("bull:q:prioritized", {f"p{priority}": (priority << 32) + priority})
    facts = observe()
    assert (facts.waiting_in_order, facts.waiting_unseen) == (False, True)
    assert 40 <= facts.waiting_seen < 99
    raw.zremrangebyrank("bull:q:prioritized", 0, 67)
    facts = observe()
    assert (facts.waiting_seen, facts.waiting_unseen) == (31, False)


@pytest.mark.parametrize("place", [0, 5, 6, 7, 30, 499, 2_000, 3_993, 3_998, 3_999])
def test_the_oldest_job_is_found_between_lifo_and_fifo_jobs(
    raw: Any, observe: Any, place: int
) -> None:
    """Ages grow from both ends of the list towards it, by 1 ms a job."""
    now_ms, length = _now_ms(), 4_000
    pipe = raw.pipeline(transaction=False)
    for offset in range(length):  # from the end that is next
        age_ms = 90_000 if offset == place else 9_000 - abs(offset - place)
        pipe.lpush("bull:q:wait", f"job{offset}")
        pipe.hset(f"bull:q:job{offset}", mapping={"timestamp": now_ms - age_ms, "opts": "{}"})
    pipe.execute()
    facts = observe()
    assert facts.waiting[0].job_id == f"job{place}"
    assert facts.waiting_unseen is (place > 0)
    assert facts.waiting_seen < 80


def test_a_long_list_in_order_is_not_suspected(raw: Any, observe: Any) -> None:
    now_ms = _now_ms()
    pipe = raw.pipeline(transaction=False)
    for job in range(1_000):  # the clocks of two producers differ by half a second
        pipe.lpush("bull:q:wait", job)
        added = now_ms - 60_000 + 10 * job - 500 * (job % 2)
        pipe.hset(f"bull:q:{job}", mapping={"timestamp": added, "opts": "{}"})
    pipe.execute()
    facts = observe()
    assert (facts.waiting_unseen, facts.waiting[0].job_id in {"0", "1"}) == (False, True)


@pytest.mark.parametrize("place", [0, 49, 50, 99, 100, 449, 899, 900])
def test_one_of_many_active_jobs_without_a_lock_is_found(
    raw: Any, observe: Any, place: int
) -> None:
    count = 901
    raw.rpush("bull:q:active", *range(count))
    raw.mset({f"bull:q:{job}:lock": "token" for job in range(count) if job != place})
    facts = observe()
    assert [job.job_id for job in facts.active if job.lock_ms is None] == [str(place)]
    assert (facts.active_seen, facts.locked) == (count, count - 1)


def test_more_active_jobs_than_are_looked_at_are_counted(raw: Any, observe: Any) -> None:
    raw.rpush("bull:q:active", *range(3_000))
    raw.mset({f"bull:q:{job}:lock": "token" for job in range(3_000)})
    facts = observe()
    assert (facts.counts.active, facts.active_seen, len(facts.active)) == (3_000, 1_050, 100)
    raw.delete(*(f"bull:q:{job}:lock" for job in range(3_000)))
    facts = observe()  # then only those that were read one by one
    assert (facts.active_seen, facts.locked) == (200, 0)


@pytest.mark.parametrize("place", [0, 49, 50, 449, 899, 900])
def test_one_of_many_schedulers_without_its_job_is_found(
    raw: Any, observe: Any, place: int
) -> None:
    count, next_ms = 901, _now_ms() + 60_000
    pipe = raw.pipeline(transaction=False)
    for number in range(count):
        pipe.zadd("bull:q:repeat", {f"tick{number}": next_ms + number})
        pipe.hset(f"bull:q:repeat:tick{number}", "name", "tick")
        if number != place:
            pipe.hset(f"bull:q:repeat:tick{number}:{next_ms + number}", "name", "tick")
    pipe.execute()
    facts = observe()
    lost = [one.scheduler_id for one in facts.schedulers if one.job_exists is False]
    assert (lost, facts.schedulers_seen) == ([f"tick{place}"], count)


def test_more_schedulers_than_are_looked_at_are_counted(raw: Any, observe: Any) -> None:
    next_ms = _now_ms() + 60_000
    pipe = raw.pipeline(transaction=False)
    for number in range(3_000):
        pipe.zadd("bull:q:repeat", {f"tick{number}": next_ms})
        pipe.set(f"bull:q:repeat:tick{number}:{next_ms}", "a job")
    pipe.execute()
    facts = observe()
    assert (facts.schedulers_seen, facts.schedulers_total) == (1_050, 3_000)


def test_failures_are_counted_from_the_events_of_the_last_hour(raw: Any, observe: Any) -> None:
    now_ms = _now_ms()
    for ago_s in (7_300, 3_700, 3_500, 1_800, 10):
        fields = {"event": "failed", "jobId": ago_s, "failedReason": f"no file {ago_s}"}
        raw.xadd("bull:q:events", fields, id=f"{now_ms - ago_s * 1_000}-0")
    facts = observe()
    assert (facts.failed_events, facts.failed_last_hour) == (3, 0)
    assert [(one.reason, one.count) for one in facts.failed_reasons] == [("no file #", 3)]
    assert facts.history_from_ms <= facts.at_ms - 3_600_000


def test_an_event_stream_of_something_else_is_no_history_of_jobs(raw: Any, observe: Any) -> None:
    for fields in ({"a": "b"}, {"event": "waiting"}, {"event": "active", "jobId": "\xff"},
                   {"event": "delayed", "jobId": "1", "delay": "soon"},
                   {"event": "waiting", "jobId": "1", "prev": "delayed"},
                   {"event": "active", "jobId": "1"}):  # fmt: skip
        raw.xadd("bull:q:events", fields)
    facts = observe()
    assert facts.pick_ups == ()
    assert judge_latency(facts, limit_s=2, window_s=300).p95_s is None


def test_a_trimmed_history_begins_where_it_begins(raw: Any, observe: Any) -> None:
    raw.hset("bull:q:meta", "opts.maxLenEvents", 1_000)
    pipe = raw.pipeline(transaction=False)
    for job in range(4_000):
        pipe.execute_command("XADD", "bull:q:events", "*", "event", "waiting", "jobId", job)
    pipe.execute()
    raw.xtrim("bull:q:events", maxlen=1_000, approximate=False)
    (first, _), *_ = raw.xrange("bull:q:events", count=1)
    assert observe().history_from_ms == int(first.partition(b"-")[0])


def test_a_history_that_was_never_trimmed_is_whole(raw: Any, observe: Any) -> None:
    raw.hset("bull:q:meta", "opts.maxLenEvents", 50)
    for job in range(90):
        raw.xadd("bull:q:events", {"event": "waiting", "jobId": job})
    first_ms = int(raw.xrange("bull:q:events", count=1)[0][0].partition(b"-")[0])
    counted = "entries-added" in raw.xinfo_stream("bull:q:events")  # from Redis 7 on
    begins = observe().history_from_ms
    assert begins < first_ms if counted else begins == first_ms


def test_a_history_longer_than_may_be_read_begins_where_reading_ended(
    raw: Any, client: Client
) -> None:
    pipe = raw.pipeline(transaction=False)
    for at_ms in range(5_000):
        entry = f"{_now_ms() - 5_000 + at_ms}-{at_ms}"
        pipe.execute_command("XADD", "bull:q:events", entry, "event", "waiting", "jobId", at_ms)
    pipe.execute()
    ids = [int(entry.partition(b"-")[0]) for entry, _ in raw.xrevrange("bull:q:events", count=3000)]
    queue = Queue(prefix=b"bull", name=b"q")
    for events, read in ((0, 200), (1_000, 1_000), (2_999, 2_999)):
        facts = observe_queues(client, [queue], events=events)[queue]
        assert facts.history_from_ms == ids[read - 1]


def test_where_connections_may_not_be_listed_that_is_said(
    raw: Any, server: Server, observe: Any
) -> None:
    raw.execute_command("ACL", "SETUSER", "blind", "on", ">blind", "~bull:*", "+@read", "+info")
    raw.set("bull:q:stalled-check", int(time.time() * 1000), px=30_000)
    url = f"redis://blind:blind@127.0.0.1:{server.port}"
    with connected(parse_endpoint(url), "queue", timeout_s=5) as client:
        client_list = list_clients(client)
    workers = workers_of(Queue(prefix=b"bull", name=b"q"), observe(), [client_list, client_list])
    assert (workers.known, workers.alive) == (False, True)
    assert "no permission for CLIENT LIST on queue" in workers.because


def test_a_denied_command_is_named(raw: Any, server: Server) -> None:
    raw.execute_command("ACL", "SETUSER", "half", "on", ">half", "~bull:*", "+@read", "-llen",
                        "+time", "+multi", "+exec")  # fmt: skip
    url = f"redis://half:half@127.0.0.1:{server.port}"
    queue = Queue(prefix=b"bull", name=b"q")
    with (
        connected(parse_endpoint(url), "queue", timeout_s=5) as client,
        pytest.raises(CannotLook, match="no permission for LLEN on queue"),
    ):
        observe_queues(client, [queue])
