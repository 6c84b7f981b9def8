"""Faults where a bounded look may miss them, on real queues: each is found, or it is said so."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, Actor, acting
from tests.support.bullmq_scene import LONG
from tests.support.queue_runs import CLOSE_S, Pass, config, last_pass, watching_reads
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until

OLD_S = 3.0
HOUR_MS = 3_600_000
FAR_MONTH = (time.gmtime().tm_mon + 5) % 12 + 1
LIBRARIES = ("bullmq5", "bullmq6")
NOT_FINE = {"warn", "unknown"}
"""Over the limit now: a warning, or unknown while workers may still be on their way."""
SOME, CROWD, MANY = 26, 150, 260

node = pytest.mark.parametrize("library", LIBRARIES)
pytestmark = pytest.mark.timeout(120)


@dataclass
class Samples:
    """Real queues on one server, what is true of them, and what a run of the product said."""

    server: Server
    begin: Callable[..., Actor]
    actors: dict[str, Actor] = field(default_factory=dict)
    added_ms: dict[str, float] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    outcome: product.Outcome = field(init=False)
    read: Pass = field(init=False)

    def actor(self, library: str) -> Actor:
        if library not in self.actors:
            self.actors[library] = self.begin(library, self.server.port)
        return self.actors[library]

    def add_many(
        self, queue: str, count: int, data: dict[str, Any] | None = None, **options: Any
    ) -> None:
        """Add jobs in one go; options that are callables are called with each job's number."""
        jobs = [
            {
                "name": "job",
                "data": data or {},
                "opts": {
                    name: value(number) if callable(value) else value
                    for name, value in options.items()
                },
            }
            for number in range(count)
        ]
        self.actor(queue.partition("-")[0]).tell("addBulk", queue=queue, jobs=jobs)

    def add_old(self, queue: str, **options: Any) -> None:
        """Add the job that will have waited longest when the product looks."""
        actor = self.actor(queue.partition("-")[0])
        self.added_ms[queue] = actor.add(queue, **options).at

    def waited_s(self, queue: str) -> Any:
        return self.read.waited_s(self.added_ms[queue])


def settle(samples: Samples) -> None:
    """What is there before the product looks: old jobs first, then those that hide them."""
    for library in LIBRARIES:
        samples.add_old(f"{library}-lifo-middle")
        samples.add_old(f"{library}-lifo-deep")
        samples.add_old(f"{library}-priorities", priority=35)
        samples.add_old(f"{library}-many-priorities", priority=250)
        samples.add_old(f"{library}-fifo")
    samples.add_old("bull-lifo-middle")
    samples.add_old("bull-priorities", priority=5)
    old = time.monotonic()
    for library in LIBRARIES:
        _schedule(samples, library)
        _occupy(samples, library)
        _fail(samples, library)
    time.sleep(max(0.0, OLD_S - (time.monotonic() - old)))
    for library in LIBRARIES:
        for story, lifo, fifo in (("lifo-middle", 20, 20), ("lifo-deep", 400, 3_000)):
            samples.add_many(f"{library}-{story}", lifo, lifo=True)
            samples.add_many(f"{library}-{story}", fifo)
        samples.add_many(f"{library}-fifo", 400)
        samples.add_many(f"{library}-priorities", 45, priority=lambda number: number + 1)
        samples.add_many(f"{library}-many-priorities", 300, priority=lambda number: number + 1)
        _date_back(samples, library)
    samples.add_many("bull-lifo-middle", 20, lifo=True)
    samples.add_many("bull-lifo-middle", 20)
    samples.add_many("bull-priorities", 80, priority=lambda number: number % 8 + 1)
    _date_back(samples, "bull")


def _schedule(samples: Samples, library: str) -> None:
    raw: Any = samples.server.client()
    actor = samples.actor(library)
    for story, count in (("some", SOME), ("some-lost", SOME), ("many", MANY), ("many-lost", MANY)):
        queue = f"{library}-schedule-{story}"
        for number in range(count):
            yearly = {"pattern": f"{number % 60} {number // 60} 1 {FAR_MONTH} *"}
            actor.tell(
                "queue", queue=queue, call="upsertJobScheduler", args=[f"tick{number}", yearly]
            )
        if story.endswith("lost"):
            ((scheduler, run),) = raw.zrange(
                f"bull:{queue}:repeat", count // 2 + 10, count // 2 + 10, withscores=True
            )
            samples.lost[queue] = scheduler.decode()
            assert raw.delete(f"bull:{queue}:repeat:{scheduler.decode()}:{int(run)}") == 1


