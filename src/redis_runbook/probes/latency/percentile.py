"""Percentiles by nearest rank, which are always measured values.

The percentile is the ceil(q * n)-th smallest value. On 95 samples of 1 and 5 of 100 the p95 is
therefore 1, whereas an interpolating definition gives 5.95.
"""

import math
from collections.abc import Sequence
from typing import Final

_ROUNDING: Final = 1e-9


def nearest_rank(quantile: float, n: int) -> int:
    """The rank, from 1, of that quantile of `n` values; 0 < quantile <= 1."""
    # 0.95 is not exact in binary: the product may be slightly above an integer rank.
    return max(1, math.ceil(quantile * n - _ROUNDING))


def percentile(ordered: Sequence[float], quantile: float) -> float:
    """The percentile of values in ascending order; 0 < quantile <= 1.

    Raises:
        ValueError: there are no values.
    """
    if not ordered:
        raise ValueError("no values have no percentile")
    return ordered[nearest_rank(quantile, len(ordered)) - 1]
