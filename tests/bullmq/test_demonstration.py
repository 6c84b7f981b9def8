"""The queues of throwaway servers have the keys and fields that BullMQ 5 itself writes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from redis_runbook.targets.demonstration import demonstrating
from redis_runbook.wire.endpoint import Endpoint
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, Actor, acting
from tests.support.requirements import require
from tests.support.servers import Server, running, wait_until
from tests.support.targets import config

QUEUE = {"queue": "render", "prefix": "bull:bundle"}
NAMED_BY_VALUE = re.compile(r"^bull:bundle:render:(?:\d+|repeat:nightly-bundles:\d+)$")
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    require(HAS_NODE_LIBRARIES, INSTALL)
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def real(server: Server) -> Iterator[Any]:
    """Database 0, in which BullMQ 5 has done what the demonstration shows."""
    with acting() as begin:
        actor: Actor = begin("bullmq5", server.port)
        actor.tell("worker", **QUEUE, options={"name": "demonstration"})
        actor.tell(
            "ask",
            **QUEUE,
            call="upsertJobScheduler",
            args=[
                "nightly-bundles",
                {"every": DAY_MS, "offset": 1},
                {"name": "render", "data": {"demonstration": True, "bundle": "nightly"}},
            ],
        )
        for bundle in "23":
            data = {"demonstration": True, "bundle": bundle}
            actor.tell("add", **QUEUE, name="render", data=data)
        client = server.client(db=0, decode_responses=True)
        wait_until(lambda: client.zcard("bull:bundle:render:completed") == 2)
        client.delete("bull:bundle:render:stalled-check")  # that of a worker; it is gone in 30 s
        yield client


@pytest.fixture(scope="module")
def made_up(server: Server) -> Iterator[Any]:
    """Database 1, with our demonstration."""
    endpoint = Endpoint(scheme="redis", host="127.0.0.1", port=server.port, database=1)
    with demonstrating(endpoint, "queue", config()):
        yield server.client(db=1, decode_responses=True)


def shape(value: object) -> object:
    """A value without its numbers."""
    if isinstance(value, str):
        try:
            return shape(json.loads(value))
        except ValueError:
            return re.sub(r"\d+", "#", value)
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "#" if isinstance(value, int | float) and not isinstance(value, bool) else value


def shapes(client: Any) -> dict[str, Any]:
    """What each key holds, numbers left out; jobs alike are one."""
    found: dict[str, Any] = {}
    for key in client.scan_iter():
        name = re.sub(r"\d+", "#", key) if NAMED_BY_VALUE.match(key) else key
        kind = client.type(key)
        found[name] = {
            "type": kind,
            "holds": shape(held(client, kind, key)),
            "expires": client.ttl(key) >= 0,
        }
    return found


def held(client: Any, kind: str, key: str) -> object:
    """A hash but for the library's version, a string, the first member, or events by kind."""
    match kind:
        case "hash":
            return {name: text for name, text in client.hgetall(key).items() if name != "version"}
        case "stream":
            return events_by_kind(client, key)
        case "zset":
            return client.zrange(key, 0, 0)
    return client.get(key)


def events_by_kind(client: Any, key: str) -> dict[str, Any]:
    """The fields of each kind of event, by the kind and whether it is about a scheduler's job."""
    return {
        f"{fields['event']} {fields['jobId'].startswith('repeat:')}": {**fields, "jobId": "any"}
        for _, fields in client.xrange(key)
    }


def test_every_key_has_the_type_and_the_fields_of_bullmq(real: Any, made_up: Any) -> None:
    assert shapes(made_up) == shapes(real)


def test_a_jobs_events_come_in_the_order_of_bullmq(real: Any, made_up: Any) -> None:
    def of_job(client: Any, job: str) -> list[str]:
        entries = client.xrange("bull:bundle:render:events")
        return [fields["event"] for _, fields in entries if fields["jobId"] == job]

    assert of_job(made_up, "2") == of_job(real, "2") == ["added", "waiting", "active", "completed"]
    job = made_up.zrange("bull:bundle:render:delayed", 0, -1)[0]
    assert of_job(made_up, job) == ["added", "delayed"]


def test_the_scheduled_job_lies_ahead_by_bullmqs_own_reckoning(made_up: Any) -> None:
    ((job, score),) = made_up.zrange("bull:bundle:render:delayed", 0, -1, withscores=True)
    ((scheduler, next_ms),) = made_up.zrange("bull:bundle:render:repeat", 0, -1, withscores=True)
    stored = made_up.hgetall(f"bull:bundle:render:repeat:{scheduler}")
    now_ms = int(made_up.time()[0]) * 1000
    assert job == f"repeat:{scheduler}:{int(next_ms)}"
    assert score == next_ms * 4096
    assert next_ms % DAY_MS == int(stored["offset"])
    assert 11 * 3_600_000 < next_ms - now_ms < 13 * 3_600_000


def test_the_worker_is_listed_as_one_of_bullmq(real: Any, made_up: Any) -> None:
    named = [one for one in made_up.client_list() if one["name"].startswith("bull:")]
    assert {one["name"] for one in named} == {"bull:bundle:cmVuZGVy:w:demonstration"}
    assert {(one["db"], one["flags"], one["cmd"]) for one in named} == {
        ("0", "b", "bzpopmin"),
        ("1", "b", "bzpopmin"),
    }
    assert real.ping()


def test_bullmq_reads_it(server: Server, made_up: Any) -> None:
    """Last, as a `Queue` of BullMQ writes its own version into the queue's meta."""
    assert made_up.hget("bull:bundle:render:meta", "version") == "redis-runbook:demonstration"
    with acting() as begin:
        actor = begin("bullmq5", server.port, database=1)

        def ask(call: str, *args: object) -> Any:
            return actor.tell("ask", **QUEUE, call=call, args=args)["result"]

        counts = {state: number for state, number in ask("getJobCounts").items() if number}
        assert counts == {"completed": 12, "delayed": 1}
        (scheduler,) = ask("getJobSchedulers")
        assert scheduler["key"] == "nightly-bundles"
        assert scheduler["name"] == "render"
        assert scheduler["every"] == DAY_MS
        assert scheduler["iterationCount"] == 1
        assert scheduler["template"]["data"] == {"demonstration": True, "bundle": "nightly"}
        (delayed,) = ask("getDelayed")
        assert delayed["timestamp"] + delayed["delay"] == scheduler["next"]
        completed = ask("getCompleted")
        assert {job["name"] for job in completed} == {"render"}
        assert all(job["timestamp"] < job["processedOn"] < job["finishedOn"] for job in completed)
