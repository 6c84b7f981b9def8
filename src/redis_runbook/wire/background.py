"""Runs work that may hang in a thread of its own, so that the caller can stop waiting."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


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
