"""Samples a client's round trips: about 200 a second, on a fixed schedule."""

import contextlib
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import redis

from redis_runbook.probes.connection import ConnectionFacts, reach
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
from redis_runbook.probes.replies import error_code
from redis_runbook.redact import NO_TEXT, Shown, harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word, connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed
from redis_runbook.words import counted

_KEYS: Final = 32
_MAX_KEY_BYTES: Final = 1024
_FOUND: Final = "WRONGTYPE"
"""An error that is as good as a reply: the key was found, and has become another type."""

_ELSEWHERE: Final = (CannotLook, redis.exceptions.MovedError, redis.exceptions.AskError)
"""A read that this user may not run, or that another node of the cluster is to be asked for."""

_PING: Final[tuple[Word, ...]] = ("PING",)
_NO_TOUCH: Final = ("CLIENT", "NO-TOUCH", "ON")
"""Makes the server leave the idle time of the keys that we read unchanged."""

_RECONNECT_AFTER_S: Final = 0.2
_SHORTEST_WAIT_S: Final = 0.1
_DIAGNOSIS_S: Final = 1.5
"""What `reach` takes beyond its time limit, and some more."""

_READS: Final[dict[bytes, tuple[Word, tuple[Word, ...]]]] = {
    b"string": ("GETRANGE", (0, 63)),
    b"hash": ("HLEN", ()),
    b"list": ("LLEN", ()),
    b"set": ("SCARD", ()),
    b"zset": ("ZCARD", ()),
    b"stream": ("XLEN", ()),
}
"""By key type, a read in constant time: its command, and its arguments after the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyFacts:
    """Round trips to one service, about 200 a second for `window_s`.

    `samples_ms` are the latencies; `offsets_s` are their intended offsets since the window began,
    and `own_delays_ms` how much of each this process may have caused itself, in the same order.
    `unanswered` of the samples had no reply by the end: they count with the time that they have
    waited. `elapsed_s` is how much of the window was sampled; `unseen` are the parts of it in which
    this process did not run, `lost` the parts without a connection. `error` says how the connection
    was lost for good, None if it was not. `errors` counts the samples whose reply was an error, by
    its code; `refusal` is the code with which the server refused to tell any key, so that no read
    was sampled. `traffic` has the durations of other clients' commands in
    the window. `at_end` is an attempt to connect after the window, None if we were stopped before.

    All samples are kept, so percentiles are exact; ten minutes take 2.5 MB, at 20 bytes a sample.
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
    own_delays_ms: "array[float]" = field(default_factory=lambda: array("f"), repr=False)
    traffic: Traffic = NOT_ASKED
    at_end: ConnectionFacts | None = None
    errors: Mapping[Shown, int] = field(default_factory=dict)
    refusal: Shown = NO_TEXT

    @property
    def judged_s(self) -> float:
        """The length of the window to judge: `elapsed_s` if we stopped early, else `window_s`.

        A lost connection does not shorten the window, as the server is to blame for the rest of it.
        """
        return self.elapsed_s if self.error is None else self.window_s


_NOTHING: Final = LatencyFacts(
    window_s=0.0,
    elapsed_s=0.0,
    workload="none",
    samples_ms=array("d"),
    offsets_s=array("d"),
    unanswered=0,
    unseen=(),
    error=None,
)


def look_at_latency(look: Look) -> LatencyFacts:
    """Sample the service for its window, and connect once more: does it still answer?

    A service that stops answering before the window begins has facts without samples.

    Raises:
        CannotLook, redis.exceptions.RedisError: as `sample_latency`, and the service answers again.
    """
    connect_s = look.service.limits.connect_s
    left_s = look.time_left_s - look.window_s - connect_s - _DIAGNOSIS_S
    facts, problem = _NOTHING, None
    try:
        facts = sample_latency(
            look.endpoint,
            look.service.name,
            window_s=look.window_s,
            timeout_s=connect_s,
            patience_s=max(_SHORTEST_WAIT_S, min(connect_s, left_s / 2)),
            stop=look.stop,
            begins=look.watch,
        )
    except (CannotLook, redis.ConnectionError, redis.TimeoutError) as error:
        problem = error
    at_end = None if look.stop.is_set() else reach(look.endpoint, timeout_s=connect_s)
    if problem and (at_end is None or at_end.reachable):
        raise problem
    return replace(facts, at_end=at_end)


