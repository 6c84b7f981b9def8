"""Handles the signals of this process, and its standard streams if closed, full or broken."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Final, NoReturn, TextIO

from redis_runbook.wire.background import when_late

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDERR: Final = 2
_OF_PROGRAMS: Final = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


def programs_environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment for programs that we start: of ours what they need to run, and `also`.

    Ours may hold tokens, and every process of this user can read that of a child. The locale is
    plain, as Redis 7 exits if that of the environment is not installed.
    """
    given = {name: os.environ[name] for name in (*_OF_PROGRAMS, *also) if name in os.environ}
    return {**given, "LC_ALL": "C"}


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first SIGINT or SIGTERM, and ignore further ones.

    SIGHUP, of a terminal that went away, counts as well, unless it is ignored (`nohup`).
    Only the main thread may handle signals; in another thread this does nothing.
    """
    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue
                stack.callback(signal.signal, number, signal.signal(number, _interrupt))
        yield


def ignore_signals() -> None:
    """Ignore SIGINT and SIGTERM from now on; what follows must end by itself."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    ignore_signals()
    raise KeyboardInterrupt


def open_closed_streams() -> None:
    """Point standard streams that were closed (`2>&-`) to /dev/null.

    Otherwise the next file or socket would get their file descriptor, and receive the output. To
    write to standard output fails all the same, as for every program: a result would be lost.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            mode = os.O_RDONLY if descriptor < _STDERR else os.O_RDWR
            os.open(os.devnull, mode)  # gets the lowest free number: `descriptor`
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


@contextlib.contextmanager
def ended_after(limit_s: float, code: int, sentence: str) -> Iterator[None]:
    """End the process with this exit code and sentence if the block takes longer."""

    def end() -> None:
        try:
            os.set_blocking(_STDERR, False)  # nobody may read it
            os.write(_STDERR, f"{sentence}\n".encode())
        finally:
            os._exit(code)

    with when_late(limit_s, end):
        yield


def flush_streams() -> None:
    """Write out what is buffered: where that fails at exit, Python ends with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            silence(stream)


def silence(stream: TextIO) -> None:
    """Point a stream to /dev/null, because its reader went away or its disk is full.

    Its buffer is discarded, too; otherwise Python would fail when it flushes the buffer at exit.
    """
    with contextlib.suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(devnull, stream.fileno())
        finally:
            os.close(devnull)
