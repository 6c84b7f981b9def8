"""How long each service is looked at, and what real gaps leave in a window."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from redis_runbook.judging.window import Outcome, WindowJudgement, judge_window
from redis_runbook.probes.latency import openloop
from redis_runbook.probes.latency.sample import LatencyFacts, sample_latency
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.servers import Server, running

LIMIT_MS = 50.0
pytestmark = pytest.mark.quiet


def test_a_wrong_window_is_bad_usage(folder: Path) -> None:
    done = product.run(folder, "smoke", "--window", "chache=5m")
    assert done.code == 4
    assert "--window chache=5m: there is no such service; the nearest is cache" in done.err


def test_windows_run_side_by_side_each_for_its_own_time(healthy: Server, folder: Path) -> None:
    arguments = ("smoke", "--window", "queue=4s", "--window=cache=3s", "--select", "latency")
    done = product.run(folder, *arguments, env=product.urls(healthy.url))
    assert done.code == 0, done.out
    assert " over 4.0 s " in done.message("latency.round_trip[queue]")
    assert " over 3.0 s " in done.message("latency.round_trip[cache]")
    assert done.results["extra"]["window_s"] == 4
    assert done.results["summary"]["stop"] - done.results["summary"]["start"] < 6_500


# --- Gaps, on real servers and processes ---


def sample(url: str, window_s: float, stop: threading.Event | None = None) -> LatencyFacts:
    return sample_latency(
        parse_endpoint(url),
        "cache",
        window_s=window_s,
        timeout_s=2,
        stop=stop or threading.Event(),
    )


def judged(facts: LatencyFacts) -> WindowJudgement:
    return judge_window(
        facts.offsets_s,
        facts.samples_ms,
        window_s=facts.judged_s,
        limit=LIMIT_MS,
        unseen=facts.unseen,
    )


@contextlib.contextmanager
def later(*events: tuple[float, Any]) -> Iterator[None]:
    """Do something so many seconds from now, while the block runs."""
    timers = [threading.Timer(after_s, act) for after_s, act in events]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
            timer.join(10)


def freezes_midway() -> LatencyFacts:
    with running() as server, later((2.1, server.freeze), (4.6, server.thaw)):
        return sample(server.url, 6)


def freezes_for_good() -> LatencyFacts:
    with running() as server, later((1.1, server.freeze)):
        return sample(server.url, 3)


def restarts() -> LatencyFacts:
    with (
        running() as server,
        later((1.2, server.stop), (2.1, lambda: server.start(wait=False))),
    ):
        return sample(server.url, 5)


def ends_for_good() -> LatencyFacts:
    with running() as server, later((1.2, server.stop)):
        return sample(server.url, 3)


def kills_our_connection() -> LatencyFacts:
    with running() as server:
        client = server.client()
        with later((0.8, lambda: client.client_kill_filter(_type="normal", skipme=True))):
            return sample(server.url, 2.5)


SCENES = [freezes_midway, freezes_for_good, restarts, ends_for_good, kills_our_connection]


@pytest.fixture(scope="module")
def seen() -> Mapping[Callable[[], LatencyFacts], LatencyFacts]:
    """What was sampled in each scene; they run side by side, each on a server of its own."""
    with ThreadPoolExecutor() as pool:
        running_ = {scene: pool.submit(scene) for scene in SCENES}
        return {scene: future.result(timeout=30) for scene, future in running_.items()}


Seen = Mapping[Callable[[], LatencyFacts], LatencyFacts]


def test_a_server_that_freezes_midway_is_over_for_as_long(seen: Seen) -> None:
    facts = seen[freezes_midway]
    window = judged(facts)
    assert facts.error is None
    assert window.outcome is Outcome.OVER_IN_PART
    assert window.over_s == pytest.approx(3)
    assert [step.over for step in window.steps] == [*[False] * 3, *[True] * 5, False, False]
    assert 2_300 < max(facts.samples_ms) < 2_800
    assert window.n > 1_100


def test_a_server_that_freezes_until_the_end_is_over_since(seen: Seen) -> None:
    facts = seen[freezes_for_good]
    over = [step.over for step in judged(facts).steps]
    assert (over[:3], over[4:]) == ([False] * 3, [True] * 6)
    assert facts.unanswered > 300
    assert "stopped answering" in facts.traffic.missing


def test_a_restart_within_the_window_is_over_only_while_it_lasts(seen: Seen) -> None:
    facts = seen[restarts]
    ((since_s, back_s),) = facts.lost
    window = judged(facts)
    assert facts.error is None
    assert 1 < since_s < 1.6
    assert 0.7 < back_s - since_s < 2
    assert window.steps[-1].over is False
    assert 1 <= window.over_s <= 3
    assert window.n > 950
    assert facts.unanswered > 100
    assert "was restarted within the window" in facts.traffic.missing


def test_a_killed_connection_is_opened_again(seen: Seen) -> None:
    facts = seen[kills_our_connection]
    assert facts.error is None
    assert len(facts.lost) == 1
    assert judged(facts).steps[-1].over is False
    assert len(facts.samples_ms) > 450


def test_a_connection_that_stays_lost_is_said_and_over_since(seen: Seen) -> None:
    facts = seen[ends_for_good]
    assert facts.error
    assert "connection lost after 1." in facts.error
    over = [step.over for step in judged(facts).steps]
    assert (over[:3], over[5:]) == ([False] * 3, [True] * 5)
    assert len(facts.samples_ms) > 550
    ((since_s, until_s),) = facts.lost
    assert 1 < since_s < 1.6
    assert until_s == 3


SAMPLE = """
import json, sys, threading
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.probes.latency.sample import sample_latency
facts = sample_latency(
    parse_endpoint(sys.argv[1]), "cache", window_s=4, timeout_s=2, stop=threading.Event(),
    begins=lambda _: print("begins", flush=True),
)
print(json.dumps([list(facts.offsets_s), list(facts.samples_ms), facts.unseen]))
"""


def test_a_stopped_process_of_ours_is_unseen_and_not_the_servers_delay(healthy: Server) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SAMPLE, healthy.url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    process.stdout.readline()
    time.sleep(1.2)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(1.6)
    os.kill(process.pid, signal.SIGCONT)
    out, _ = process.communicate(timeout=15)
    offsets_s, samples_ms, unseen = json.loads(out)
    since_s, to_s = max(unseen, key=lambda span: span[1] - span[0])
    window = judge_window(offsets_s, samples_ms, window_s=4, limit=LIMIT_MS, unseen=unseen)
    assert since_s == pytest.approx(1.2, abs=0.4)
    assert to_s - since_s == pytest.approx(1.6, abs=0.4)
    assert not [offset for offset in offsets_s if since_s + 0.1 < offset < to_s]
    assert max(samples_ms) < 1_000
    assert window.outcome is Outcome.WITHIN


def test_a_suspended_machine_is_a_gap_and_no_delay(healthy: Server) -> None:
    """FAKE: the clock that goes on while the machine is suspended jumps by ten minutes."""
    clock, stop = openloop._clock, threading.Event()
    suspended_at = clock() + 1

    def jumping() -> float:
        now = clock()
        return now + 600 if now > suspended_at else now

    with mock.patch.object(openloop, "_clock", jumping), later((2, stop.set)):
        facts = sample(healthy.url, 900, stop)
    since_s, to_s = max(facts.unseen, key=lambda span: span[1] - span[0])
    assert since_s == pytest.approx(1, abs=0.4)
    assert to_s - since_s == pytest.approx(600, abs=0.4)
    assert max(facts.samples_ms) < 1_000
    assert facts.elapsed_s == pytest.approx(602, abs=0.5)
    assert judged(facts).outcome is Outcome.TOO_FEW