def _occupy(samples: Samples, library: str) -> None:
    """Jobs that run for long; of some, one is without a lock, as if its worker had been killed."""
    raw: Any = samples.server.client()
    actor = samples.actor(library)
    for story, count in (("some", SOME), ("some-lost", SOME), ("crowd", CROWD),
                         ("crowd-lost", CROWD)):  # fmt: skip
        queue = f"{library}-active-{story}"
        options = {"concurrency": count, "stalledInterval": 1_000_000}
        actor.tell("worker", queue=queue, options=options)
        samples.add_many(queue, count, data=LONG)
        wait_until(lambda key=f"bull:{queue}:active", all_=count: raw.llen(key) == all_)
        if story.endswith("lost"):
            job = raw.lindex(f"bull:{queue}:active", count // 2 - 8).decode()
            samples.lost[queue] = job
            assert raw.delete(f"bull:{queue}:{job}:lock") == 1


def _fail(samples: Samples, library: str) -> None:
    raw: Any = samples.server.client()

    def failed(stream: str) -> int:
        return sum(fields[b"event"] == b"failed" for _, fields in raw.xrange(stream))

    behind = samples.begin(library, samples.server.port, ahead_ms=-2 * HOUR_MS)
    for story, actor, keep in (
        ("removed", samples.actor(library), {"removeOnFail": True}),
        ("behind", behind, {}),
        ("kept", samples.actor(library), {}),
    ):
        queue = f"{library}-failed-{story}"
        actor.tell("worker", queue=queue, options={"concurrency": 20})
        samples.add_many(queue, 30, data={"fails": 1}, **keep)
        wait_until(lambda stream=f"bull:{queue}:events": failed(stream) == 30)
    queue = f"{library}-failed-trimmed"
    samples.actor(library).tell("worker", queue=queue, options={"concurrency": 20})
    samples.add_many(queue, 200)
    wait_until(lambda: raw.zcard(f"bull:{queue}:completed") == 200)
    samples.add_many(queue, 1, data={"fails": 1}, removeOnFail=True)
    wait_until(lambda: failed(f"bull:{queue}:events") == 1)
    raw.xtrim(f"bull:{queue}:events", maxlen=100, approximate=False)
    queue = f"{library}-failed-capped"
    samples.actor(library).tell("worker", queue=queue, options={"concurrency": 20})
    samples.add_many(queue, 30, data={"fails": 1}, removeOnFail={"count": 5})
    wait_until(lambda stream=f"bull:{queue}:events": failed(stream) == 30)
    samples.add_many(queue, 700)  # four events each: more than are read of most queues
    wait_until(lambda key=f"bull:{queue}:completed": raw.zcard(key) == 700)


def _date_back(samples: Samples, library: str) -> None:
    """Fresh jobs that say of themselves that they are an hour old."""
    hour_ago = int(time.time() * 1000) - HOUR_MS
    samples.add_many(f"{library}-dated", 10)
    samples.add_old(f"{library}-dated", timestamp=hour_ago)
    samples.add_old(f"{library}-dated-alone", timestamp=hour_ago)
    samples.add_old(f"{library}-dated-delayed", timestamp=hour_ago, delay=60_000)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samples]:
    require(HAS_NODE_LIBRARIES, INSTALL)
    with running() as server, acting() as begin:
        played = Samples(server, begin)
        settle(played)
        limits = {"failed_per_hour": 20}
        queues = {
            f"{library}-failed-{story}": limits
            for library in LIBRARIES
            for story in ("removed", "behind", "kept", "trimmed", "capped")
        }
        with watching_reads(server) as reads:
            played.outcome = product.run(
                tmp_path_factory.mktemp("samples"),
                *("smoke", "--select", "queue"),
                env=product.urls(server.url),
                config=config(queues),
            )
        played.read = last_pass(reads)
        yield played


def finding(samples: Samples, check: str, queue: str) -> dict[str, Any]:
    return samples.outcome.finding(f"{check}[{queue}]")


@node
@pytest.mark.parametrize("story", ["some", "many"])
def test_a_scheduler_without_its_job_is_found_wherever_it_is(
    samples: Samples, library: str, story: str
) -> None:
    queue, count = f"{library}-schedule-{story}-lost", SOME if story == "some" else MANY
    found = finding(samples, "queue.schedulers", queue)
    assert (found["verdict"], found["observed"]) == ("fail", 1)
    sentence = f"{count} job schedulers of {queue}: {samples.lost[queue]} is orphaned"
    assert found["message"] == sentence
    twin = finding(samples, "queue.schedulers", f"{library}-schedule-{story}")
    assert twin["verdict"] == "pass"
    assert twin["message"].endswith(f"-{story}: each has its next run ahead")


