"""How long a client waits for replies: some 200 round trips a second, on a fixed schedule."""

import contextlib
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.latency.histogram import (
    NOT_ASKED,
    Snapshot,
    Traffic,
    take_snapshot,
    traffic_between,
)
from redis_runbook.probes.latency.openloop import OpenLoop
from redis_runbook.probes.latency.recording import Recording, Span
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word, connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed

_KEYS: Final = 32
_LONGEST_KEY: Final = 1024
_PING: Final[tuple[Word, ...]] = ("PING",)
_NO_TOUCH: Final = ("CLIENT", "NO-TOUCH", "ON")
"""Keeps the keys' idle time as it was."""

_AGAIN_S: Final = 0.2
_READS: Final[dict[bytes, tuple[Word, tuple[Word, ...]]]] = {
    b"string": ("GETRANGE", (0, 63)),
    b"hash": ("HLEN", ()),
    b"list": ("LLEN", ()),
    b"set": ("SCARD", ()),
    b"zset": ("ZCARD", ()),
    b"stream": ("XLEN", ()),
}
"""By type, a read that costs the same for a key of any size: its command, what follows the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyFacts:
    """Round trips to one service, about 200 a second for `window_s`.

    `samples_ms` and `offsets_s` (since the window began, as intended) belong together.
    `unanswered` of the samples had no reply by the end: theirs is how long they have waited.
    `elapsed_s` is how much of the window was sampled, `unseen` the stretches of it in which this
    process did not run, `lost` those without a connection, and `error`, where it is not None, how
    the connection was lost for good. `traffic` is what the server did for others meanwhile.

    All samples are kept, so every percentile is exact: 16 bytes each, 2 MB for ten minutes.
    """

    window_s: float
    elapsed_s: float
    workload: str
    samples_ms: "array[float]" = field(repr=False)
    offsets_s: "array[float]" = field(repr=False)
    unanswered: int
    unseen: Sequence[Span]
    error: str | None
    lost: Sequence[Span] = ()
    traffic: Traffic = NOT_ASKED

    @property
    def judged_s(self) -> float:
        """The window to judge: shorter where we stopped early, not where the connection was lost.

        What comes after a lost connection is the server's doing.
        """
        return self.elapsed_s if self.error is None else self.window_s


def look_at_latency(look: Look) -> LatencyFacts:
    """Sample the service for its window; raises as below."""
    return sample_latency(
        look.endpoint,
        look.service.name,
        window_s=look.window_s,
        timeout_s=look.service.limits.connect_s,
        stop=look.stop,
        begins=look.watch,
    )


def sample_latency(
    endpoint: Endpoint,
    service: str,
    *,
    window_s: float,
    timeout_s: float,
    stop: threading.Event,
    begins: Callable[[OpenLoop], None] = lambda _: None,
) -> LatencyFacts:
    """Measure round trips for `window_s`, or until `stop`; see `openloop` for what is measured.

    It does not end before that, whatever it sees: until its last step a window may still turn from
    within to over in part, from over throughout to over in part, and for how long it was over is
    part of every outcome. A lost connection is opened again, until the window's end.

    Reads of real keys where there are any that this user may read, PING otherwise; no value is
    fetched but the first 64 bytes of a string. Connecting and choosing keys takes six round trips
    and some 100 commands, and `timeout_s` at most for each of the two; the wait for replies after
    the window as much again, and the second look at the server's own counters, too. `begins` is
    called with the loop when it is about to run.

    Raises:
        CannotLook: choosing keys took too long.
        redis.exceptions.RedisError: the connection could not be opened, or was lost before the
            window began.
    """
    with connected(endpoint, service, timeout_s=timeout_s) as client:
        with client.time_limit(timeout_s):
            reads = _reads(client)
            before = take_snapshot(client)
        commands = reads or [_PING]
        loop = OpenLoop(
            client.raw_socket,
            [client.pack(*command) for command in commands],
            window_s=window_s,
            timeout_s=timeout_s,
        )
        begins(loop)
        recording = loop.run(stop)
    if recording.error:
        _resume(loop, recording, endpoint, service, timeout_s=timeout_s, stop=stop)
    after = Snapshot(missing=f"{service} stopped answering")
    if not (before.missing or recording.error or recording.silent):
        after = _last_snapshot(endpoint, service, timeout_s=timeout_s)
    sent: Counter[str] = Counter()
    for (name, *_), count in zip(commands, recording.sent, strict=True):
        sent[str(name).lower()] += count
    return LatencyFacts(
        window_s=window_s,
        elapsed_s=recording.elapsed_s,
        workload=f"reads of {len(reads)} random keys" if reads else "PING",
        samples_ms=recording.latencies_ms,
        offsets_s=recording.offsets_s,
        unanswered=recording.unanswered,
        unseen=tuple(recording.unseen),
        error=recording.error or None,
        lost=tuple(recording.lost),
        traffic=traffic_between(before, after, sent=sent),
    )


def _resume(
    loop: OpenLoop,
    recording: Recording,
    endpoint: Endpoint,
    service: str,
    *,
    timeout_s: float,
    stop: threading.Event,
) -> None:
    """Connect again and go on, as often as the connection is lost before the window's end."""
    while recording.error and not loop.over and not stop.wait(_AGAIN_S):
        with (
            contextlib.suppress(redis.RedisError, CannotLook),
            connected(endpoint, service, timeout_s=timeout_s) as client,
        ):
            client.ask_all(_NO_TOUCH)
            loop.resume(client.raw_socket, stop)
    if recording.error and loop.over:
        loop.miss()


def _last_snapshot(endpoint: Endpoint, service: str, *, timeout_s: float) -> Snapshot:
    """A snapshot on a connection of its own: the other may still owe replies."""
    try:
        with (
            connected(endpoint, service, timeout_s=timeout_s) as client,
            client.time_limit(timeout_s),
        ):
            return take_snapshot(client)
    except redis.RedisError as error:
        return Snapshot(missing=f"{service} {why_it_failed(error)}")


def _reads(client: Client) -> list[tuple[Word, ...]]:
    """Reads of up to 32 keys, each tried once."""
    _, *found = client.ask_all(_NO_TOUCH, *[("RANDOMKEY",)] * _KEYS)
    keys = sorted({key for key in found if isinstance(key, bytes) and len(key) <= _LONGEST_KEY})
    kinds: list[Any] = client.ask_all(*(("TYPE", key) for key in keys)) if keys else []
    reads: list[tuple[Word, ...]] = []
    for key, kind in zip(keys, kinds, strict=True):
        if isinstance(kind, bytes) and kind in _READS:
            command, arguments = _READS[kind]
            reads.append((command, key, *arguments))
    replies: list[Any] = client.ask_all(*reads) if reads else []
    return [
        read
        for read, reply in zip(reads, replies, strict=True)
        if not isinstance(reply, CannotLook)
    ]


PROBES: Final = (
    Probe(
        name="latency",
        facts=LatencyFacts,
        look=look_at_latency,
        needs=(ConnectionFacts,),
        wanted_by=("latency.round_trip", "latency.command_p95"),
        lane="latency",
        undisturbed=True,
    ),
)
