"""What the state of a container means: broken, worth a look, too early to say, or fine."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from redis_runbook.judging.worst import Judgement, summed_up
from redis_runbook.probes.containers.facts import ContainerState, EntryFacts
from redis_runbook.verdict import Verdict
from redis_runbook.words import counted

RECENTLY_S: Final = 600
"""What a restart policy did longer ago is over; Docker's events reach back as far."""
_LOOP_RESTARTS: Final = 2
_YOUNG_S: Final = 60
_LATER_S: Final = 5
_EARLIER_S: Final = 60
"""How much later and earlier than its server a container may start: some prepare things first."""
_SIGNALS: Final = {134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}


_LOGS: Final = "`docker compose logs SERVICE`: "


def judge_entry(
    facts: EntryFacts, served_since: float | None
) -> tuple[Verdict, str, Sequence[str]]:
    """The worst verdict on the containers of an entry, why, and what to do about those."""
    judged = [(state, *judge_state(facts, state, served_since)) for state in facts.states]
    verdict, text = summed_up(
        [(verdict, f"{state.name} {text}") for state, verdict, text in judged]
    )
    steps = [
        step
        for state, its_verdict, _ in judged
        if its_verdict is verdict and verdict in {Verdict.FAIL, Verdict.WARN}
        for step in _steps(state, served_since)
    ]
    return verdict, text, [*dict.fromkeys(steps)]


def _steps(state: ContainerState, served_since: float | None) -> Iterator[str]:
    """What to do about a container that is not well, by what is known of it."""
    name = shlex.quote(state.name)
    if state.status == "paused":
        yield f"`docker unpause {name}`: somebody paused it"
        return
    if state.status == "created":
        yield "`docker compose up -d SERVICE`: it was made and never started"
        return
    if state.runs and _unhealthy(state):
        yield f"{_LOGS}why does its health check fail?"
    elif state.runs and not state.restarts and _another(state, served_since):
        yield f"compare the service's URL with `docker inspect {name}`: are both the same server?"
        return
    else:
        yield f"`docker compose ps SERVICE`, {_LOGS}what ended it?"
    if state.oom_killed or state.oom_times:
        yield "raise its memory limit or lower maxmemory, as it was OOM-killed"
    if not state.runs or _unhealthy(state):
        yield "`docker compose restart SERVICE`"


def judge_state(facts: EntryFacts, state: ContainerState, served_since: float | None) -> Judgement:
    """Judge one container; the words continue a sentence about it.

    `served_since` is when the server that was checked started, None if it is no server of ours.
    """
    fine = (Verdict.PASS, _running(facts, state))
    judgements = (
        _stopped(state),
        _killed(facts, state),
        _restarted(facts, state),
        _unhealthy(state),
        _another(state, served_since),
    )
    return summed_up([fine, *filter(None, judgements)])


def _running(facts: EntryFacts, state: ContainerState) -> str:
    health = f", {state.health}" if state.health else ""
    return f"is running for {facts.ago_s(state.started_at):.0f} s{health}"


def _stopped(state: ContainerState) -> Judgement | None:
    if state.runs:
        return None
    if state.status == "restarting":
        return Verdict.FAIL, f"is in a restart loop: {_restarts(state)}, {_exit(state)}"
    if state.status in {"exited", "dead"}:
        killed = ", OOM-killed" if state.oom_killed or state.oom_times else ""
        how = "has exited" if state.status == "exited" else "is dead"
        return Verdict.FAIL, f"{how} ({_exit(state)}{killed})"
    return Verdict.FAIL, f"is {state.status}"


def _killed(facts: EntryFacts, state: ContainerState) -> Judgement | None:
    limit = f" (limit {state.memory_limit_bytes >> 20} MiB)" if state.memory_limit_bytes else ""
    since = [at for at in state.oom_times if at >= state.started_at]
    if since:
        ago_s = facts.ago_s(since[-1])
        return Verdict.FAIL, f"runs, but a process in it was OOM-killed {ago_s:.0f} s ago{limit}"
    if not state.oom_killed:
        return None
    up_s = facts.ago_s(state.started_at)
    text = f"was OOM-killed{limit} before it started {up_s:.0f} s ago"
    if state.restarts and up_s < RECENTLY_S:
        return Verdict.FAIL, f"{text}, by its restart policy"
    return Verdict.WARN, text


def _restarted(facts: EntryFacts, state: ContainerState) -> Judgement | None:
    """What its policy did: Docker's count begins anew when somebody starts a container."""
    up_s = facts.ago_s(state.started_at)
    if not state.restarts or up_s >= RECENTLY_S:
        return None
    text = f"{_restarts(state)}, the last time {up_s:.0f} s ago"
    deaths = len(state.death_times)
    if state.restarts >= _LOOP_RESTARTS and (up_s < _YOUNG_S or deaths >= _LOOP_RESTARTS):
        return Verdict.FAIL, f"is in a restart loop: {text}"
    return Verdict.WARN, text


def _restarts(state: ContainerState) -> str:
    return f"its restart policy started it {counted(state.restarts, 'time')}"


def _unhealthy(state: ContainerState) -> Judgement | None:
    if state.health in {"", "healthy"}:
        return None
    if state.health == "starting":
        return Verdict.UNKNOWN, "runs, and its health check has not concluded yet"
    said = f": {state.health_said}" if state.health_said else ""
    return Verdict.FAIL, f"is {state.health}{said}"


def _another(state: ContainerState, served_since: float | None) -> Judgement | None:
    if served_since is None:
        return None
    apart_s = state.started_at - served_since
    if apart_s > _LATER_S:
        return (
            Verdict.FAIL,
            f"started {apart_s:.0f} s later than the server that was checked: that is another one",
        )
    if -apart_s > _EARLIER_S:
        earlier = f"started {-apart_s:.0f} s earlier than the server that was checked"
        return Verdict.WARN, f"{earlier}: it restarted in there, or is another one"
    return None


def _exit(state: ContainerState) -> str:
    signal = _SIGNALS.get(state.exit_code)
    return f"exit code {state.exit_code}" + (f", {signal}" if signal else "")
