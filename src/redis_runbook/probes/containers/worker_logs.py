"""Looks for the line by which the workers of a queue say that they are connected again."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.probes.containers.daemon import Daemon, entries
from redis_runbook.probes.containers.facts import ROTATED, RUNNING, ReconnectFacts, WorkerLog
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.server import InfoReply, ServerFacts
from redis_runbook.redact import harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.files import read_tail
from redis_runbook.wire.lines import LONGEST, Line, time_in

if TYPE_CHECKING:
    from redis_runbook.wire.docker.answers import Inspected

_MAX_FILE_BYTES: Final = 2 << 20
_WHOLE_SECONDS_S: Final = 1.0
"""A server tells its uptime in whole seconds, and so may have started that much earlier."""
_SAME_START_S: Final = 2.5
"""How far the start of a server, as far as it tells, may be from that of its own container."""
_AHEAD_S: Final = 60.0


def look_at_worker_logs(look: Look) -> ReconnectFacts:
    """Read the logs of the workers of this service, each by itself."""
    of_service = entries(look.config, look.service.name)
    told = look.facts(InfoReply).read_at - look.facts(ServerFacts).uptime_s
    found: dict[str, list[WorkerLog] | CannotLook] = {}
    with contextlib.closing(Daemon(look.time_left_s)) as daemon:
        started_at = _started_at(daemon, of_service.values(), told)
        for name, settings in of_service.items():
            if settings.kind == "worker":
                try:
                    found[name] = _look(daemon, settings, started_at)
                except CannotLook as error:
                    found[name] = error
    return ReconnectFacts(looked_at=time.time(), started_at=started_at, by_name=found)


def _started_at(daemon: Daemon, of_service: Iterable[ContainerSettings], told: float) -> float:
    """When the server started: as its own container did, else as early as its uptime allows."""
    for settings in of_service:
        if settings.kind == "redis":
            with contextlib.suppress(CannotLook):
                for container in daemon.find(settings):
                    at = daemon.engine().our_time(container.state.started_at)
                    if abs(at - told) <= _SAME_START_S:
                        return at
    return told - _WHOLE_SECONDS_S


def _look(daemon: Daemon, settings: ContainerSettings, since: float) -> list[WorkerLog]:
    containers = daemon.find(settings) if settings.is_container else []
    if settings.log_file:
        log = _in_file(settings.log_file, settings.reconnect_line, since)
        starts = [daemon.engine().our_time(one.state.started_at) for one in containers]
        runs = not containers or any(one.state.status == RUNNING for one in containers)
        return [replace(log, started_at=min(starts, default=None), runs=runs)]
    return [_in_container(daemon, one, settings.reconnect_line, since) for one in containers]


def _in_container(daemon: Daemon, container: "Inspected", wanted: str, since: float) -> WorkerLog:
    engine = daemon.engine()
    lines, more = engine.log(container, since=since)
    line_at = _first(lines, wanted, since)
    because = ""
    if line_at is None and more:
        because = f"of its log only the first {len(lines)} lines since then were looked at"
    elif line_at is None and not engine.keeps_log_since(container, since):
        because = f"what it logged then {ROTATED}"
    return WorkerLog(
        name=container.shown,
        started_at=engine.our_time(container.state.started_at),
        runs=container.state.status == RUNNING,
        line_at=line_at,
        why_unknown=because,
    )


def _in_file(file: str, wanted: str, since: float) -> WorkerLog:
    """Read the end of a log file; the time of a line is what it says itself.

    Raises:
        CannotLook: the file cannot be read.
    """
    name = harmless(file)
    try:
        body, cut = read_tail(Path(file), max_bytes=_MAX_FILE_BYTES)
    except ValueError as error:
        raise CannotLook(f"{name} {error}") from None
    texts = [text[:LONGEST] for text in body.splitlines()][1 if cut else 0 :]
    lines = [Line(time_in(text), text) for text in texts]
    line_at = _first(lines, wanted, since)
    because = ""
    if line_at is None:
        timed = [line.at for line in lines if line.at is not None]
        if any(wanted.encode() in line.text and line.at is None for line in lines):
            because = "its lines bear no time that can be read"
        elif any(at > time.time() + _AHEAD_S for at in timed):
            because = "its lines bear times of the future"
        elif not any(at <= since for at in timed):
            looked = f"only its last {_MAX_FILE_BYTES >> 20} MiB were looked at"
            because = looked if cut else f"what it logged then {ROTATED}"
    return WorkerLog(name=name, line_at=line_at, why_unknown=because)


def _first(lines: Iterable[Line], wanted: str, since: float) -> float | None:
    """When the line was first written since a time, but not in the future."""
    text, until = wanted.encode(), time.time() + _AHEAD_S
    times = (line.at for line in lines if text in line.text)
    return next((at for at in times if at is not None and since <= at <= until), None)


PROBES: Final = (
    Probe(
        name="worker_logs",
        facts=ReconnectFacts,
        look=look_at_worker_logs,
        needs=(InfoReply, ServerFacts),
        wanted_by=("incident.workers_reconnected",),
        lane="worker_logs",
        limit_s=3.0,
    ),
)
