"""Gaps in a window, in simulated time: any of them. And what a long window costs."""

import errno
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redis_runbook.judging.window import judge_window
from redis_runbook.probes.latency import openloop
from redis_runbook.probes.latency.openloop import OpenLoop
from redis_runbook.probes.latency.recording import Recording, Span
from redis_runbook.probes.latency.schedule import BURST, scheduled_offset

LIMIT_MS = 50.0


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


@settings(max_examples=40)
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


@settings(max_examples=40)
@given(st.integers(10, 5_000))
def test_wherever_in_its_work_our_process_stops_it_makes_up_for_nothing(reading: int) -> None:
    _, recording = World(stops_at_reading=reading).run(WINDOW_S)

    assert sum(to - since for since, to in recording.unseen) == pytest.approx(2, abs=0.1)
    assert sum(recording.sent) == len(recording.offsets_s) < 0.64 * len(OFFSETS)
    assert sum(latency_ms > 60 for latency_ms in recording.latencies_ms) <= BURST


@settings(max_examples=40)
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


def test_ten_minutes_are_three_megabytes() -> None:
    recording = Recording()
    for number in range(120_000):
        recording.offsets_s.append(scheduled_offset(number))
        recording.latencies_ms.append(number % 97 / 10)
        recording.own_delays_ms.append(0)
    arrays = (recording.offsets_s, recording.latencies_ms, recording.own_delays_ms)
    size = sum(map(sys.getsizeof, arrays))
    window = judge_window(
        recording.offsets_s,
        recording.latencies_ms,
        window_s=600,
        limit=LIMIT_MS,
        own_delays=recording.own_delays_ms,
    )
    assert window.n == 120_000
    assert len(window.steps) == 60
    assert size < 3.5e6
