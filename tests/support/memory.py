"""How much memory this process takes for something, at its peak."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


@contextlib.contextmanager
def little_memory(most_mb: float = 100) -> Iterator[None]:
    """What is done inside takes at most so much more than there was before."""
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    before_mb = _resident_mb("VmRSS")
    yield
    took_mb = _resident_mb("VmHWM") - before_mb
    assert took_mb < most_mb, f"{took_mb:.0f} MB"


def _resident_mb(what: str) -> float:
    return int(_STATUS.read_text().partition(f"{what}:")[2].split()[0]) / 1000
