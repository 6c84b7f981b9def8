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
    `failed` set, which has `kept` of them (None: it cannot be read), is `trusted` for the rest of
    the hour if it has all that the events tell, and some from before the hour: `removeOnFail`
    removes the oldest first. An empty set proves nothing, and `when` claims no more.
    """

    count: int
    kept: int | None
    reach_s: float | None
    trusted: bool

    @property
    def unseen(self) -> bool:
        """Whether more jobs may have failed in the hour than are known."""
        return not self.trusted and (self.reach_s or 0) < _HOUR_S

    @property
    def is_cut(self) -> bool:
        """Whether the set tells of the most failures, and may have had more."""
        return self.unseen and self.kept == self.count

    @property
    def when(self) -> str:
        """In which time they failed, as a sentence says it."""
        read = f"in the {seconds(self.reach_s)} whose events were read"
        if self.unseen:
            return "in the last hour at least" if self.is_cut else read
        if not self.count and self.reach_s is not None and self.reach_s < _HOUR_S:
            return f"{read}, and none is kept from before"
        return "in the last hour"

    @property
    def remark(self) -> str:
        """What the sentence adds about where the count comes from."""
        cut = "; none is kept from before it, so some may have been removed" if self.is_cut else ""
        if self.reach_s is None:
            return f"{cut}; no events tell of failures that were not kept"
        if (self.trusted or cut) and self.count and self.reach_s < _HOUR_S:
            return f"{cut}; the events of {seconds(self.reach_s)} were read"
        return ""


def failures(facts: QueueFacts) -> Failures | None:
    """Count the larger of both: `removeOnFail` keeps few, and the set's times are the workers'.

    None: neither the set nor the events could be read.
    """
    kept, in_events, begin_ms = facts.failed_last_hour, facts.failed_events, facts.history_from_ms
    if kept is None and begin_ms is None:
        return None
    reach_s = None if begin_ms is None else min(_HOUR_S, (facts.at_ms - begin_ms) / MS_PER_S)
    has_older = kept is not None and (facts.counts.failed or 0) > kept
    return Failures(
        count=max(kept or 0, in_events),
        kept=kept,
        reach_s=reach_s,
        trusted=kept is not None and kept >= in_events and (has_older or not kept),
    )
