"""The interface through which a session reports a run; `reporting` implements it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.verdict import Finding


class Reports(Protocol):
    """The reports of a run. It is also a pytest plugin, as it implements hooks of pytest-html."""

    @property
    def takes_stdout(self) -> bool:
        """Whether one of them has standard output for itself: nothing else may be printed there."""

    def previous(self) -> Mapping[str, ServiceRecord]:
        """The services of the last run, by name."""

    def begin(self, record: RunRecord) -> None:
        """Report that the target is open."""

    def found(self, finding: Finding) -> None:
        """Report the finding of a check that has ended."""

    def ended(
        self, record: RunRecord, search: Callable[[str], str], *, instead_of: RunRecord | None
    ) -> RunRecord:
        """Report that all checks have ended: other pytest plugins write their reports next.

        `search` replaces the secrets in those reports. Under `--wait` the run comes in the place
        of `instead_of`, the attempt before it.

        Returns:
            The record, with what differs from earlier runs.
        """

    def write(self, record: RunRecord, *, final: bool) -> list[str]:
        """Write the reports without the exit code, or (final) those with it.

        Returns:
            One sentence for each report that could not be written.
        """

    def hand_over(self, record: RunRecord) -> list[str]:
        """Print, and append to files of others, what goes there; once, after all is written.

        Returns:
            As `write`.
        """

    def close(self, record: RunRecord) -> None:
        """Report that the run is over; `record.unwritten` holds the problems of `write`.

        Whoever is to be notified is.
        """
