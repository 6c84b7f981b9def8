"""How long a client waits for replies: some 200 round trips a second, on a fixed schedule."""

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis_runbook.client import Client, Word, connected
from redis_runbook.endpoint import Endpoint
from redis_runbook.openloop import OpenLoop
from redis_runbook.probes import CannotLook
from redis_runbook.stats import Summary, summarise
from redis_runbook.window import Span

_KEYS: Final = 32
_LONGEST_KEY: Final = 1024
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
    process did not run, and `error`, where it is not None, how the connection was lost.
    """

    window_s: float
    elapsed_s: float
    workload: str
    samples_ms: "array[float]" = field(repr=False)
    offsets_s: "array[float]" = field(repr=False)
    unanswered: int
    unseen: Sequence[Span]
    error: str | None

    @property
    def judged_s(self) -> float:
        """The window to judge: shorter where we stopped early, not where the connection was lost.

        What comes after a lost connection has no samples because the server gave none.
        """
        return self.elapsed_s if self.error is None else self.window_s

    @property
    def summary(self) -> Summary | None:
        """n, p50, p95, p99 and maximum; None without a sample."""
        return summarise(self.samples_ms) if self.samples_ms else None


def sample_latency(
    endpoint: Endpoint,
    service: str,
    *,
    window_s: float,
    timeout_s: float,
    stop: threading.Event,
) -> LatencyFacts:
    """Measure round trips for `window_s`, or until `stop`; see `openloop` for what is measured.

    Reads of real keys where there are any that this user may read, PING otherwise; no value is
    fetched but the first 64 bytes of a string. Connecting and choosing keys takes four round trips
    and some 100 commands, and `timeout_s` at most for each of the two; the wait for replies after
    the window as much again.

    Raises:
        CannotLook: choosing keys took too long.
        redis.exceptions.RedisError: the connection could not be opened, or was lost before the
            window began.
    """
    with connected(endpoint, service, timeout_s=timeout_s) as client:
        with client.time_limit(timeout_s):
            reads = _reads(client)
        loop = OpenLoop(
            client.raw_socket,
            [client.pack(*command) for command in reads or [("PING",)]],
            window_s=window_s,
            timeout_s=timeout_s,
        )
        recording = loop.run(stop)
    return LatencyFacts(
        window_s=window_s,
        elapsed_s=recording.elapsed_s,
        workload=f"reads of {len(reads)} random keys" if reads else "PING",
        samples_ms=recording.latencies_ms,
        offsets_s=recording.offsets_s,
        unanswered=recording.unanswered,
        unseen=tuple(recording.unseen),
        error=recording.error or None,
    )


def _reads(client: Client) -> list[tuple[Word, ...]]:
    """Reads of up to 32 keys, each tried once; NO-TOUCH keeps the keys' idle time as it was."""
    _, *found = client.ask_all(("CLIENT", "NO-TOUCH", "ON"), *[("RANDOMKEY",)] * _KEYS)
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
