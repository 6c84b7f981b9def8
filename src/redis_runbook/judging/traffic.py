"""Compares the server's own p95 with a limit.

The p95 is only known to lie within a histogram bucket, so both functions ask for certainty.
"""

from typing import Final

from redis_runbook.probes.latency.histogram import Durations, Traffic

_MIN_SAMPLES: Final = 200


def is_within(durations: Durations, limit_ms: float) -> bool:
    """Whether the p95 is certainly not over the limit."""
    return durations.p95_high_ms is not None and durations.p95_high_ms <= limit_ms


def is_over(traffic: Traffic, limit_ms: float) -> bool:
    """Whether the p95 of enough commands is certainly over the limit."""
    total = traffic.total
    return total is not None and total.n >= _MIN_SAMPLES and total.p95_low_ms >= limit_ms
