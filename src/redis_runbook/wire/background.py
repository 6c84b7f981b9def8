"""Work beside the main thread that must not hold up the exit of the process."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def in_background(work: Callable[[], _T]) -> Future[_T]:
    """Run in a daemon thread: one that hangs must not hold up the exit, as an executor's would."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again by Future.result
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
