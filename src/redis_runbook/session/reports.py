"""What a session asks of those that tell of a run. They are above it, and are handed in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.verdict import Finding


class Reports(Protocol):
    """What tells of a run. A plugin of pytest's, too: pytest-html's hooks are its own."""

    def previous(self) -> Mapping[str, ServiceRecord]:
        """The services of the last run, by name."""

    def begin(self, record: RunRecord) -> None:
        """The target is open."""

    def found(self, finding: Finding) -> None:
        """A check has ended."""

    def ended(self, record: RunRecord, search: Callable[[str], str]) -> None:
        """All checks have ended: pytest's own plugins write their reports next.

        `search` takes the secrets out of what they tell.
        """

    def write(self, record: RunRecord, *, final: bool) -> list[str]:
        """Write what does not tell the exit code, or (final) what does.

        Returns:
            What could not be written, one sentence each.
        """

    def close(self, record: RunRecord, problems: Sequence[str]) -> None:
        """All is written."""
