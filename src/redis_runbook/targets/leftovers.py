"""Labels containers and networks with their owner, and removes those whose owner is gone.

The owner is a process: its id, its start time, and the place in which the id is valid. A leftover
of this place is removed when its process is gone. Processes of another place (a machine that shares
the daemon, or this machine before a reboot) cannot be checked, so their leftovers are removed after
a day, which is far longer than any run.
"""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import docker
from docker.errors import NotFound

from redis_runbook.wire.docker.client import TROUBLE
from redis_runbook.wire.process import programs_environment

RUN: Final = "redis-runbook.run"
_PLACE: Final = "redis-runbook.place"
_PID: Final = "redis-runbook.pid"
_PROCESS_START: Final = "redis-runbook.process-start"
_CREATED: Final = "redis-runbook.created"

_DAY_S: Final = 86_400
_PS_LIMIT_S: Final = 2.0
_REMOVE_LIMIT_S: Final = 10.0
_REMOVE_AGAIN_S: Final = 0.2
_NUMBER: Final = re.compile(r"[0-9]{1,10}\Z")


def labels(run: str) -> dict[str, str]:
    """The labels for everything that this process creates for the run."""
    return {
        RUN: run,
        _PLACE: _place(),
        _PID: str(os.getpid()),
        _PROCESS_START: _process_start(os.getpid()),
        _CREATED: str(int(time.time())),
    }


def remove(api: docker.APIClient, run: str) -> None:
    """Remove all containers and networks of a run, those in removal included; bounded in time.

    What cannot be removed within that is ignored: a later run sweeps it.
    """
    deadline = time.monotonic() + _REMOVE_LIMIT_S
    while _remove(api, lambda found: found.get(RUN) == run) and time.monotonic() < deadline:
        time.sleep(_REMOVE_AGAIN_S)


def sweep(api: docker.APIClient) -> None:
    """Remove the containers and networks of killed runs, never those of a live run."""
    place = _place()
    _remove(api, lambda found: _is_orphan(found, place))


def _remove(api: docker.APIClient, wanted: Callable[[Mapping[str, str]], bool]) -> bool:
    """Remove what is there; returns whether something could not be removed, or not yet."""
    filters: dict[str, Any] = {"label": RUN}
    failed = []

    def attempt(function: Callable[..., Any], found: Mapping[str, Any], **options: Any) -> None:
        try:
            function(found["Id"], **options)
        except NotFound:  # it was on its way already
            pass
        except TROUBLE:
            failed.append(found)

    def remove_container(found: Mapping[str, Any]) -> None:
        attempt(api.remove_container, found, force=True, v=True)

    try:
        containers = [
            found for found in api.containers(all=True, filters=filters) if wanted(_labels(found))
        ]
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(remove_container, containers))
        except RuntimeError:  # threads cannot be started while the interpreter exits
            for found in containers:
                remove_container(found)
        for found in api.networks(filters=filters):
            if wanted(_labels(found)):
                attempt(api.remove_network, found)
    except TROUBLE:  # the daemon does not answer: to ask again would be in vain
        return False
    return bool(failed)


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["Labels"] or {}


def _is_orphan(found: Mapping[str, str], place: str) -> bool:
    if found.get(_PLACE) != place:
        created = _number(found, _CREATED)
        return created is not None and time.time() - created > _DAY_S
    pid = _number(found, _PID)
    return pid is not None and _is_gone(pid, found.get(_PROCESS_START, ""))


def _number(found: Mapping[str, str], label: str) -> int | None:
    text = found.get(label, "")
    return int(text) if _NUMBER.match(text) else None


def _is_gone(pid: int, process_start: str) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # the process of another user exists
        return False
    except (ProcessLookupError, OverflowError):
        return True
    return _process_start(pid) != process_start


def _place() -> str:
    """The place in which a process id is valid: host, boot and pid namespace."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


def _process_start(pid: int) -> str:
    """The start time of a process, in a unit of the system; empty if the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self").exists() else _process_start_by_ps(pid)
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]  # a zombie counts as gone


def _process_start_by_ps(pid: int) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(  # noqa: S603  # constant except for a number
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            check=True,
            capture_output=True,
            text=True,
            timeout=_PS_LIMIT_S,
            env=programs_environment(),
        ).stdout.strip()
    return ""
