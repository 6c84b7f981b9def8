"""Whether a run has found a change that somebody is told of: compared with what was told last."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from redis_runbook.config.notify import Event
from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, reread
from redis_runbook.verdict import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told last: the names of the findings that were broken or undetermined then."""

    status: Literal["broken", "unknown"]
    broken: tuple[Shown, ...] = ()
    unknown: tuple[Shown, ...] = ()


class Change(NamedTuple):
    """What is to be told, if anything; `told` is what was told then: None once all is healthy."""

    event: Event | None
    told: Told | None


def change(record: RunRecord, before: Told | None, on: Collection[Event]) -> Change:
    """What the run has found that was not told before; `on` are the events that are told.

    What follows from another finding is told with that one. What is told stays told until all is
    healthy: an invariant that was repaired and breaks again meanwhile is no news.
    """
    own = [finding for finding in record.findings if not finding.follows_from]
    broken = tuple(reread(finding.name) for finding in own if finding.is_broken)
    unknown = tuple(reread(finding.name) for finding in own if finding.is_undetermined)
    match record.exit_code:
        case ExitCode.BROKEN:
            is_new = before is None or not {*broken} <= {*before.broken}
            if is_new and "broken" in on:
                return Change("broken", Told(status="broken", broken=broken, unknown=unknown))
        case ExitCode.UNDETERMINED:
            told_so = before and before.status == "unknown" and {*unknown} <= {*before.unknown}
            if not told_so and "unknown" in on:
                return Change("unknown", Told(status="unknown", unknown=unknown))
        case ExitCode.HEALTHY:
            return Change("recovered" if before and "recovered" in on else None, None)
    return Change(None, before)
