"""Times requests that are sent on a schedule, whether or not earlier requests were answered.

A client that waits for each reply before it sends the next request hides a stall: while it waits
it sends nothing. Here every request is sent on time, even if earlier requests wait for their
replies, and a slow network builds no queue. So the server can delay a *reply*, but never a *send*.
So the clock of a request starts:

- at the moment when it is passed to the socket. If that is late, our own timer is to blame.
- at its intended moment if the server does not let us send, because it has `MOST_IN_FLIGHT`
  requests to answer or accepts no more bytes. Such a request is never sent: it counts as
  unanswered, with the time until all requests before it had their replies.

The schedule is a burst of ten requests every 50 ms, which is 200 a second. The first request of a
burst finds an idle machine, and includes the time to wake it up (0.2 ms in a virtual machine); the
others see the server as a busy client does. They are sent 0.2 ms apart, or sooner if the request
before has its reply. So a burst observes one moment, and all ten requests see a stall at that
moment. While replies are fast, the first 0.1 ms of waiting for a reply is spent without sleeping.

A request without a reply by the end counts with the time that it has waited, which is less than
its latency. If this process itself did not run (suspended, or starved of CPU), requests that came
due are left out, and the pause is recorded as unseen and not added to any latency. Shorter delays
of our own (say, another thread has the interpreter's lock) are in the latencies, and how much of
each they may be is recorded: a reply came after the last look that found none. While replies are
due, no two looks are meant to be more than 2 ms apart.

Requests that come due between the loss of a connection and the next one count as unanswered, too.
"""

import functools
import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from redis_runbook.probes.latency.framing import ConnectionLost, take_replies, why_lost
from redis_runbook.probes.latency.percentile import percentile
from redis_runbook.probes.latency.recording import Glance, Recording
from redis_runbook.probes.latency.schedule import (
    BURST,
    BURST_GAP_S,
    scheduled_offset,
    start_of_turn,
)

