"""Whether both sides of a replication still hear each other: "online" and "up" may be minutes old.

A frozen replica stays `online`, and the link to a frozen master `up`, until `repl-timeout`. A
replica behind a slow network confirms every second, and what it confirms may be long past.
"""

import itertools
from typing import Final

from redis_runbook.probes.replication import ReplicationFacts
from redis_runbook.verdict import Verdict
from redis_runbook.words import counted

_SHOWN: Final = 5
"""Lags in a sentence: the largest."""

_EVERY_S: Final = 1
"""How often a replica confirms, and what INFO's clock of whole seconds may read too much."""

_MIB: Final = 1024 * 1024


def link(facts: ReplicationFacts, *, limit_s: float) -> tuple[Verdict, str]:
    """Whether a replica's link is up and heard of in time, and the clause that says so."""
    if not facts.link_up and facts.link_down_s is None:
        return Verdict.FAIL, "its link to the master has not been up"
    if not facts.link_up:
        return Verdict.FAIL, f"its link to the master is down for {facts.link_down_s} s"
    silent_s = facts.master_silent_s
    if silent_s is None:
        up = "its link to the master is up"
        return Verdict.UNKNOWN, f"{up}, and INFO does not say when the master was heard of"
    verdict = Verdict.PASS if _in_time(silent_s, limit_s) else Verdict.FAIL
    heard = f"heard of {silent_s} s ago (limit {limit_s:g} s)"
    return verdict, f"its link to the master is up, the master was {heard}"


def in_step(facts: ReplicationFacts, *, limit_s: float) -> int:
    """How many replicas are online and have confirmed in time what they were sent."""
    return _standings(facts, limit_s).count(True)


def may_be_in_step(facts: ReplicationFacts, *, limit_s: float) -> int:
    """As `in_step`, with those of which nobody can tell."""
    return in_step(facts, limit_s=limit_s) + _standings(facts, limit_s).count(None)


def replicas(facts: ReplicationFacts, name: str, *, limit_s: float) -> str:
    """`1 of 2 replicas of queue is online and in step (lag 0, 41 s; limit 10 s)`."""
    fine = in_step(facts, limit_s=limit_s)
    known_s = [lag_s for lag_s in facts.lags_s if lag_s is not None]
    lags = ", ".join(str(lag_s) for lag_s in sorted(known_s)[-_SHOWN:])
    shown = [f"lag {lags} s", f"limit {limit_s:g} s"] if lags else []
    if silent := len(facts.lags_s) - len(known_s):
        shown.append(f"INFO does not say how far {silent} of them followed")
    if facts.behind_bytes:
        shown.append(
            f"{facts.behind_bytes / _MIB:.1f} MiB of what the master had {facts.waited_s:.0f} s "
            "before are not confirmed"
        )
    return (
        f"{fine} of {counted(facts.replicas_attached, 'replica')} of {name} "
        f"{'is' if fine == 1 else 'are'} online and in step "
        f"({'; '.join(shown) or 'none is online'})"
    )


def _standings(facts: ReplicationFacts, limit_s: float) -> list[bool | None]:
    """Whether each replica that is online is in step; None where nobody can tell."""
    return [
        _standing(lag_s, confirmed_s, facts.waited_s, limit_s)
        for lag_s, confirmed_s in itertools.zip_longest(
            facts.lags_s, facts.confirmed_s, fillvalue=0
        )
    ]


def _standing(
    lag_s: int | None, confirmed_s: float | None, waited_s: float, limit_s: float
) -> bool | None:
    if lag_s is None:
        return None
    if not _in_time(lag_s, limit_s):
        return False
    if confirmed_s is None:
        return None if _in_time(waited_s, limit_s) else False
    return _in_time(confirmed_s, limit_s)


def _in_time(seconds: float, limit_s: float) -> bool:
    """A healthy master that has nothing to send is heard of every 10 s.

    That is repl-ping-replica-period.
    """
    return seconds - _EVERY_S <= limit_s