@node
@pytest.mark.parametrize("story", ["some", "crowd"])
def test_a_job_without_a_lock_is_found_wherever_it_is(
    samples: Samples, library: str, story: str
) -> None:
    queue = f"{library}-active-{story}-lost"
    found = finding(samples, "queue.stalled", queue)
    assert (found["verdict"], found["observed"]) == ("fail", 1)
    assert found["evidence"]["stalled"][0].startswith(f"{samples.lost[queue]} (job), ")
    twin = finding(samples, "queue.stalled", f"{library}-active-{story}")
    assert (twin["verdict"], twin["observed"]) == ("pass", 0)
    assert twin["message"].endswith("have no lock")


@pytest.mark.parametrize(
    "queue",
    [
        *(f"{library}-{story}" for library in LIBRARIES
          for story in ("lifo-middle", "lifo-deep", "priorities", "fifo")),
        "bull-lifo-middle",
        "bull-priorities",
    ],
)  # fmt: skip
def test_the_job_that_waits_longest_is_found_wherever_it_is(samples: Samples, queue: str) -> None:
    found = finding(samples, "queue.latency", queue)
    assert found["verdict"] in NOT_FINE
    assert found["observed"] == samples.waited_s(queue)
    assert found["observed"] > OLD_S + CLOSE_S
    is_fifo = queue.endswith("fifo")
    assert ("not in order of age; " in found["message"]) is not is_fifo
    assert (" looked at" in found["message"]) is not is_fifo


@node
def test_where_there_are_too_many_priorities_the_sentence_says_so(
    samples: Samples, library: str
) -> None:
    found = finding(samples, "queue.latency", f"{library}-many-priorities")
    assert found["verdict"] in NOT_FINE
    assert re.search(r"; \d+ of 301 looked at", found["message"])


@node
@pytest.mark.parametrize(
    ("story", "kept"), [("removed", 0), ("behind", 30), ("kept", 30), ("capped", 5)]
)
def test_failures_count_that_are_not_kept_or_have_another_clock(
    samples: Samples, library: str, story: str, kept: int
) -> None:
    queue = f"{library}-failed-{story}"
    found = finding(samples, "queue.failures", queue)
    assert (found["verdict"], found["observed"], found["limit"]) == ("warn", 30, 20)
    assert found["message"] == (
        f"30 jobs of {queue} failed in the last hour (limit 20 an hour), {kept} are kept"
    )
    assert found["evidence"]["newest failures"] == [f"{min(10, kept or 10)} of: planned"]


@node
def test_failures_before_the_events_that_were_read_are_not_counted_as_none(
    samples: Samples, library: str
) -> None:
    found = finding(samples, "queue.failures", f"{library}-failed-trimmed")
    assert (found["verdict"], found["observed"]) == ("warn", 1)
    assert re.search(
        r"^1 job of \S+ failed in the \d+\.\d s whose events were read \(limit 20 an hour\), "
        r"0 are kept$",
        found["message"],
    )


@pytest.mark.parametrize("queue", [f"{library}-dated" for library in (*LIBRARIES, "bull")])
def test_a_fresh_job_with_an_old_timestamp_of_its_own_is_fresh(
    samples: Samples, queue: str
) -> None:
    found = finding(samples, "queue.latency", queue)
    assert found["verdict"] in NOT_FINE
    assert found["observed"] == samples.waited_s(queue)


@node
def test_an_event_tells_the_truth_about_a_timestamp(samples: Samples, library: str) -> None:
    queue = f"{library}-dated-alone"
    found = finding(samples, "queue.latency", queue)
    assert found["observed"] == samples.waited_s(queue)
    assert "timestamp" not in found["message"]


def test_a_timestamp_that_nothing_contradicts_is_named_as_such(samples: Samples) -> None:
    found = finding(samples, "queue.latency", "bull-dated-alone")
    assert (found["verdict"] in NOT_FINE, found["observed"] > HOUR_MS / 1000) == (True, True)
    assert re.search(r", now 60\.\d min by its own timestamp: no worker; ", found["message"])


@node
def test_a_delayed_job_with_an_old_timestamp_is_not_overdue_since_then(
    samples: Samples, library: str
) -> None:
    queue = f"{library}-dated-delayed"
    found = finding(samples, "queue.overdue", queue)
    assert found["observed"] == samples.waited_s(queue)
