"""Percentiles of latencies, with a confidence interval of the p95."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.latency.percentile import percentile

_P95: Final = 0.95
_CONFIDENCE: Final = 0.95
_FAR_TAIL_SD: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Percentiles of `n` latencies.

    `p95_low_ms` to `p95_high_ms` is a 95 % confidence interval of the p95, provided that the
    samples are independent. Its upper end is None if there are too few samples (n < 59).
    """

    n: int
    p50_ms: float
    p95_ms: float
    p95_low_ms: float
    p95_high_ms: float | None
    p99_ms: float
    max_ms: float


def summarise(samples_ms: Sequence[float]) -> Summary:
    """Summarise latencies, in any order.

    Raises:
        ValueError: there are no samples.
    """
    ordered = sorted(samples_ms)
    low, high = p95_interval_ranks(len(ordered))
    return Summary(
        n=len(ordered),
        p50_ms=percentile(ordered, 0.5),
        p95_ms=percentile(ordered, _P95),
        p95_low_ms=ordered[low - 1],
        p95_high_ms=None if high is None else ordered[high - 1],
        p99_ms=percentile(ordered, 0.99),
        max_ms=ordered[-1],
    )


def p95_interval_ranks(n: int) -> tuple[int, int | None]:
    """Ranks (from 1) of the order statistics that hold the true p95 with 95 % confidence.

    The number of samples below the true p95 is binomial(n, 0.95), whatever the distribution. Each
    end may be wrong with a probability of 2.5 %. From n = 59 on the maximum may serve as the upper
    end even if it is wrong with more than 2.5 %: the lower end then gets what is left of the 5 %.
    For a smaller n there is no upper end (None), and the lower end gets all of the 5 %.

    Raises:
        ValueError: n is not positive.
    """
    if n < 1:
        raise ValueError("no samples have no interval")
    risk = 1 - _CONFIDENCE
    above_maximum = _P95**n
    if above_maximum > risk:
        return _lower_rank(n, risk), None
    if above_maximum > risk / 2:
        return _lower_rank(n, risk - above_maximum), n
    return _lower_rank(n, risk / 2), _upper_rank(n, risk / 2)


def _lower_rank(n: int, risk: float) -> int:
    """The largest rank r with P(X < r) <= risk, X ~ binomial(n, 0.95); at least 1."""
    rank = max(0, math.floor(n * _P95 - _FAR_TAIL_SD * _standard_deviation(n)))
    mass = _probability(n, rank)
    below = mass
    while below <= risk:
        rank += 1
        mass *= (n - rank + 1) / rank * _P95 / (1 - _P95)
        below += mass
    return max(rank, 1)


def _upper_rank(n: int, risk: float) -> int:
    """The smallest rank r with P(X >= r) <= risk, X ~ binomial(n, 0.95)."""
    rank = min(n, math.ceil(n * _P95 + _FAR_TAIL_SD * _standard_deviation(n)))
    mass = _probability(n, rank)
    above = mass
    while above <= risk:
        mass *= rank / (n - rank + 1) * (1 - _P95) / _P95
        rank -= 1
        above += mass
    return rank + 1


def _standard_deviation(n: int) -> float:
    return math.sqrt(n * _P95 * (1 - _P95))


def _probability(n: int, k: int) -> float:
    """P(X = k), X ~ binomial(n, 0.95); by logarithms, since n over k overflows."""
    choices = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choices + k * math.log(_P95) + (n - k) * math.log1p(-_P95))
