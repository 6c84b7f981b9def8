"""The facts about one subject: probes put them, or fail; checks wait for them."""

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from redis_runbook.verdict import CannotLook

_REFRESH_S: Final = 1.0
_T = TypeVar("_T")


class Facts:
    """The facts of each kind, or the error; only the first result for a kind is kept."""

    def __init__(self, kinds: Iterable[type], *, deadline: float, late: str) -> None:
        """Expect these kinds until `deadline` (time.monotonic); `late` is the message after it."""
        self._futures: dict[type, concurrent.futures.Future[Any]] = {
            kind: concurrent.futures.Future() for kind in kinds
        }
        self._deadline = deadline
        self._late = late

    def put(self, kind: type[_T], facts: _T) -> None:
        """Store the facts of that kind."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._futures[kind].set_result(facts)

    def fail(self, kind: type, error: Exception) -> None:
        """Store the error: `wait` raises it."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._futures[kind].set_exception(error)

    def wait(self, kind: type[_T], *, on_wait: Callable[[], None] = lambda: None) -> _T:
        """Wait for the facts of that kind, and call `on_wait` about once a second until then.

        Raises:
            CannotLook: the deadline has passed; or any error that the probe raised.
        """
        future: concurrent.futures.Future[_T] = self._futures[kind]
        while not future.done():
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                self.fail(kind, CannotLook(self._late))  # for whoever asks again, and the evidence
                break
            on_wait()
            concurrent.futures.wait([future], timeout=min(left_s, _REFRESH_S))
        if error := future.exception():
            # Without those of the raises before: each check that asks would make it longer.
            raise error.with_traceback(None)
        return future.result()

    def outcomes(self) -> Mapping[type, object]:
        """By kind, the facts or the error of each probe that has ended."""
        ended = {kind: future for kind, future in self._futures.items() if future.done()}
        return {kind: future.exception() or future.result() for kind, future in ended.items()}

    def known(self, kind: type[_T]) -> _T | None:
        """The facts of that kind if they are there already, without waiting."""
        future: concurrent.futures.Future[_T] = self._futures[kind]
        return future.result() if future.done() and not future.exception() else None
