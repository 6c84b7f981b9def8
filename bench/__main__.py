"""`python -m bench`: measure, write docs/benchmarks.md, and fail if a bound is missed."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import cost, page, queues, reports, sampling, soak, speed
from bench.measurement import Measurement

_PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_MB: Final = 1e6


def main() -> int:
    """Return 1 if a bound is missed, else 0."""
    rounds = speed.run_rounds()
    costs = cost.measure()
    measurements = [
        *speed.measurements(rounds),
        *cost.measurements(costs),
        *queues.measurements(),
        *sampling.measurements(),
        *reports.measurements(),
        _memory([*(turn.smoke.ended.peak_bytes for turn in rounds), costs.run.ended.peak_bytes]),
    ]
    for measurement in measurements:
        outcome = "holds " if measurement.holds else "MISSED"
        print(f"{outcome}  {measurement.summary}")
    whole = page.render(measurements, costs) + soak.kept_section()
    _PAGE.write_text(whole, encoding="utf-8")
    return 0 if all(measurement.holds for measurement in measurements) else 1


def _memory(peaks_bytes: Sequence[int]) -> Measurement:
    return Measurement(
        what="Peak memory of the process",
        value=max(peaks_bytes) / _MB,
        bound=120,
        unit="MB",
        detail=f"the highest of {len(peaks_bytes)} runs",
        how="`ru_maxrss` of the process that runs the checks, of all the runs above.",
    )


if __name__ == "__main__":
    sys.exit(main())