MOST_IN_FLIGHT: Final = 2000
_SPIN_S: Final = 0.0001
_FAST_REPLY_S: Final = 0.0003
_PAUSE_S: Final = 0.05
_POLL_S: Final = 0.1
_LONGEST_WAIT_S: Final = 0.002
_SLACK_S: Final = 0.001
_GLANCE_SAMPLES: Final = 200
_MAX_RECV_BYTES: Final = 1 << 16
_WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that runs while the machine is suspended, so that a suspension shows as a pause."""

_clock = functools.partial(time.clock_gettime, _CLOCK)


class _Request(NamedTuple):
    offset_s: float
    started: float
    sent: bool


class OpenLoop:
    """Sends `requests` in turn on one connected socket, for one window, and times the replies."""

    def __init__(
        self, sock: socket.socket, requests: Sequence[bytes], *, window_s: float, timeout_s: float
    ) -> None:
        """Prepare; each request is one command whose RESP2 reply is one simple or bulk value."""
        self._recording = Recording(sent=[0] * len(requests))
        self._socket = sock
        self._requests = requests
        self._window_s = window_s
        self._timeout_s = timeout_s
        self._pending: deque[_Request] = deque()
        self._in_flight = 0
        self._received = bytearray()
        self._unsent = b""
        self._next = 0
        self._begin = 0.0
        self._burst_started = 0.0
        self._spin_until = 0.0
        self._replies_fast = True
        self._give_up = 0.0
        self._nothing_came = 0.0

    def run(self, stop: threading.Event) -> Recording:
        """Sample for the window, then wait for outstanding replies, at most `timeout_s`.

        After `stop` is set, it ends within a tenth of a second.
        """
        self._begin = start_of_turn(_clock())
        self._give_up = self._begin + self._window_s + self._timeout_s
        return self._run(stop)

    def resume(self, sock: socket.socket, stop: threading.Event) -> Recording:
        """Continue on another connection after a loss; otherwise as `run`."""
        self._socket = sock
        self._received.clear()
        self._unsent = b""
        self._in_flight = 0
        self.miss()
        self._recording.error = ""
        return self._run(stop)

    def miss(self) -> None:
        """Record the requests that came due since the connection was lost as unanswered."""
        now = self._nothing_came = _clock()  # there is nothing to look at without a connection
        since_s, until_s = self._recording.elapsed_s, min(now - self._begin, self._window_s)
        self._recording.lost.append((since_s, until_s))
        while (offset_s := scheduled_offset(self._next)) < until_s:
            self._next += 1
            self._record(_Request(offset_s, self._begin + offset_s, sent=False), now)
            self._recording.unanswered += 1

    @property
    def over(self) -> bool:
        """Whether the window has ended."""
        return _clock() >= self._begin + self._window_s

    def glance(self) -> Glance:
        """The progress of the window; may be called from another thread."""
        now = _clock()
        waiting_ms = [(now - request.started) * 1000 for request in self._pending.copy()]
        latest_ms = sorted(
            [*self._recording.latencies_ms[-_GLANCE_SAMPLES:], *waiting_ms][-_GLANCE_SAMPLES:]
        )
        return Glance(
            elapsed_s=max(0.0, min(now - self._begin, self._window_s)),
            window_s=self._window_s,
            n=len(self._recording.latencies_ms),
            p95_ms=percentile(latest_ms, 0.95) if latest_ms else None,
        )

    def _run(self, stop: threading.Event) -> Recording:
        recording = self._recording
        try:
            self._socket.setblocking(False)
            self._sample(stop)
        except (ConnectionLost, OSError) as error:
            recording.elapsed_s = min(self._window_s, _clock() - self._begin)
            why = why_lost(error)
            recording.error = f"connection lost after {recording.elapsed_s:.1f} s: {why}"
        now = _clock()
        recording.silent = bool(self._pending)
        recording.unanswered += len(self._pending)
        while self._pending:
            self._record(self._pending.popleft(), now)
        return recording

    def _sample(self, stop: threading.Event) -> None:
        due: float | None = self._begin
        self._recording.elapsed_s = self._window_s
        while True:
            if stop.is_set():
                due = None
                now = _clock()
                sampled_s = max(0.0, now - self._begin)
                self._recording.elapsed_s = min(self._recording.elapsed_s, sampled_s)
                self._give_up = min(self._give_up, now + _POLL_S)
            if due is None and (not self._in_flight or _clock() >= self._give_up):
                return
            asleep = _clock()
            wake = self._wait(self._give_up if due is None else due)
            awake = _clock()
            if awake - wake > _PAUSE_S:
                self._leave_out(min(asleep, wake), awake)
            self._receive()
            if due is not None:
                due = self._send_due()

    def _wait(self, until: float) -> float:
        """Wait for a reply, at most until `until`; returns when it intended to return."""
        now = _clock()
        spins = now < self._spin_until
        if self._in_flight:
            until = min(until, self._spin_until if spins else now + _LONGEST_WAIT_S)
        if until <= now:
            return until
        if not self._in_flight:
            time.sleep(until - now)
        elif spins:
            self._spin(until)
        else:
            write = [self._socket] if self._unsent else []
            select.select([self._socket], write, [], until - now)
        return until

    def _spin(self, until: float) -> None:
        """Wait without sleeping, as waking up would take as long as the reply.

        It yields the CPU to other processes, one of which may be the server.
        """
        while not self._receive() and _clock() < until:
            os.sched_yield()

    def _leave_out(self, since: float, now: float) -> None:
        """Record a pause in which this process did not run.

        A reply may have come at any moment of the pause, so pending requests do not count it.
        """
        pause_s = now - since
        start_s, end_s = max(0.0, since - self._begin), min(now - self._begin, self._window_s)
        if start_s < end_s:
            self._recording.unseen.append((start_s, end_s))
        while scheduled_offset(self._next) < end_s:
            self._next += 1
        self._pending = deque(
            request._replace(started=request.started + pause_s) for request in self._pending
        )
        self._give_up += pause_s

    def _send_due(self) -> float | None:
        """Send the due requests; returns when the next is due, or None at the window's end."""
        while True:
            offset_s = scheduled_offset(self._next)
            if offset_s >= self._window_s:
                return None
            place = self._next % BURST
            due = self._burst_started + place * BURST_GAP_S if place else self._begin + offset_s
            now = _clock()
            if now - self._begin - offset_s > _PAUSE_S:
                return self._begin + offset_s  # late because we did not run: `_leave_out` follows
            if due > now and (self._in_flight or not place):
                return due
            if not place:
                self._burst_started = now
            self._next += 1
            if self._unsent:
                self._push(self._unsent)
            if self._unsent or self._in_flight >= MOST_IN_FLIGHT:
                self._pending.append(_Request(offset_s, due, sent=False))
                continue
            number = self._next % len(self._requests)
            now = _clock()
            self._spin_until = now + _SPIN_S if self._replies_fast else now
            self._push(self._requests[number])
            self._recording.sent[number] += 1
            self._pending.append(_Request(offset_s, now, sent=True))
            self._in_flight += 1

    def _push(self, request: bytes) -> None:
        try:
            taken = self._socket.send(request)
        except _WOULD_BLOCK:
            taken = 0
        self._unsent = request[taken:]

    def _receive(self) -> bool:
        """Receive what has arrived; returns whether anything has."""
        if not self._in_flight:
            return False
        if self._unsent:
            self._push(self._unsent)
        looked = _clock()
        try:
            chunk = self._socket.recv(_MAX_RECV_BYTES)
        except _WOULD_BLOCK:
            self._nothing_came = looked
            return False
        now = _clock()
        if not chunk:
            raise ConnectionLost("closed by the server")
        self._received += chunk
        for _ in range(take_replies(self._received, self._recording.errors)):
            self._answered(now)
        return True

    def _answered(self, now: float) -> None:
        if not self._in_flight:
            raise ConnectionLost("the server sent more replies than it was asked for")
        request = self._pending.popleft()
        self._in_flight -= 1
        self._replies_fast = now - request.started < _FAST_REPLY_S
        self._record(request, now)
        while self._pending and not self._pending[0].sent:
            self._record(self._pending.popleft(), now)
            self._recording.unanswered += 1

    def _record(self, request: _Request, now: float) -> None:
        latency_s = max(0.0, now - request.started)
        unseen_s = min(latency_s, now - self._nothing_came)
        own_s = unseen_s if unseen_s > _LONGEST_WAIT_S + _SLACK_S else 0.0
        self._recording.offsets_s.append(request.offset_s)
        self._recording.latencies_ms.append(latency_s * 1000)
        self._recording.own_delays_ms.append(own_s * 1000)
