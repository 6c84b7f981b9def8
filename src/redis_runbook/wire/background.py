"""Work in a thread of its own, for what may hang: whoever asks waits no longer than they want."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def in_background(work: Callable[[], _T], *, name: str | None = None) -> Future[_T]:
    """Begin the work; the future holds what it returns, or what it raises.

    A daemon thread: a resolver that hangs knows no timeout, and must not hold up the exit, as the
    threads of an executor would. One that is given up ends when this process does.

    Args:
        work: what to do; it gets no arguments.
        name: the thread's, for who lists them.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again by Future.result
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
