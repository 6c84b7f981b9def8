"""Whether both sides of a replication still hear each other: "online" and "up" may be minutes old.

A frozen replica stays `online`, and the link to a frozen master `up`, until `repl-timeout`.
"""

from typing import Final

from redis_runbook.probes.replication import ReplicationFacts
from redis_runbook.words import counted

_SHOWN: Final = 5
"""Lags in a sentence: the largest."""


def link(facts: ReplicationFacts, *, limit_s: float) -> tuple[bool, str]:
    """Whether a replica's link is up and heard of in time, and the clause that says so."""
    if not facts.link_up and facts.link_down_s is None:
        return False, "its link to the master has not been up"
    if not facts.link_up:
        return False, f"its link to the master is down for {facts.link_down_s} s"
    silent_s = facts.master_silent_s
    heard = f"heard of {silent_s} s ago (limit {limit_s:g} s)"
    return _in_time(silent_s, limit_s), f"its link to the master is up, the master was {heard}"


def in_step(facts: ReplicationFacts, *, limit_s: float) -> int:
    """How many replicas are online and have confirmed in time what they were sent."""
    return sum(_in_time(lag_s, limit_s) for lag_s in facts.lags_s)


def replicas(facts: ReplicationFacts, name: str, *, limit_s: float) -> str:
    """`1 of 2 replicas of queue is online and in step (lag 0, 41 s; limit 10 s)`."""
    fine = in_step(facts, limit_s=limit_s)
    lags = ", ".join(str(lag_s) for lag_s in sorted(facts.lags_s)[-_SHOWN:])
    shown = f"lag {lags} s; limit {limit_s:g} s" if lags else "none is online"
    return (
        f"{fine} of {counted(facts.replicas_attached, 'replica')} of {name} "
        f"{'is' if fine == 1 else 'are'} online and in step ({shown})"
    )


def _in_time(whole_s: int, limit_s: float) -> bool:
    """INFO counts the seconds by a clock of whole ones, and may read one more than there were.

    A healthy master that has nothing to send is heard of every 10 s (repl-ping-replica-period).
    """
    return whole_s - 1 <= limit_s
