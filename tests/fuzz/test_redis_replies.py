"""A real server's replies, changed at random, to everything that we ask a server."""

import contextlib
import datetime as dt
import random
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import RedisError

from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.judging.data_kept import Baseline
from redis_runbook.judging.queue_latency import judge_latency
from redis_runbook.probes.bullmq.clients import list_clients
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import workers_of
from redis_runbook.probes.clients import clients_facts
from redis_runbook.probes.cluster import ask_cluster
from redis_runbook.probes.inventory import take_inventory
from redis_runbook.probes.jwt_cache import observe_jwt_cache
from redis_runbook.probes.jwt_refresh import observe_expiries
from redis_runbook.probes.keyspace import keyspace_facts
from redis_runbook.probes.latency.histogram import take_snapshot, traffic_between
from redis_runbook.probes.memory import memory_facts
from redis_runbook.probes.persistence import persistence_facts
from redis_runbook.probes.replication import replication_facts
from redis_runbook.probes.server import read_info, server_facts
from redis_runbook.probes.slowlog import read_slowlog
from redis_runbook.redact import Shown
from redis_runbook.session.baseline import parse, render
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word, connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.fuzz.examples import changed, failure, seeds, tried
from tests.support.bullmq_fill import fill
from tests.support.servers import Server, running
from tests.support.targets import config

Look = Callable[[Client], object]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("--slowlog-log-slower-than", "0", "--latency-tracking", "yes") as server:
        raw = server.client()
        for name in ("render", "mail"):
            fill(raw, name, waiting=60, delayed=30, events=200)
        raw.set("jwt:1", "x", ex=100)
        raw.zadd("bull:render:waiting-children", {"7": 1})
        raw.hset("bull:render:7", mapping={"name": "parent", "timestamp": 1, "opts": "{}"})
        raw.client_setname("bull:cmVuZGVy:w:one")
        yield server


class _Changed(Client):
    """A client whose replies are changed before anybody sees them."""

    by: random.Random
    rate: float

    def ask_all(self, *commands: tuple[Word, ...], **options: Any) -> list[Any]:
        return [
            failure(self.by)
            if self.by.random() < self.rate / 4
            else changed(reply, self.by, self.rate)
            for reply in super().ask_all(*commands, **options)
        ]


def _facts(client: Client) -> None:
    info = read_info(client).fields
    for read in (server_facts, memory_facts, keyspace_facts):
        with contextlib.suppress(CannotLook):
            read(info)
    with contextlib.suppress(CannotLook):
        replication_facts(info, ask=lambda: info, longest_s=0, pause=lambda _: True)
    for ask in (clients_facts, persistence_facts):
        with contextlib.suppress(CannotLook, RedisError):
            ask(client, info)


def _histogram(client: Client) -> object:
    return traffic_between(take_snapshot(client), take_snapshot(client), sent={"ping": 1})


def _queues(client: Client) -> object:
    found = discover(client, prefix="bull", configured=["render"]).queues
    client_lists = [list_clients(client), list_clients(client)]
    return [
        (workers_of(queue, facts, client_lists), judge_latency(facts, limit_s=2, window_s=300))
        for queue, facts in observe_queues(client, found).items()
    ]


def _inventory(client: Client) -> None:
    """What was counted, whatever the answers, is a snapshot that can be read again."""
    settings = ServiceSettings.model_validate({"role": "queue"})
    service = Service(name="queue", settings=settings, endpoint=None)
    taken = take_inventory(client, service, config(jwt_cache={"service": "queue"}))
    baseline = Baseline(at=dt.datetime.now(dt.UTC), services={Shown("queue"): taken})
    assert parse(render(baseline)).services == baseline.services


LOOKS: dict[str, Look] = {
    "info": _facts,
    "slowlog": read_slowlog,
    "cluster": lambda client: ask_cluster(client, is_node=True),
    "jwt": lambda client: observe_jwt_cache(client, pattern="jwt:*", enough=9, budget_s=1),
    "jwt refresh": lambda client: observe_expiries(client, "jwt:*", "cache", max_calls=20),
    "histogram": _histogram,
    "queues": _queues,
    "inventory": _inventory,
}


@pytest.mark.parametrize("name", LOOKS)
@tried
@given(seed=seeds, rate=st.sampled_from([0.002, 0.01, 0.05, 0.3]))
def test_a_changed_reply_gives_facts_or_a_reason(
    server: Server, name: str, seed: int, rate: float
) -> None:
    with connected(parse_endpoint(server.url), "queue", timeout_s=5) as client:
        fuzzed = _Changed(client._connection, "queue")
        fuzzed.by, fuzzed.rate = random.Random(seed), rate  # noqa: S311
        with contextlib.suppress(CannotLook, RedisError):
            LOOKS[name](fuzzed)


PIECES = (
    *(b"*3\r\n", b"*-1\r\n", b"*2147483648\r\n", b"$5\r\n", b"$-1\r\n", b"$99999999999\r\n"),
    *(
        b":1\r\n",
        b":x\r\n",
        b":" + b"9" * 400 + b"\r\n",
        b"+OK\r\n",
        b"-ERR no\r\n",
        b"-LOADING\r\n",
        b"hello\r\n",
    ),
    *(b"%1\r\n", b"_\r\n", b">2\r\n", b"\r\n", b"\x00", b"*1\r\n" * 2_000),
)


@tried
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=40))
def test_any_bytes_are_a_reply_or_none(pieces: list[bytes]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1000)
                connection.sendall(b"".join(pieces))

        threading.Thread(target=answer, daemon=True).start()
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
        with (
            contextlib.suppress(CannotLook, RedisError),
            connected(parse_endpoint(url), "queue", timeout_s=1) as client,
        ):
            client.ask_all(("PING",), ("INFO",), ("GET", "a"))
