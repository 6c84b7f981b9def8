"""What probes have returned about one subject: put, failed, or waited for until the deadline."""

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from redis_runbook.verdict import CannotLook

_REFRESH_S: Final = 1.0
_T = TypeVar("_T")


class Facts:
    """The facts of each kind, or why there are none; the first word on a kind stands."""

    def __init__(self, kinds: Iterable[type], *, deadline: float, late: str) -> None:
        """Expect these kinds until `deadline` (time.monotonic); `late` says that it has come."""
        self._futures: dict[type, concurrent.futures.Future[Any]] = {
            kind: concurrent.futures.Future() for kind in kinds
        }
        self._deadline = deadline
        self._late = late

    def put(self, kind: type[_T], facts: _T) -> None:
        """Here they are."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._futures[kind].set_result(facts)

    def fail(self, kind: type, error: Exception) -> None:
        """There are none: whoever asks for them gets the error."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._futures[kind].set_exception(error)

    def wait(self, kind: type[_T], *, on_wait: Callable[[], None] = lambda: None) -> _T:
        """The facts of that kind; `on_wait` is called about once a second while they are awaited.

        Raises:
            CannotLook: there are none, or not before the deadline; or any error of the probe.
        """
        future: concurrent.futures.Future[_T] = self._futures[kind]
        while not future.done():
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise CannotLook(self._late)
            on_wait()
            concurrent.futures.wait([future], timeout=min(left_s, _REFRESH_S))
        return future.result()

    def known(self, kind: type[_T]) -> _T | None:
        """The facts of that kind if they are there already, without waiting."""
        future: concurrent.futures.Future[_T] = self._futures[kind]
        return future.result() if future.done() and not future.exception() else None
