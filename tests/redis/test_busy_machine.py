"""A process of ours that is kept from running, beside servers that are fast and slow."""

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.check import Broken, Held, Judge, Outcome, Ruling, Unknown
from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.probes.latency.sample import sample_latency
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import fake_tcp, product
from tests.support.delaying_proxy import delaying
from tests.support.servers import Server, running

pytestmark = pytest.mark.quiet


@contextlib.contextmanager
def busy(threads: int, turn_s: float) -> Iterator[None]:
    """So many threads that want the interpreter's lock all the time, each for `turn_s`."""
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            sum(range(200))

    before_s = sys.getswitchinterval()
    sys.setswitchinterval(turn_s)
    spinning = [threading.Thread(target=spin) for _ in range(threads)]
    for thread in spinning:
        thread.start()
    try:
        yield
    finally:
        done.set()
        sys.setswitchinterval(before_s)
        for thread in spinning:
            thread.join(10)


def judged(url: str) -> tuple[type[Outcome], Ruling]:
    """What `latency.command_p95` says of two seconds of that server."""
    facts = sample_latency(
        parse_endpoint(url), "cache", window_s=2, timeout_s=2, stop=threading.Event()
    )
    settings = ServiceSettings.model_validate({"role": "cache"})
    service = Service(name="cache", settings=settings, endpoint=None)
    check = importlib.import_module("redis_runbook.checks.test_latency")
    with pytest.raises(Outcome) as ended:
        check.test_command_p95(service, facts, Judge())
    return ended.type, ended.value.ruling


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.mark.parametrize(("threads", "turn_s"), [(4, 0.005), (1, 0.1)])
def test_a_machine_that_is_too_busy_does_not_blame_the_server(
    threads: int, turn_s: float, server: Server
) -> None:
    with busy(threads, turn_s):
        outcome, ruling = judged(server.url)
    assert outcome is Unknown, ruling.message
    assert "this machine was too busy to measure cache: " in ruling.message
    assert judged(server.url)[0] is Held


def test_a_slow_server_is_blamed_by_a_busy_machine_too(server: Server) -> None:
    with delaying(server.port, [150]) as slow, busy(1, 0.001):
        outcome, ruling = judged(f"redis://127.0.0.1:{slow.port}")
        healthy, said = judged(server.url)
    assert outcome is Broken, ruling.message
    assert healthy is Held, said.message


def test_an_exporter_that_sends_for_ever_leaves_latency_alone(folder: Path) -> None:
    with running() as server, fake_tcp.fake(fake_tcp.endless_trailers) as exporter:
        env = {**product.urls(server.url), "REDIS_EXPORTER_URL": exporter}
        done = product.run(folder, "smoke", "--select", "exporter", "latency", env=env)
    assert done.verdicts["exporter.reachable[cache]"] == "fail", done.out
    found = done.finding("latency.command_p95[cache]")
    assert (found["verdict"], found["observed"] < 10) == ("pass", True), found
