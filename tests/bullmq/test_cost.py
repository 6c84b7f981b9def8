"""What looking costs and leaves behind: nothing is written, and depth does not matter."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from redis_runbook.probes.bullmq.clients import list_clients
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import workers_of
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.bullmq_fill import fill
from tests.support.memory import little_memory
from tests.support.servers import Server, running

PROBE_USER = (
    "on >probe ~bull:* resetchannels -@all +@read -@dangerous +ping +time +info +client|list "
    "+client|setname +pubsub|numsub +config|get +multi +exec +select +hello +slowlog|get "
    "+latency|latest"
)
READS = {
    *("auth", "client|list", "client|setname", "exec", "exists", "getrange", "hget", "hmget"),
    *(
        "info",
        "lindex",
        "llen",
        "lrange",
        "multi",
        "pttl",
        "scan",
        "sismember",
        "sscan",
        "time",
        "xinfo|stream",
        "xrevrange",
    ),
    *("zcard", "zcount", "zrange", "zrangebyscore", "zrevrange", "zscore"),
}
_ADMIN = {"config|resetstat"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("--enable-debug-command", "local") as started:
        started.client().execute_command("ACL", "SETUSER", "probe", *PROBE_USER.split())
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    url = f"redis://probe:probe@127.0.0.1:{server.port}"
    with connected(parse_endpoint(url), "queue", timeout_s=10) as opened:
        yield opened


def _look(client: Client) -> int:
    """Everything that the probe can do; the number of queues found."""
    found = discover(client, prefix="bull", configured=["deep", "absent"])
    client_lists = [list_clients(client), list_clients(client)]
    for queue, facts in observe_queues(client, found.queues).items():
        workers_of(queue, facts, client_lists)
    return len(found.queues)


def _calls(raw: Any) -> dict[str, tuple[int, int]]:
    """How often each command was called since the statistics were reset, and its microseconds."""
    stats = raw.info("commandstats").items()
    return {
        name.removeprefix("cmdstat_"): (stat["calls"], stat["usec"])
        for name, stat in stats
        if name.removeprefix("cmdstat_") not in _ADMIN
    }


def test_looking_only_reads_and_changes_nothing(server: Server, client: Client) -> None:
    raw = server.client()
    raw.flushall()
    fill(raw, "deep", waiting=1_000, delayed=100, events=3_000)
    fill(raw, "bundle:render", waiting=10, delayed=0, events=0)
    digest = raw.execute_command("DEBUG", "DIGEST")
    raw.config_resetstat()
    assert _look(client) == 2
    called = set(_calls(raw))
    assert called <= READS
    assert {"scan", "hmget", "lrange", "xrevrange"} <= called  # the statistics were of us
    assert raw.execute_command("DEBUG", "DIGEST") == digest
    assert raw.info("stats")["unexpected_error_replies"] == 0
    assert not [entry for entry in raw.acl_log() if entry["username"] == "probe"]


def test_a_thousand_queues_take_few_round_trips(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = server.client()
    raw.flushall()
    pipe = raw.pipeline(transaction=False)
    for number in range(1_000):
        pipe.hset(f"bull:q{number}:meta", "version", "bullmq:5.81.5")
        pipe.lpush(f"bull:q{number}:wait", 1)
        pipe.hset(f"bull:q{number}:1", mapping={"timestamp": int(time.time() * 1000)})
    pipe.execute()
    trips = 0
    ask_all = Client.ask_all

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal trips
        trips += 1
        return ask_all(*arguments, **options)

    monkeypatch.setattr(Client, "ask_all", counted)
    queues = discover(client, prefix="bull", most=1_000).queues
    trips = 0
    facts = observe_queues(client, queues)
    assert len(facts) == 1_000
    assert all(one.counts.waiting == 1 for one in facts.values())
    # The time; of 50 queues each the snapshots and the jobs.
    assert trips == 1 + 20 * 2


@pytest.mark.parametrize(
    ("queues", "jobs", "returned_bytes"),
    [(60, 100, 5_000), (1, 100, 170_000), (4, 100, 45_000), (30, 1_500, 500)],
)
def test_what_jobs_return_may_be_large(
    server: Server, client: Client, queues: int, jobs: int, returned_bytes: int
) -> None:
    """An event holds it: all that is read has more than may be kept of it."""
    raw = server.client()
    raw.flushall()
    for idle in range(21):  # whose replies are small
        raw.hset(f"bull:idle{idle}:meta", "version", "bullmq:5.81.5")
    for number in range(queues):
        _fill_with_done(raw, f"q{number}", jobs, returned_bytes)
    found = discover(client, prefix="bull").queues
    with little_memory():
        facts = observe_queues(client, found)
    assert len(facts) == 21 + queues
    done = [one for one in facts.values() if one.counts.completed]
    assert len(done) == queues
    assert all(one.history_from_ms is not None and one.pick_ups for one in done)


def test_the_history_of_a_slow_queue_may_be_large(server: Server, client: Client) -> None:
    """Its newest events are small, and those before them, which tell how slow it was, are not."""
    raw = server.client()
    raw.flushall()
    _fill_with_done(raw, "slow", 1_666, 16_000)
    now_ms = int(time.time() * 1000)
    for job in range(100):
        raw.xadd("bull:slow:events", {"event": "waiting", "jobId": f"s{job}"}, id=f"{now_ms}-*")
    facts = observe_queues(client, [Queue(prefix=b"bull", name=b"slow")])
    (slow,) = facts.values()
    assert len(slow.pick_ups) == 1_666
    assert min(pick.waited_ms for pick in slow.pick_ups) == 2_000


def _fill_with_done(raw: Any, name: str, jobs: int, returned_bytes: int) -> None:
    """A queue whose jobs waited for 2 s, and returned so much each; its events alone."""
    key, now_ms = f"bull:{name}", int(time.time() * 1000)
    pipe = raw.pipeline(transaction=False)
    pipe.hset(f"{key}:meta", "version", "bullmq:5.81.5")
    pipe.zadd(f"{key}:completed", {"0": now_ms})
    returned = "x" * returned_bytes
    entries: list[tuple[int, dict[Any, Any]]] = []
    for job in range(jobs):
        added_ms = now_ms - 100_000 + 10 * job
        taken_ms = added_ms + 2_000
        about = {"jobId": job, "prev": "waiting"}
        entries.append((added_ms, {"event": "waiting", "jobId": job}))
        entries.append((taken_ms, {"event": "active", **about}))
        entries.append((taken_ms, {"event": "completed", **about, "returnvalue": returned}))
    for at_ms, fields in sorted(entries, key=lambda entry: entry[0]):
        pipe.xadd(f"{key}:events", fields, id=f"{at_ms}-*")
    pipe.execute()


@pytest.fixture
def deep_and_shallow(server: Server) -> Any:
    raw = server.client()
    raw.flushall()
    fill(raw, "deep", waiting=1_000_000, delayed=100_000, events=10_000)
    fill(raw, "shallow", waiting=100, delayed=100, events=10_000)
    return raw


@pytest.mark.timeout(120)
def test_a_million_waiting_jobs_cost_no_more_server_time_than_a_hundred(
    deep_and_shallow: Any, client: Client
) -> None:
    def server_time_ms(name: str) -> float:
        queue = Queue(prefix=b"bull", name=name.encode())
        deep_and_shallow.config_resetstat()
        observe_queues(client, [queue])
        calls = _calls(deep_and_shallow)
        # EXEC's own time holds that of the commands in its transaction.
        return sum(us for name, (_, us) in calls.items() if name not in {"exec", "info"}) / 1000

    rounds = [(server_time_ms("shallow"), server_time_ms("deep")) for _ in range(15)]
    shallow, deep = (min(times) for times in zip(*rounds, strict=True))
    # What reads all would take thousands of times as long; other work on the machine adds a little.
    assert deep / shallow < 3


def test_a_million_waiting_jobs_are_counted_and_the_oldest_is_found(
    deep_and_shallow: Any, client: Client
) -> None:
    queue = Queue(prefix=b"bull", name=b"deep")
    facts = observe_queues(client, [queue])[queue]
    assert (facts.counts.waiting, facts.counts.delayed) == (1_000_000, 100_000)
    oldest = facts.waiting[0]
    assert oldest.job_id == "0"
    true_s = (facts.at_ms - int(deep_and_shallow.hget("bull:deep:0", "timestamp"))) / 1000
    assert oldest.age_s == pytest.approx(true_s, abs=0.001)


def test_a_queue_that_is_long_everywhere_costs_no_more_than_one_half_as_long(
    server: Server, client: Client
) -> None:
    raw = server.client()
    calls = []
    for count in (3_000, 6_000):
        raw.flushall()
        _fill_everywhere(raw, count)
        raw.config_resetstat()
        observe_queues(client, [Queue(prefix=b"bull", name=b"long")])
        calls.append(sum(times for times, _ in _calls(raw).values()))
    assert calls[1] <= 1.1 * calls[0]
    assert calls[1] < 1_400


def _fill_everywhere(raw: Any, count: int) -> None:
    """Jobs that are LIFO, FIFO, prioritized and active, and schedulers, `count` of each."""
    key, now_ms = "bull:long", int(time.time() * 1000)
    pipe = raw.pipeline(transaction=False)
    for job in range(count):
        pipe.lpush(f"{key}:wait", job)
        pipe.rpush(f"{key}:wait", f"lifo{job}")
        for name, age_ms in (("", 60_000), ("lifo", 30_000), ("p", 1_000), ("a", 1_000)):
            added = {"timestamp": now_ms - age_ms + job, "opts": "{}"}
            pipe.hset(f"{key}:{name}{job}", mapping=added)
        pipe.zadd(f"{key}:prioritized", {f"p{job}": job << 32})
        pipe.lpush(f"{key}:active", f"a{job}")
        pipe.zadd(f"{key}:repeat", {f"tick{job}": now_ms + 60_000 + job})
    pipe.execute()
