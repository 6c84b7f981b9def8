"""The samples of a latency window, during the window and afterwards."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

Span = tuple[float, float]
"""Start and end, in seconds since the window began."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """The intended offset of each request in the window, its latency, and our own delay.

    `own_delays_ms` is how much of each latency this process may have caused itself. `unanswered`
    of the latencies are lower bounds; `silent` says that the last requests of the window are among
    them. `errors` counts replies that were errors, by code, and `sent` how often each request was
    sent. `elapsed_s` is how much of the window was
    sampled; `unseen` are the parts of it in which this process did not run, `lost` the parts
    without a connection. `error` says why sampling ended early; it is empty unless the connection
    was lost for good. All fields grow during the window.
    """

    offsets_s: "array[float]" = field(default_factory=lambda: array("d"))
    latencies_ms: "array[float]" = field(default_factory=lambda: array("d"))
    own_delays_ms: "array[float]" = field(default_factory=lambda: array("f"))
    unanswered: int = 0
    silent: bool = False
    errors: Counter[str] = field(default_factory=Counter)
    sent: list[int] = field(default_factory=list)
    elapsed_s: float = 0.0
    unseen: list[Span] = field(default_factory=list)
    lost: list[Span] = field(default_factory=list)
    error: str = ""


class Glance(NamedTuple):
    """The progress of a window.

    `p95_ms` is the p95 of the last 200 requests, which includes how long those without a reply have
    waited so far; it is None before the first request.
    """

    elapsed_s: float
    window_s: float
    n: int
    p95_ms: float | None
