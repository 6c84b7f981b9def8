"""Runs work that may hang in a thread of its own, so that the caller can stop waiting."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Final, TypeVar

_AGAIN_AFTER_S: Final = 0.1
_T = TypeVar("_T")

IMPORTING: Final = threading.Lock()
"""Held where a thread imports a package late.

Python does not wait for a package that another thread is importing before it imports a module of
it. Where package and module import each other, as in requests, which docker imports, both fail.
"""


def in_background(work: Callable[[], _T], *, name: str | None = None) -> Future[_T]:
    """Start the work; the future gets its result or its exception.

    The thread is a daemon thread. A resolver that hangs has no timeout, and must not delay the exit
    of the process, as a thread of an executor would. An abandoned thread ends with the process.

    Args:
        work: the function to call, without arguments.
        name: the name of the thread, for debugging.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again by Future.result
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


@contextlib.contextmanager
def when_late(limit_s: float, act: Callable[[], object]) -> Iterator[threading.Event]:
    """Call `act` from another thread if the block takes longer, and again until it ends.

    Again, as a connection that is only being opened has no socket yet that `act` could close. The
    event is set once the block is late.
    """
    late, ended = threading.Event(), threading.Event()

    def watch() -> None:
        if ended.wait(limit_s):
            return
        late.set()
        act()
        while not ended.wait(_AGAIN_AFTER_S):
            act()

    in_background(watch)
    try:
        yield late
    finally:
        ended.set()
