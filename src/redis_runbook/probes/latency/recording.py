"""What a window of sampling measured, while it goes on and afterwards."""

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

Span = tuple[float, float]
"""From and to, in seconds since the window began."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """What was measured: each request's intended offset in the window, and its latency.

    `unanswered` of the latencies are lower bounds, and `silent` says that the last of them are
    among these; `sent` is how often each request was sent.
    `elapsed_s` is how much of the window was sampled; `unseen` are the stretches of it in which
    this process did not run, `lost` those without a connection. `error` says why sampling ended
    early: empty unless the connection was lost for good. All of it grows while sampling goes on.
    """

    offsets_s: "array[float]" = field(default_factory=lambda: array("d"))
    latencies_ms: "array[float]" = field(default_factory=lambda: array("d"))
    unanswered: int = 0
    silent: bool = False
    sent: list[int] = field(default_factory=list)
    elapsed_s: float = 0.0
    unseen: list[Span] = field(default_factory=list)
    lost: list[Span] = field(default_factory=list)
    error: str = ""


class Glance(NamedTuple):
    """How far a window is: `p95_ms` is that of the last 200 requests, with what they wait so far.

    It is None before the first.
    """

    elapsed_s: float
    window_s: float
    n: int
    p95_ms: float | None
