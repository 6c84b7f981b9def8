"""What a failed, endless or missing save means: for what is meant to be saved, and else."""

from collections.abc import Iterator
from typing import Final

from redis_runbook.probes.persistence import PersistenceFacts, Saving
from redis_runbook.words import counted

_CLOCK_SLACK_S: Final = 60
"""A clock that was set back by so much puts a save off by no more."""

_TIMES_THE_LAST: Final = 3
"""A save may take so many times as long as the one before it."""


def failed(facts: PersistenceFacts) -> str:
    """`RDB save and AOF write`: what failed of that which is switched on; else nothing."""
    return " and ".join(
        what
        for what, is_on, fine in (
            ("RDB save", facts.rdb_enabled, facts.rdb_ok),
            ("AOF write", facts.aof_enabled, facts.aof_write_ok),
            ("AOF rewrite", facts.aof_enabled, facts.aof_rewrite_ok),
        )
        if is_on and not fine
    )


def at_stake(facts: PersistenceFacts) -> str:
    """What a failure puts at risk: the changes of an RDB save are none of an AOF write."""
    if facts.rdb_enabled and not facts.rdb_ok:
        return f"{counted(facts.changes_since_save, 'change')} since the last RDB save"
    if not facts.aof_write_ok:
        return "what was written since is in memory only"
    return "the append-only file goes on growing"


def doubts(facts: PersistenceFacts, *, limit_s: float) -> Iterator[str]:
    """What is worth a look although nothing that is meant to be saved has failed."""
    changes = facts.changes_since_save
    unsaved = counted(changes, "change is unsaved", "changes are unsaved")
    if facts.rdb_enabled is False and not facts.rdb_ok:
        yield "RDB is off, and a save by hand or for a replica failed"
    if changes and (how_long := _endless(facts.rdb, limit_s)):
        yield f"an RDB save has not ended after {how_long}, {unsaved}"
    if facts.aof_enabled and (how_long := _endless(facts.aof, limit_s)):
        yield f"an AOF rewrite has not ended after {how_long}"
    point, since_s = facts.overdue, facts.since_save_s or 0.0
    if point and since_s > point.after_s + limit_s:
        yield f"{unsaved} for {since_s:.0f} s although `{point}` is set"
    runs = facts.rdb.for_s is not None
    if facts.rdb_enabled and not runs and since_s < -_CLOCK_SLACK_S:
        yield (
            f"the last RDB save is {-since_s:.0f} s in the future by the server's clock, so that "
            f"none will be due before, {unsaved}"
        )


def unknown_age(facts: PersistenceFacts) -> str:
    """Why nobody can tell whether a save is overdue; else nothing."""
    if not facts.rdb_enabled or not facts.why_no_age:
        return ""
    changes = facts.changes_since_save
    unsaved = counted(changes, "change is unsaved", "changes are unsaved")
    return f"{unsaved}, and since when is not known: {facts.why_no_age}"


def _endless(saving: Saving, limit_s: float) -> str:
    """`37 s (limit 30 s, the last took 2 s)` where it runs for too long, else nothing."""
    most_s = max(limit_s, _TIMES_THE_LAST * (saving.last_s or 0))
    if saving.for_s is None or saving.for_s <= most_s:
        return ""
    last = f", the last took {saving.last_s} s" if saving.last_s is not None else ""
    return f"{saving.for_s} s (limit {most_s:g} s{last})"
