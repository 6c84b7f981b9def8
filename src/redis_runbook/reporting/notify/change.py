"""Whether a run has found a change since the last notification, of which somebody is notified."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from redis_runbook.config.notify import Event
from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, reread
from redis_runbook.verdict import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """The last notification: the names of the findings that were broken or undetermined then."""

    status: Literal["broken", "unknown"]
    broken: tuple[Shown, ...] = ()
    unknown: tuple[Shown, ...] = ()


class Change(NamedTuple):
    """What is to be notified, if anything.

    `notified` is the last notification from then on: None once all is healthy.
    """

    event: Event | None
    notified: Notified | None


def change(record: RunRecord, before: Notified | None, on: Collection[Event]) -> Change:
    """What the run has found that was not notified before; `on` are the events that are.

    What follows from another finding is notified with that one. What was notified as broken counts
    until all is healthy, or that it is not determined was notified: an invariant that was repaired
    and breaks again meanwhile is no news.
    """
    own = [finding for finding in record.findings if not finding.follows_from]
    broken = tuple(reread(finding.name) for finding in own if finding.is_broken)
    unknown = tuple(reread(finding.name) for finding in own if finding.is_undetermined)
    match record.exit_code:
        case ExitCode.BROKEN:
            known = before.broken if before else ()
            is_new = before is None or not {*broken} <= {*known}
            if is_new and "broken" in on:
                every = tuple(dict.fromkeys([*broken, *known]))
                return Change("broken", Notified(status="broken", broken=every, unknown=unknown))
        case ExitCode.UNDETERMINED:
            is_known = before and before.status == "unknown" and {*unknown} <= {*before.unknown}
            if not is_known and "unknown" in on:
                return Change("unknown", Notified(status="unknown", unknown=unknown))
        case ExitCode.HEALTHY:
            return Change("recovered" if before and "recovered" in on else None, None)
    return Change(None, before)
