"""The reports of one run: the terminal, the page, the files of every run and those asked for."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from redis_runbook.config.load import Loaded
from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.reporting.html import Page
from redis_runbook.reporting.output import Output, write_output, write_text
from redis_runbook.reporting.previous import read_record
from redis_runbook.reporting.terminal import Terminal
from redis_runbook.verdict import Finding

_EVERY_RUN: Final = ("junit", "json")
"""The outputs that every run writes, under its own name and a stable one."""


class Reports:
    """Tells of a run, as `session.reports.Reports` asks for; registered with pytest for its page.

    Nothing here judges: a record says what the run amounts to.
    """

    def __init__(self, config: pytest.Config, loaded: Loaded) -> None:
        """Prepare to write into the configuration's report folder, and what the options ask for.

        Raises:
            ValueError: an option asks for an output that nobody registered.
        """
        self._folder = Path(loaded.config.report_dir)
        self._outputs = loaded.plugins.outputs
        self._asked = tuple(self._parsed(config.getoption("output")))
        if file := config.getoption("metrics_file"):
            self._asked += ((self._outputs["prometheus"], Path(file)),)
        self._terminal = Terminal(config)
        self._page = Page(config)

    def pytest_unconfigure(self) -> None:
        """Remove what the page was made in, however the session ended."""
        self._page.close()

    def previous(self) -> Mapping[str, ServiceRecord]:
        """The services of the last run that left a report here, by name."""
        record = read_record(self._folder / "results.json")
        return {service.name: service for service in record.services} if record else {}

    def begin(self, record: RunRecord) -> None:
        """Say what is being looked at, before anything else."""
        self._terminal.begin(record)

    def found(self, finding: Finding) -> None:
        """Show a finding as it is made."""
        self._terminal.show(finding)

    def ended(self, record: RunRecord, search: Callable[[str], str]) -> None:
        """Give the page its record: pytest-html writes it next."""
        self._page.record = record
        self._page.search = search

    def write(self, record: RunRecord, *, final: bool) -> list[str]:
        """Write the page and the outputs that are final, or those that are not.

        Returns:
            What could not be written, one sentence each.
        """
        with contextlib.suppress(OSError):  # said of each file that cannot be written there
            self._folder.mkdir(parents=True, exist_ok=True)
        problems = [] if final else self._write_page(record)
        for output, paths in self._files(record):
            if output.final is final:
                problems += write_output(output, record, paths)
        return problems

    def close(self, record: RunRecord, problems: Sequence[str]) -> None:
        """Tell what is broken and what to do next, and where to read more."""
        page = None if problems else self._folder / "latest.html"
        self._terminal.close(record, page)

    def _write_page(self, record: RunRecord) -> list[str]:
        if not self._page.text:
            return ["no HTML report: pytest-html could not write it"]
        return write_text(self._page.text, self._places(record, "latest.html"))

    def _files(self, record: RunRecord) -> Iterator[tuple[Output, Sequence[Path]]]:
        for name in _EVERY_RUN:
            output = self._outputs[name]
            yield output, self._places(record, output.file)
        for output, path in self._asked:
            yield output, (path,)

    def _places(self, record: RunRecord, stable: str) -> Sequence[Path]:
        """The run's own name, and the stable one."""
        own = f"{record.profile}-{record.started_at:%Y%m%dT%H%M%SZ}{Path(stable).suffix}"
        return self._folder / own, self._folder / stable

    def _parsed(self, asked: Iterable[str]) -> Iterator[tuple[Output, Path]]:
        """Each `NAME[=PATH]` that was asked for."""
        for text in asked:
            name, _, path = text.partition("=")
            output = self._outputs.get(name)
            if output is None:
                hint = the_nearest_is(name, self._outputs)
                raise ValueError(f"--output {name}: there is no such output{hint}")
            yield output, Path(path) if path else self._folder / output.file