def sample_latency(
    endpoint: Endpoint,
    service: str,
    *,
    window_s: float,
    timeout_s: float,
    stop: threading.Event,
    patience_s: float | None = None,
    begins: Callable[[OpenLoop], None] = lambda _: None,
) -> LatencyFacts:
    """Measure round trips for `window_s`, or until `stop`; `openloop` says what is measured.

    It never ends early because of the result: the last step may still change the outcome from
    within or over throughout to over in part, and every outcome says how long the window was over.
    A lost connection is opened again, until the window's end.

    The requests are reads of existing keys that this user may read, or PING if there are none. Of
    values only the first 64 bytes of a string are fetched. Connecting and choosing keys take six
    round trips and about 100 commands, each of the two at most `timeout_s`. Waiting for replies
    after the window, and reading the server's counters again, take at most `patience_s` each
    (`timeout_s` if it is None). `begins` is called with the loop before it runs.

    Raises:
        CannotLook: choosing keys took too long, or the server's replies make no sense.
        redis.exceptions.RedisError: the connection could not be opened, or was lost before the
            window began.
    """
    patience_s = timeout_s if patience_s is None else patience_s
    with connected(endpoint, service, timeout_s=timeout_s) as client:
        with client.time_limit(timeout_s):
            reads, refusal = _reads(client)
            before = take_snapshot(client)
        commands = reads or [_PING]
        loop = OpenLoop(
            client.raw_socket,
            [client.pack(*command) for command in commands],
            window_s=window_s,
            timeout_s=patience_s,
        )
        begins(loop)
        recording = loop.run(stop)
    if recording.error:
        _resume(loop, recording, endpoint, service, timeout_s=timeout_s, stop=stop)
    after = Snapshot(missing=f"{service} stopped answering")
    if not (before.missing or recording.error or recording.silent):
        after = _last_snapshot(endpoint, service, timeout_s=patience_s)
    sent: Counter[str] = Counter()
    for (name, *_), count in zip(commands, recording.sent, strict=True):
        sent[str(name).lower()] += count
    return LatencyFacts(
        window_s=window_s,
        elapsed_s=recording.elapsed_s,
        workload=f"reads of {counted(len(reads), 'random key')}" if reads else "PING",
        samples_ms=recording.latencies_ms,
        offsets_s=recording.offsets_s,
        unanswered=recording.unanswered,
        unseen=tuple(recording.unseen),
        error=recording.error or None,
        lost=tuple(recording.lost),
        own_delays_ms=recording.own_delays_ms,
        traffic=traffic_between(before, after, sent=sent),
        errors={
            harmless(code): count for code, count in recording.errors.items() if code != _FOUND
        },
        refusal=refusal,
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
    """Reconnect and continue, as often as the connection is lost before the window's end."""
    while recording.error and not loop.over and not stop.wait(_RECONNECT_AFTER_S):
        with (
            contextlib.suppress(redis.RedisError, CannotLook),
            connected(endpoint, service, timeout_s=timeout_s) as client,
        ):
            client.ask_all(_NO_TOUCH)
            loop.resume(client.raw_socket, stop)
    if recording.error and loop.over:
        loop.miss()


def _last_snapshot(endpoint: Endpoint, service: str, *, timeout_s: float) -> Snapshot:
    """A snapshot on a new connection: replies may still arrive on the old connection."""
    try:
        with (
            connected(endpoint, service, timeout_s=timeout_s) as client,
            client.time_limit(timeout_s),
        ):
            return take_snapshot(client)
    except CannotLook as error:
        return Snapshot(missing=str(error))
    except redis.RedisError as error:
        return Snapshot(missing=f"{service} {why_it_failed(error)}")


def _reads(client: Client) -> tuple[list[tuple[Word, ...]], Shown]:
    """Reads of up to 32 random keys; where there are none, the code of the error that is why.

    Reads that the user may not run are left out, and ones that another node is to be asked for.
    """
    _, *found = client.ask_all(_NO_TOUCH, *[("RANDOMKEY",)] * _KEYS)
    keys = sorted({key for key in found if isinstance(key, bytes) and len(key) <= _MAX_KEY_BYTES})
    kinds: list[Any] = client.ask_all(*(("TYPE", key) for key in keys)) if keys else []
    reads: list[tuple[Word, ...]] = []
    for key, kind in zip(keys, kinds, strict=True):
        if isinstance(kind, bytes) and kind in _READS:
            command, arguments = _READS[kind]
            reads.append((command, key, *arguments))
    replies: list[Any] = client.ask_all(*reads) if reads else []
    chosen = [
        read
        for read, reply in zip(reads, replies, strict=True)
        if not isinstance(reply, _ELSEWHERE)
    ]
    errors = (reply for reply in (*found, *kinds) if isinstance(reply, redis.ResponseError))
    error = None if reads else next(errors, None)
    return chosen, harmless(error_code(error)) if error else NO_TEXT


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
