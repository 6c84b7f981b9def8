"""How many jobs failed in the last hour, by what the queue keeps and by what its events tell."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.judging.queue_text import seconds
from redis_runbook.probes.bullmq.facts import MS_PER_S, QueueFacts

_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The jobs that failed, and how much of the last hour is known.

    `reach_s` is how far back the events were read, at most an hour; None: there are no events. The
    `failed` set is `trusted` for the rest of the hour as long as it has all that the events tell.
    An empty set proves nothing, and `when` claims no more.
    """

    count: int
    reach_s: float | None
    trusted: bool

    @property
    def unseen(self) -> bool:
        """Whether more jobs may have failed in the hour than are known."""
        return not self.trusted and (self.reach_s or 0) < _HOUR_S

    @property
    def when(self) -> str:
        """In which time they failed, as a sentence says it."""
        if self.unseen:
            return f"in the {seconds(self.reach_s)} that its events reach back"
        if not self.count and self.reach_s is not None and self.reach_s < _HOUR_S:
            return (
                f"in the {seconds(self.reach_s)} that its events reach back, and none is kept from "
                "before"
            )
        return "in the last hour"

    @property
    def remark(self) -> str:
        """What the sentence adds about where the count comes from."""
        if self.reach_s is None:
            return "; no events tell of failures that were not kept"
        if self.trusted and self.count and self.reach_s < _HOUR_S:
            return f"; its events reach back {seconds(self.reach_s)}"
        return ""


def failures(facts: QueueFacts) -> Failures | None:
    """Count the larger of both: `removeOnFail` keeps few, and the set's times are the workers'.

    None: neither the set nor the events could be read.
    """
    kept, in_events, begin_ms = facts.failed_last_hour, facts.failed_events, facts.history_from_ms
    if kept is None and begin_ms is None:
        return None
    reach_s = None if begin_ms is None else min(_HOUR_S, (facts.at_ms - begin_ms) / MS_PER_S)
    return Failures(
        count=max(kept or 0, in_events),
        reach_s=reach_s,
        trusted=kept is not None and kept >= in_events,
    )
