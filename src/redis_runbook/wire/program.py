"""Runs a program, bounded in time and in output; nothing of its session outlives it."""

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Literal

from redis_runbook.redact import Shown, harmless, harmless_lines
from redis_runbook.wire.lines import without_colours
from redis_runbook.wire.sessions import SessionGuard

_TAIL_BYTES: Final = 16 << 10
_CHUNK_BYTES: Final = 64 << 10
_LEFT_IN_PIPE_BYTES: Final = 1 << 20
_LOOK_S: Final = 0.05
_KILLED_LIMIT_S: Final = 2.0
_KILLING_ROUNDS: Final = 10
_LAST_LINES: Final = 20
_LINE_ENDS: Final = re.compile(rb"[\r\n]+")


class StartError(Exception):
    """The program did not start; the text is a clause whose subject is the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run: its arguments without a shell, its folder, and its whole environment."""

    run: Sequence[str]
    cwd: str | None = None
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended.

    `by` is "exit" with `code` as its exit code, "signal" with `code` as the number of somebody
    else's signal, "timeout" after its own limit, or "run" where the run ended first. `last_lines`
    are of what it wrote to standard output and error, `output_bytes` in all.
    """

    by: Literal["exit", "signal", "timeout", "run"]
    code: int
    elapsed_s: float
    last_lines: Sequence[Shown]
    output_bytes: int


def run_program(
    program: Program, *, timeout_s: float, time_left_s: float, stop: threading.Event
) -> Ended:
    """Run a program until it ends, at most `timeout_s`, nor longer than the run has left.

    It has a session of its own and no terminal, and reads nothing. At its end its whole session is
    killed, and with this process at the latest. Only a process that leaves the session (`setsid`)
    stays, and is not waited for. Without /proc only its process group is known.

    Raises:
        StartError: it cannot be started, or how it ends would not be known.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # Python would take any exit for 0
        raise StartError("was not started: SIGCHLD is ignored here, which hides how a program ends")
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        process, output = _start(program, stack)
        by_itself = _wait(process, output, began + min(timeout_s, time_left_s), stop)
        elapsed_s = time.monotonic() - began
    code = process.returncode
    by: Literal["exit", "signal", "timeout", "run"] = "exit"
    if not by_itself:
        by = "timeout" if elapsed_s >= timeout_s else "run"
    elif code is None or code < 0:
        by = "signal"
    return Ended(
        by=by,
        code=abs(code or 0),
        elapsed_s=elapsed_s,
        last_lines=output.last_lines,
        output_bytes=output.total_bytes,
    )


def _start(
    program: Program, stack: contextlib.ExitStack
) -> "tuple[subprocess.Popen[bytes], _Output]":
    try:
        guard = stack.enter_context(contextlib.closing(SessionGuard()))
        process = subprocess.Popen(  # noqa: S603  # what the configuration says, without a shell
            [*program.run],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=program.cwd,
            env=program.environment,
            start_new_session=True,
        )
    except OSError as error:
        raise StartError(f"cannot be started: {_reason(error)}") from None
    assert process.stdout  # noqa: S101  # for the type checker: it is a pipe
    output = _Output(process.stdout)
    stack.callback(_end, process, guard, output)
    guard.guard(process.pid)
    return process, output


def _reason(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{harmless(os.fsdecode(error.filename))}: {reason}" if error.filename else reason


def _wait(
    process: "subprocess.Popen[bytes]", output: "_Output", until: float, stop: threading.Event
) -> bool:
    """Read until it has ended by itself; False if it must be ended."""
    while not _has_ended(process):
        left_s = until - time.monotonic()
        if left_s <= 0 or stop.is_set():
            return False
        if output.at_end:
            stop.wait(min(left_s, _LOOK_S))
        else:
            output.read(wait_s=min(left_s, _LOOK_S))
    return True


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has; it is not reaped, so that its session's id is given to nobody else yet."""
    if hasattr(os, "waitid"):
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, process.pid, options) is not None
    return process.poll() is not None


def _end(process: "subprocess.Popen[bytes]", guard: SessionGuard, output: "_Output") -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(_KILLING_ROUNDS):  # one may have started another meanwhile
        others = _living_of(process.pid)
        for pid in others:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not others:
            break
    guard.release(process.pid)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_KILLED_LIMIT_S)
    output.read_what_is_left()
    output.close()


def _living_of(session: int) -> list[int]:
    """The processes of a session: `timeout` and shells with job control make groups in it."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            state, _, _, its_session, _ = stat.read_bytes().rpartition(b")")[2].split(maxsplit=4)
            if int(its_session) == session and state not in {b"Z", b"X"}:
                found.append(int(stat.parent.name))
    return found


class _Output:
    """What a program writes: how much, and the end of it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._tail = b""
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        os.set_blocking(pipe.fileno(), False)
        self.total_bytes = 0
        self.at_end = False

    def read(self, *, wait_s: float) -> bool:
        """Wait for more, and read a part of it; False if there is none."""
        if self.at_end or not self._poll.poll(wait_s * 1000):
            return False
        chunk = self._pipe.read(_CHUNK_BYTES)
        if not chunk:
            self.at_end = chunk == b""
            return False
        self.total_bytes += len(chunk)
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        return True

    def read_what_is_left(self) -> None:
        """Read what is in the pipe; not for ever, as one who left the group may still write."""
        most = self.total_bytes + _LEFT_IN_PIPE_BYTES
        while self.total_bytes < most and self.read(wait_s=0):
            pass

    def close(self) -> None:
        self._pipe.close()

    @property
    def last_lines(self) -> Sequence[Shown]:
        """The last lines without colours, redacted together.

        A first line whose beginning is not there is left out, as it may begin within a secret. A
        last one that has no end may end within one, which `…` says.
        """
        *lines, last = _LINE_ENDS.split(without_colours(self._tail))
        is_cut = self.total_bytes > len(self._tail)
        if last and (lines or not is_cut):
            lines.append(last + "…".encode())
        return harmless_lines(lines[is_cut:])[-_LAST_LINES:]
