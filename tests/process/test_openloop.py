"""The fixed schedule, against peers that misbehave and a process that is put to sleep."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from redis_runbook.probes.latency import openloop
from redis_runbook.probes.latency.openloop import OpenLoop
from redis_runbook.probes.latency.recording import Recording
from redis_runbook.probes.latency.schedule import scheduled_offset

PING = b"*1\r\n$4\r\nPING\r\n"
pytestmark = pytest.mark.quiet

Peer = Callable[[socket.socket], None]


def sample(
    peer: Peer, *, window_s: float = 0.2, timeout_s: float = 0.3, stop_after_s: float | None = None
) -> Recording:
    """Sample a peer that runs in a thread, over a socket pair."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def run() -> None:
        with contextlib.suppress(ConnectionError):
            peer(theirs)

    with ours, theirs:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        if stop_after_s is not None:
            threading.Timer(stop_after_s, stop.set).start()
        recording = OpenLoop(ours, [PING], window_s=window_s, timeout_s=timeout_s).run(stop)
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    return recording


def answering(reply: bytes) -> Peer:
    """A peer that sends as many replies as it gets requests."""

    def peer(connection: socket.socket) -> None:
        pending = 0
        while received := connection.recv(4096):
            pending += len(received)
            connection.sendall(reply * (pending // len(PING)))
            pending %= len(PING)

    return peer


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def slow(connection: socket.socket) -> None:
    """Answers after a while, so that requests are outstanding all the time."""
    while received := connection.recv(4096):
        time.sleep(0.06)
        connection.sendall(b"+PONG\r\n" * (len(received) // len(PING)))


def test_every_scheduled_request_is_sampled_once_and_in_order() -> None:
    recording = sample(answering(b"+PONG\r\n"))

    assert list(recording.offsets_s) == [scheduled_offset(number) for number in range(40)]
    assert max(recording.latencies_ms) < 100
    assert (recording.unanswered, recording.error, recording.elapsed_s) == (0, "", 0.2)


def test_requests_leave_on_schedule_while_the_peer_is_silent() -> None:
    recording = sample(silent)

    assert recording.unanswered == 40
    assert list(recording.latencies_ms) == pytest.approx(
        [(0.5 - offset_s) * 1000 for offset_s in recording.offsets_s], abs=40
    )


def test_requests_that_may_not_leave_count_from_when_they_should_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openloop, "MOST_IN_FLIGHT", 5)
    sent = 0

    def peer(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(1, socket.MSG_PEEK)  # the window begins
        time.sleep(0.3)
        while received := connection.recv(4096):
            sent += len(received) // len(PING)
            connection.sendall(b"+PONG\r\n" * (len(received) // len(PING)))

    recording = sample(peer, window_s=0.5)
    stalled = [offset_s for offset_s in recording.offsets_s if offset_s < 0.25]

    assert len(recording.latencies_ms) == 100
    assert recording.unanswered >= len(stalled) - 5
    assert recording.unanswered + sent == 100
    for offset_s, latency_ms in zip(stalled, recording.latencies_ms, strict=False):
        assert latency_ms == pytest.approx((0.3 - offset_s) * 1000, abs=60)


def test_a_peer_that_takes_no_bytes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openloop, "BURST_GAP_S", 0.0)
    huge = b"*2\r\n$4\r\nPING\r\n$100000\r\n" + b"x" * 100_000 + b"\r\n"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        recording = OpenLoop(ours, [huge], window_s=0.2, timeout_s=0.1).run(threading.Event())

    assert (recording.unanswered, len(recording.latencies_ms)) == (40, 40)
    assert recording.latencies_ms[-1] == pytest.approx(150, abs=40)


def test_stop_ends_it_at_once_and_waits_a_tenth_of_a_second_for_replies() -> None:
    started = time.monotonic()
    recording = sample(silent, window_s=60, timeout_s=60, stop_after_s=0.1)

    assert time.monotonic() - started < 0.5
    assert recording.elapsed_s == pytest.approx(0.1, abs=0.08)
    assert recording.error == ""


def test_stopped_before_it_begins_it_has_looked_at_nothing() -> None:
    recording = sample(silent, stop_after_s=0)

    assert recording.elapsed_s < 0.1
    assert recording.unanswered == len(recording.latencies_ms) <= 10


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 400 Bad Request\r\n", b"*1\r\n+PONG\r\n", b"$99999999999\r\n", b"$x\r\n", b"\r\n"],
)
def test_a_reply_of_an_unknown_shape_ends_it_and_is_not_quoted(reply: bytes) -> None:
    recording = sample(answering(reply))

    assert recording.error == (
        "connection lost after 0.0 s: the server sent a reply of an unknown shape"
    )


def test_a_reply_that_never_ends_is_not_kept() -> None:
    def peer(connection: socket.socket) -> None:
        for _ in range(4):
            connection.sendall(b"+" * (1 << 16))

    recording = sample(peer)

    assert recording.error.endswith("the server sent a reply of an unknown shape")


def test_more_replies_than_requests_end_it() -> None:
    recording = sample(answering(b"+PONG\r\n" * 3))

    assert recording.error.endswith("the server sent more replies than it was asked for")


def test_a_peer_that_closes_ends_it_with_the_time() -> None:
    def peer(connection: socket.socket) -> None:
        connection.recv(1, socket.MSG_PEEK)  # the window begins
        time.sleep(0.3)
        connection.recv(1 << 20)
        connection.shutdown(socket.SHUT_RDWR)

    recording = sample(peer, window_s=5)

    assert recording.error in {
        f"connection lost after {recording.elapsed_s:.1f} s: {how} by the server"
        for how in ("closed", "reset")  # reset where it is our next send that finds out
    }
    assert 0.29 < recording.elapsed_s < 0.5
    assert recording.unanswered == len(recording.latencies_ms) > 50


def test_a_pause_of_this_process_is_unseen_and_in_no_latency() -> None:
    program = (
        "import json\n"
        "from tests.process.test_openloop import sample, slow\n"
        "print('ready', flush=True)\n"
        "recording = sample(slow, window_s=1.0)\n"
        "print(json.dumps([recording.unseen, len(recording.latencies_ms),"
        " max(recording.latencies_ms), recording.unanswered]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(process.pid, signal.SIGCONT)
        unseen, n, max_ms, unanswered = json.loads(process.stdout.read())

    assert 0.3 < sum(to - since for since, to in unseen) < 0.6
    assert 90 <= n < 140
    assert max_ms < 250
    assert unanswered == 0
