"""Observes the state of each configured container, and what is fatal in its log."""

import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.probes.containers.daemon import Daemon, entries
from redis_runbook.probes.containers.facts import (
    ContainersFacts,
    ContainerState,
    EntryFacts,
    LogFacts,
)
from redis_runbook.probes.containers.urls import given_urls, networks_of, url_variable
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.redact import KNOWN, NO_TEXT, Shown, harmless, printable
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.lines import without_colours

if TYPE_CHECKING:
    from redis_runbook.wire.docker.answers import Inspected
    from redis_runbook.wire.docker.engine import Engine

_NEWEST_LINES: Final = 5_000
_FIRST_LINE_S: Final = 5.0
"""How long after its start a container may log its first line."""
_MOST_SHOWN: Final = 5
_LONGEST_SHOWN: Final = 300
_LONGEST_NAME: Final = 100
_MOST_NAMES: Final = 50
_PORT: Final = re.compile(r"[0-9]{1,5}")
_FATAL: Final = re.compile(
    rb"\bOOM\b|\bFATAL\b|[Oo]ut of memory|\bMISCONF\b|Can't save|Failed opening|\bpanic:"
    rb"|BUG REPORT START|crashed by signal|Guru Meditation|[Ss]egmentation fault|ASSERTION FAILED"
)


def look_at_containers(look: Look) -> ContainersFacts:
    """Look at each enabled entry by itself: what is wrong with one hides no other."""
    found: dict[str, EntryFacts | CannotLook] = {}
    with contextlib.closing(Daemon(look.time_left_s)) as daemon:
        for name, settings in entries(look.config).items():
            service = look.config.services.get(settings.service or "")
            try:
                variable = url_variable(settings, service.url_env if service else None)
                found[name] = _look(daemon, settings, variable)
            except CannotLook as error:
                found[name] = error
    return ContainersFacts(found)


def _look(daemon: Daemon, settings: ContainerSettings, variable: str) -> EntryFacts:
    containers = daemon.find(settings) if settings.is_container else []
    run_here = bool(containers) and not daemon.engine().machine
    return EntryFacts(
        kind=settings.kind,
        states=[_state(daemon.engine(), one, settings.log_patterns) for one in containers],
        urls=tuple(given_urls(settings, variable, containers, run_here=run_here)),
        url_variable=harmless(variable),
        looked_at=time.time(),
    )


def _state(engine: "Engine", container: "Inspected", patterns: Sequence[str]) -> ContainerState:
    state, network = container.state, container.network_settings
    befell = list(engine.events(container))
    health = state.health if state.health and state.health.status != "none" else None
    names = {container.name.removeprefix("/"), container.config.hostname}
    for joined in (network.networks or {}).values():
        names |= {*(joined.aliases or ()), *(joined.dns_names or ()), joined.ip_address}
    return ContainerState(
        name=container.shown,
        status=printable(state.status, _LONGEST_NAME),
        exit_code=state.exit_code,
        started_at=engine.our_time(state.started_at),
        oom_killed=state.oom_killed,
        health=printable(health.status, _LONGEST_NAME) if health else NO_TEXT,
        health_said=_last_words(health.log[-1].output) if health and health.log else NO_TEXT,
        restarts=container.restart_count,
        oom_times=[at for action, at in befell if action == "oom"],
        death_times=[at for action, at in befell if action == "die"],
        memory_limit_bytes=max(0, container.host_config.memory),
        names=[printable(name, _LONGEST_NAME) for name in sorted(names - {""})[:_MOST_NAMES]],
        networks=networks_of(container),
        ports=_ports(container),
        published_on=engine.machine,
        log=_fatal(engine, container, patterns),
    )


def _last_words(output: str) -> Shown:
    return printable(output.strip(), _LONGEST_SHOWN)


def _ports(container: "Inspected") -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for name, bindings in (container.network_settings.ports or {}).items():
        number, _, protocol = name.partition("/")
        if protocol == "tcp" and _PORT.fullmatch(number):
            published = {one.host_port for one in bindings or () if _PORT.fullmatch(one.host_port)}
            found[int(number)] = sorted(map(int, published))
    return found


def _fatal(engine: "Engine", container: "Inspected", patterns: Sequence[str]) -> LogFacts:
    """The fatal lines of a container since it started, among its newest lines.

    `patterns` are texts that make a line fatal, too. With `[privacy] job_details = false` the lines
    are counted and not shown: an application may log anything.
    """
    since = engine.our_time(container.state.started_at)
    try:
        lines, more = engine.log(container, since=since, newest=_NEWEST_LINES)
        kept = engine.keeps_log_since(container, since + _FIRST_LINE_S)
    except CannotLook as error:
        return LogFacts(why_unknown=str(error))
    own = [pattern.encode() for pattern in patterns]
    # Colours, too, would be a part of the words next to them.
    texts = (without_colours(line.text) for line in lines)
    fatal = [text for text in texts if _FATAL.search(text) or any(part in text for part in own)]
    facts = LogFacts(lines=len(lines), complete=not more, kept=kept, fatal_lines=len(fatal))
    if not KNOWN.shows_job_details:
        return facts
    last = fatal[-_MOST_SHOWN:]
    return replace(facts, fatal=[printable(text, _LONGEST_SHOWN) for text in last])


PROBES: Final = (
    Probe(
        name="containers",
        facts=ContainersFacts,
        look=look_at_containers,
        about="monitoring",
        wanted_by=("incident.container", "incident.logs", "incident.endpoints"),
        lane="containers",
        limit_s=3.0,
    ),
)
