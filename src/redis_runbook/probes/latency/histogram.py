"""Reads how long a server took for the commands of a window, from two LATENCY HISTOGRAM replies.

The server counts the durations of each command in buckets that double in size, since its start or
the last CONFIG RESETSTAT. The difference of two snapshots is the window. A percentile is known only
to lie within its bucket: over `p95_low_ms`, and at most `p95_high_ms`.

Our own commands are subtracted by their number, for each command name. Which of the durations were
ours is not known. The upper end assumes that ours were the fastest, the lower end that they were
the slowest, so that the p95 of the other commands lies in between. Commands of other samplers count
as traffic, and so do our own if two configured services are the same server.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import redis

from redis_runbook.probes.latency.percentile import nearest_rank
from redis_runbook.probes.server import read_info
from redis_runbook.redact import Shown, printable
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client

_P95: Final = 0.95
_LONGEST_US: Final = 1_000_000
"""The server counts any longer duration as this: the bucket that holds it has no upper end."""

_SNAPSHOT: Final = "latency|histogram"
_OVERHEAD: Final = Counter([_SNAPSHOT, "info", "auth", "select", "client|setname"])
"""The commands that two snapshots, on two connections, add to the window between them."""

Buckets = Mapping[int, int]
"""How many durations each bucket holds, by its upper end in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One reply to LATENCY HISTOGRAM; if there is none, `missing` says why."""

    run_id: str = ""
    commands: Mapping[str, Buckets] = field(default_factory=dict, repr=False)
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The p95 of `n` durations: over `low`, at most `high` (None from half a second on)."""

    n: int
    p95_low_ms: float
    p95_high_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The durations of other clients' commands in a window.

    `total` is None if no other client sent a command; `by_command` begins with the slowest.
    If nothing is known, `missing` says why.
    """

    total: Durations | None = None
    by_command: Sequence[tuple[Shown, Durations]] = ()
    missing: str = ""


NOT_ASKED: Final = Traffic(missing="nobody asked")


def take_snapshot(client: Client) -> Snapshot:
    """Read INFO (for the run id, if permitted) and LATENCY HISTOGRAM: two round trips.

    Raises:
        redis.exceptions.RedisError: the connection failed.
    """
    try:
        run_id = read_info(client).fields.get("run_id", "")
    except CannotLook:
        run_id = ""
    try:
        reply = client.ask("LATENCY", "HISTOGRAM")
        pairs = zip(reply[::2], reply[1::2], strict=True)
        return Snapshot(run_id=run_id, commands=dict(_command(*pair) for pair in pairs))
    except CannotLook as error:
        return Snapshot(missing=str(error))
    except redis.ResponseError:
        return Snapshot(missing="LATENCY HISTOGRAM needs Redis 7 or Valkey")
    except (TypeError, ValueError, IndexError):
        return Snapshot(missing="LATENCY HISTOGRAM has a reply of an unknown shape")


def traffic_between(before: Snapshot, after: Snapshot, *, sent: Mapping[str, int]) -> Traffic:
    """The traffic of others between two snapshots; `sent` counts our own commands, by name."""
    missing = before.missing or after.missing or _not_comparable(before, after)
    if missing:
        return Traffic(missing=missing)
    ours = _OVERHEAD + Counter(sent)
    all_fast: Counter[int] = Counter()
    all_slow: Counter[int] = Counter()
    by_command: dict[Shown, Durations] = {}
    for command, buckets in after.commands.items():
        grown = Counter(buckets) - Counter(before.commands.get(command, {}))
        fast = _without(grown, ours[command], sorted(grown, reverse=True))
        slow = _without(grown, ours[command], sorted(grown))
        if slow:
            by_command[printable(command, 64)] = _durations(fast, slow)
        all_fast += fast
        all_slow += slow
    return Traffic(
        total=_durations(all_fast, all_slow) if all_slow else None,
        by_command=tuple(
            sorted(
                by_command.items(),
                key=lambda item: (item[1].p95_high_ms or math.inf, item[1].n),
                reverse=True,
            )
        ),
    )


def _command(name: Any, numbers: Any) -> tuple[str, Buckets]:
    """Parse one command of the reply; the counts in the reply are cumulative."""
    if not isinstance(name, bytes):  # `bytes` of a number has that many bytes
        raise TypeError("a command's name is no text")
    flat = numbers[3]
    if not all(isinstance(number, int) for number in flat):
        raise TypeError("a bucket is no number")
    ends_us, counts = [0, *flat[::2]], [0, *flat[1::2]]
    if ends_us != sorted(set(ends_us)) or counts != sorted(counts):
        raise ValueError("buckets are out of order")
    counts_of = zip(ends_us[1:], pairwise(counts), strict=True)
    return name.decode(errors="replace"), {end: so_far - held for end, (held, so_far) in counts_of}


def _not_comparable(before: Snapshot, after: Snapshot) -> str:
    """Why the difference of two snapshots is not the window's traffic; empty if it is.

    A counter that has shrunk was reset. The server counts LATENCY HISTOGRAM after its reply, so
    that without a reset the count of snapshots must have grown from the first to the second.
    """
    if before.run_id != after.run_id:
        return "the server was restarted within the window"
    for command, buckets in before.commands.items():
        now = after.commands.get(command, {})
        if any(now.get(end, 0) < count for end, count in buckets.items()):
            return "its counters were reset within the window"
    if _snapshot_count(after) <= _snapshot_count(before):
        return "its counters were reset within the window, or latency-tracking is off"
    return ""


def _snapshot_count(counted: Snapshot) -> int:
    return sum(counted.commands.get(_SNAPSHOT, {}).values())


def _without(grown: Counter[int], ours: int, order: Sequence[int]) -> Counter[int]:
    """The buckets after removing `ours` durations, from the buckets in this order."""
    left = Counter(grown)
    for end in order:
        taken = min(ours, left[end])
        left[end] -= taken
        ours -= taken
    return +left


def _durations(fast: Counter[int], slow: Counter[int]) -> Durations:
    """The range of the p95: `fast` lacks the slowest durations as ours, `slow` the fastest."""
    end_us = _p95_end_us(slow)
    return Durations(
        n=slow.total(),
        p95_low_ms=_p95_end_us(fast) // 2 / 1000,
        p95_high_ms=None if end_us >= _LONGEST_US else end_us / 1000,
    )


def _p95_end_us(buckets: Counter[int]) -> int:
    """The upper end of the bucket that holds the p95, by nearest rank."""
    rank = nearest_rank(_P95, buckets.total())
    for end in sorted(buckets):
        rank -= buckets[end]
        if rank <= 0:
            return end
    raise ValueError("no durations have no p95")
