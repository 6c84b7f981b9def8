"""How much of a latency this process may have caused itself, by not running when it should have."""

from typing import Final

_SLACK_S: Final = 0.001
"""Timers and a few system calls may take as long on an idle machine."""


class OwnDelay:
    """Adds up how late this process was: all time that it neither meant to wait nor needed.

    The caller says what it is about to wait for, and when it is back. Whatever takes more than a
    millisecond beyond that was spent without the CPU, or without the interpreter's lock.
    """

    def __init__(self) -> None:
        """Begin at 0."""
        self._total_s = 0.0
        self._waits_until = 0.0

    def waits(self, now: float, until: float) -> None:
        """The caller is about to wait, at most until `until`."""
        self._total_s = self.total_s(now)
        self._waits_until = max(now, until)

    def is_back(self, now: float) -> None:
        """The caller waits no longer."""
        self._waits_until = min(self._waits_until, now)

    def forgets(self, now: float) -> None:
        """What came since the last wait is accounted for elsewhere."""
        self._waits_until = now

    def total_s(self, now: float) -> float:
        """How late the process has been, by now: two of these tell of the time between them."""
        late_s = now - self._waits_until
        return self._total_s + (late_s if late_s > _SLACK_S else 0)
