"""Whether a server restarts over and over, by the last run or attempt that saw another process."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.server import ServerFacts

_YOUNG_S: Final = 60
_RECENTLY_S: Final = 600
"""A restart since an older run is one that was meant, or long over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBefore:
    """The process that last answered, in a run or attempt that began `ago_s` before this one."""

    run_id: str
    ago_s: float


def restarted(server: ServerFacts, before: SeenBefore | None) -> str:
    """`restarted 3 s ago, and the run of 12 s ago saw another process`; empty if it did not."""
    if before is None or not server.run_id or before.run_id == server.run_id:
        return ""
    if server.uptime_s >= _YOUNG_S or not 0 <= before.ago_s <= _RECENTLY_S:
        return ""
    return (
        f"restarted {server.uptime_s} s ago, and the run of {before.ago_s:.0f} s ago saw another "
        "process"
    )
