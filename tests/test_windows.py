"""How long each service is looked at, and what a window makes of gaps in it."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redis_runbook.config.model import Config, ServiceSettings
from redis_runbook.config.profiles import PROFILES
from redis_runbook.judging.window import Outcome, Span, WindowJudgement, judge_window
from redis_runbook.probes.latency import openloop
from redis_runbook.probes.latency.openloop import OpenLoop, Recording, scheduled_offset
from redis_runbook.probes.latency.sample import LatencyFacts, sample_latency
from redis_runbook.probes.slowlog import read_slowlog
from redis_runbook.session.run import Run
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests import product
from tests.servers import Server, running

LIMIT_MS = 50.0


def run_of(profile: str, *windows: str, config: str = "{}") -> Run:
    services = {
        "queue": ServiceSettings(role="queue"),
        "cache": ServiceSettings(role="cache"),
        "old": ServiceSettings(role="cache", enabled=False),
    }
    return Run(
        Config.model_validate({"services": services, **json.loads(config)}),
        PROFILES[profile],
        environ={},
        windows=windows,
    )


@pytest.mark.parametrize(
    ("profile", "given_", "windows_s", "deadline_s"),
    [
        ("smoke", [], {"queue": 2, "cache": 2}, 30),
        ("gate", [], {"queue": 30, "cache": 30}, 90),
        ("nightly", [], {"queue": 300, "cache": 600}, 720),
        ("nightly", ["cache=30s"], {"queue": 300, "cache": 30}, 420),
        ("smoke", ["queue=5m", "cache=1m30s"], {"queue": 300, "cache": 90}, 328),
        ("gate", ["queue=3", "queue=2s"], {"queue": 2, "cache": 30}, 90),
    ],
)
def test_each_profile_looks_for_as_long_as_it_says(
    profile: str, given_: list[str], windows_s: dict[str, float], deadline_s: float
) -> None:
    run = run_of(profile, *given_)

    assert run.windows_s == windows_s
    assert run.window_s == max(windows_s.values())
    assert run.deadline_s == deadline_s


def test_a_window_is_no_longer_than_the_limit_needs_and_no_shorter_than_two_seconds() -> None:
    limits = {"command_p95_for_s": "20s", "queue_latency_for_s": "1s"}
    settings_ = {name: {"role": name, "limits": limits} for name in ("queue", "cache")}
    config = json.dumps({"services": settings_})

    assert run_of("nightly", config=config).windows_s == {"queue": 2, "cache": 20}
    assert run_of("gate", config=config).windows_s == {"queue": 2, "cache": 20}
    assert run_of("smoke", config=config).windows_s == {"queue": 2, "cache": 2}


def test_a_configured_deadline_stays_as_it_is() -> None:
    assert run_of("nightly", config='{"deadline_s": 60}').deadline_s == 60


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("quue=5m", "there is no such service; the nearest is queue"),
        ("old=5m", "there is no such service"),
        ("=5m", "there is no such service"),
        ("5m", "there is no such service"),
        ("queue", "not a duration"),
        ("queue=", "not a duration"),
        ("queue=5x", "not a duration"),
        ("queue=-5", "not a duration"),
        ("queue=nan", "not a duration"),
        ("queue=inf", "not a duration"),
        ("queue=999999999999h", "not a duration"),
        ("queue=1s", "too short to judge, 2 s is the least"),
        ("\x1b[31m=2s", r"--window \x1b[31m=2s: there is no such service"),
    ],
)
def test_a_window_that_is_none_is_refused(window: str, words: str) -> None:
    with pytest.raises(ValueError, match="--window") as refused:
        run_of("smoke", window)
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


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
    assert (window.outcome, window.over_s) == (Outcome.OVER_IN_PART, 3)
    assert [step.over for step in window.steps] == [False, False, True, True, True, False]
    assert 2_300 < max(facts.samples_ms) < 2_800
    assert window.n > 1_100


def test_a_server_that_freezes_until_the_end_is_over_since(seen: Seen) -> None:
    facts = seen[freezes_for_good]
    assert [step.over for step in judged(facts).steps] == [False, True, True]
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
    assert [step.over for step in judged(facts).steps] == [False, True, True]
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


# --- Gaps, in simulated time: any of them ---

ROUND_TRIP_S = 0.0003


@dataclass
class World:
    """FAKE: a clock, a server that freezes, and a process that is stopped while it waits."""

    freezes: Sequence[Span] = ()
    pauses: list[Span] = field(default_factory=list)
    now: float = 100.0
    replies: deque[float] = field(default_factory=deque)
    stops_at_reading: int = -1
    readings: int = 0

    def clock(self) -> float:
        self.readings += 1
        self.now += 2 if self.readings == self.stops_at_reading else 1e-6
        return self.now

    def until(self, wake: float) -> None:
        while self.pauses and self.pauses[0][0] <= max(wake, self.now):
            wake = max(wake, self.pauses.pop(0)[1])
        self.now = max(self.now, wake)

    def sleep(self, seconds: float) -> None:
        self.until(self.now + seconds)

    def select(self, _read: object, _write: object, _error: object, seconds: float) -> None:
        reply = self.replies[0] if self.replies else self.now + seconds
        self.until(min(reply, self.now + seconds))

    def setblocking(self, _: bool) -> None:  # noqa: FBT001
        pass

    def send(self, request: bytes) -> int:
        served = self.now + ROUND_TRIP_S / 2
        for since, to in self.freezes:
            served = to if since <= served < to else served
        self.replies.append(served + ROUND_TRIP_S / 2)
        return len(request)

    def recv(self, _: int) -> bytes:
        count = 0
        while self.replies and self.replies[0] <= self.now:
            self.replies.popleft()
            count += 1
        if not count:
            raise BlockingIOError(errno.EAGAIN, "nothing yet")
        return b"+PONG\r\n" * count

    def run(self, window_s: float) -> tuple[float, Recording]:
        """When the window began, and what was measured."""
        with (
            mock.patch.object(openloop, "_clock", self.clock),
            mock.patch.object(openloop, "time", SimpleNamespace(sleep=self.sleep)),
            mock.patch.object(openloop, "select", SimpleNamespace(select=self.select)),
        ):
            loop = OpenLoop(self, [b"PING\r\n"], window_s=window_s, timeout_s=2)  # type: ignore[arg-type]
            recording = loop.run(threading.Event())
            return loop._begin, recording


def spans(least_s: float, most_s: float, latest_s: float) -> st.SearchStrategy[list[Span]]:
    """Up to three stretches that do not touch, in absolute time of a `World`."""

    def placed(gaps: list[tuple[float, float]]) -> list[Span]:
        edges = [100.2]
        for apart_s, length_s in gaps:
            edges += [edges[-1] + apart_s, edges[-1] + apart_s + length_s]
        found = list(zip(edges[1::2], edges[2::2], strict=True))
        return [span for span in found if span[1] < 100 + latest_s]

    return st.lists(st.tuples(st.floats(0.2, 2), st.floats(least_s, most_s)), max_size=3).map(
        placed
    )


WINDOW_S = 5.0


@settings(max_examples=40, deadline=None)
@given(spans(0.2, 2.5, WINDOW_S))
def test_whenever_we_did_not_run_that_is_unseen_and_no_samples_latency(pauses: list[Span]) -> None:
    world = World(pauses=list(pauses))
    began, recording = world.run(WINDOW_S)

    assert max(recording.latencies_ms) < 60
    assert len(recording.unseen) == len(pauses)
    for (since, to), (paused, resumed) in zip(recording.unseen, pauses, strict=True):
        assert since == pytest.approx(paused - began, abs=0.11)
        assert to == pytest.approx(resumed - began, abs=0.001)
    assert list(recording.offsets_s) == [
        offset_s
        for offset_s in OFFSETS
        if not any(since <= offset_s < to for since, to in recording.unseen)
    ]
    assert recording.unanswered == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 5_000))
def test_wherever_in_its_work_our_process_stops_it_makes_up_for_nothing(reading: int) -> None:
    _, recording = World(stops_at_reading=reading).run(WINDOW_S)

    assert sum(to - since for since, to in recording.unseen) == pytest.approx(2, abs=0.1)
    assert sum(recording.sent) == len(recording.offsets_s) < 0.64 * len(OFFSETS)
    assert sum(latency_ms > 60 for latency_ms in recording.latencies_ms) <= openloop.BURST


@settings(max_examples=40, deadline=None)
@given(spans(0.06, 2.5, WINDOW_S + 1.5))
def test_whenever_the_server_freezes_each_request_tells_how_long(freezes: list[Span]) -> None:
    world = World(freezes=freezes)
    began, recording = world.run(WINDOW_S)

    assert recording.unseen == []
    assert list(recording.offsets_s) == OFFSETS
    for offset_s, latency_ms in zip(recording.offsets_s, recording.latencies_ms, strict=True):
        sent = began + offset_s
        waits = [to - sent for since, to in freezes if since <= sent < to]
        truth_ms = 1000 * (max(waits, default=0) + ROUND_TRIP_S)
        near_an_edge = any(abs(sent - edge) < 0.004 for span in freezes for edge in span)
        assert near_an_edge or abs(latency_ms - truth_ms) < 4
    frozen_s = [min(to, began + WINDOW_S) - since for since, to in freezes]
    window = judge_window(
        recording.offsets_s, recording.latencies_ms, window_s=WINDOW_S, limit=LIMIT_MS
    )
    assert window.over_s > 0 or max(frozen_s, default=0) < 0.2


OFFSETS = [offset for number in range(1_000) if (offset := scheduled_offset(number)) < WINDOW_S]


# --- What a long window costs, and what SLOWLOG tells ---


def test_ten_minutes_are_two_megabytes_and_judged_at_once() -> None:
    recording = Recording()
    for number in range(120_000):
        recording.offsets_s.append(scheduled_offset(number))
        recording.latencies_ms.append(number % 97 / 10)
    size = sum(sys.getsizeof(own) for own in (recording.offsets_s, recording.latencies_ms))
    started_s = time.process_time()
    window = judge_window(recording.offsets_s, recording.latencies_ms, window_s=600, limit=LIMIT_MS)
    took_s = time.process_time() - started_s
    assert window.n == 120_000
    assert len(window.steps) == 60
    assert size < 2.5e6
    assert took_s < 1


def test_slowlog_entries_age_by_the_servers_clock() -> None:
    with running("--slowlog-log-slower-than", "1000", "--enable-debug-command", "yes") as server:
        server.client().execute_command("DEBUG", "SLEEP", 0.05)
        ages_s = []
        for _ in range(2):
            with connected(parse_endpoint(server.url), "cache", timeout_s=2) as client:
                (entry,) = read_slowlog(client).entries
            ages_s.append(entry.age_s)
            time.sleep(1.2)
    assert 0 <= ages_s[0] < 1.5  # entries have whole seconds
    assert all(1.1 < later_s - earlier_s < 2 for earlier_s, later_s in pairwise(ages_s))
