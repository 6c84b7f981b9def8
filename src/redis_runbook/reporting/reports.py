"""The reports of a run: the terminal, the HTML page, and the output files."""

import contextlib
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import pytest

from redis_runbook.config.load import Loaded
from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.reporting.history.keeping import History
from redis_runbook.reporting.html import Page
from redis_runbook.reporting.notify.notifier import Notifier
from redis_runbook.reporting.output import (
    STDOUT,
    Appended,
    Output,
    append_output,
    print_output,
    write_output,
)
from redis_runbook.reporting.previous import read_record
from redis_runbook.reporting.terminal import Terminal
from redis_runbook.verdict import Finding
from redis_runbook.wire.files import is_url

RECORD: Final = pytest.StashKey[RunRecord]()
"""The stash key for the record of the run that has ended."""
NOTIFIER: Final = pytest.StashKey[Notifier]()
"""The stash key for who tells of that run: of a run with `--wait`."""

RESULT: Final = pytest.StashKey[TextIO]()
"""The stash key for where an output that has standard output for itself is kept meanwhile.

It is set by who keeps all of standard output, and prints that output when all is over.
"""
_DEFAULT_OUTPUTS: Final = ("junit", "json")
"""The outputs that every run writes, each to a file of this run and to a stable file name."""

_EVIDENCE: Final = "evidence"
_ENDINGS: Final = ("html", "json", "xml", "evidence.json")


class Reports:
    """Implements `session.reports.Reports`; registered with pytest for the hooks of its page.

    Nothing here judges: verdicts and exit code are in the record.
    """

    def __init__(self, config: pytest.Config, loaded: Loaded) -> None:
        """Prepare the reports in the configured folder, and the outputs of the options.

        Raises:
            ValueError: an option names an output that is not registered, or more than one output
                would have standard output for itself.
        """
        self._config = config
        self._folder = Path(loaded.config.report_dir)
        self._outputs = loaded.plugins.outputs
        self._stdout = sys.stdout  # before a run takes it over
        self._requested: tuple[tuple[Output, Path], ...] = ()
        self._printed: list[Output] = []
        self._alone: list[Output] = []
        self._appended: list[tuple[Output, Appended, Path]] = []
        self._sort(config.getoption("output"))
        if file := config.getoption("metrics_file"):
            self._requested += ((self._outputs["prometheus"], _path(file)),)
        self._own = ""
        self._history = History(self._folder, loaded.config.history)
        self._terminal = Terminal(config)
        self._page = Page(config)
        self._notifier = Notifier(loaded.config.notify, self._folder, os.environ)

    @property
    def takes_stdout(self) -> bool:
        """Whether an output has standard output for itself, and nobody keeps it meanwhile."""
        return bool(self._alone) and RESULT not in self._config.stash

    def pytest_unconfigure(self) -> None:
        """Remove the temporary folder of the page, however the session ended."""
        self._page.close()

    def previous(self) -> Mapping[str, ServiceRecord]:
        """The services of the last run that left a report here, by name."""
        record = read_record(self._folder / "results.json")
        if record is None or record.judged_at:  # that was no look at the services
            return {}
        return {service.name: service for service in record.services}

    def begin(self, record: RunRecord) -> None:
        """Print which services are checked, before anything else."""
        self._terminal.begin(record)

    def found(self, finding: Finding) -> None:
        """Print a finding."""
        self._terminal.show(finding)

    def ended(
        self, record: RunRecord, search: Callable[[str], str], *, instead_of: RunRecord | None
    ) -> RunRecord:
        """Keep the run in the history, and let the page redact what pytest-html writes next.

        Returns:
            The record, with what the history tells of it.
        """
        record = self._history.told(record, instead_of)
        self._page.search = search
        return record

    def write(self, record: RunRecord, *, final: bool) -> list[str]:
        """Write the page and the final outputs, or else the outputs that are not final.

        The page shows the exit code, so it is final.

        Returns:
            One sentence for each report that could not be written.
        """
        problems = []
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # of the files in it nobody would say why
            problems.append(f"cannot make {self._folder}: {error.strerror}")
        if not final and record.evidence is None and not record.judged_at:
            with contextlib.suppress(OSError):  # it would be taken for that of this run
                (self._folder / self._outputs[_EVIDENCE].file).unlink()
        problems += self._write_page(record) if final else []
        for output, paths in self._files(record):
            if output.final is final:
                problems += write_output(output, record, paths)
        history = self._history
        return problems + (history.settle(record, self._own) if final else history.problems())

    def hand_over(self, record: RunRecord) -> list[str]:
        """Print, and append to files of others, what goes there.

        Returns:
            One sentence for each output that could not be handed over.
        """
        problems = []
        for output, appended, path in self._appended:
            problems += append_output(output, record, appended, path)
        log = sys.stderr if self.takes_stdout else sys.stdout
        for output in self._printed:
            problems += print_output(output, record, log)
        kept = self._config.stash.get(RESULT, self._stdout)
        for output in self._alone:
            problems += print_output(output, record, kept)
        return problems

    def close(self, record: RunRecord) -> None:
        """Print what is broken, what to do next, and the path of the page; then tell of changes."""
        self._config.stash[RECORD] = record
        files = {"report": "latest.html"}
        if record.evidence is not None:
            files["evidence, for `redis-runbook judge`"] = self._outputs[_EVIDENCE].file
        left = {} if record.unwritten else files
        self._terminal.close(record, {what: self._folder / name for what, name in left.items()})
        if record.timeline is None:  # with `--wait`, the last attempt counts, and only it is told
            for outcome in self._notifier.tell(record):
                if outcome.is_problem:
                    print(outcome.text, file=sys.stderr)  # noqa: T201
                else:
                    self._terminal.say(outcome.text)
        else:
            self._config.stash[NOTIFIER] = self._notifier

    def _write_page(self, record: RunRecord) -> list[str]:
        paths = self._paths(record, "latest.html")
        page = Output(name="html", file="latest.html", render=self._page.of)
        problems = write_output(page, record, paths)
        if self._page.own is None:
            problems.append(
                "the HTML report lacks pytest's own record: pytest-html could not write it"
            )
        return problems

    def _files(self, record: RunRecord) -> Iterator[tuple[Output, Sequence[Path]]]:
        for name in _DEFAULT_OUTPUTS:
            output = self._outputs[name]
            yield output, self._paths(record, output.file)
        if record.evidence is not None:
            output = self._outputs[_EVIDENCE]
            yield output, self._paths(record, output.file, ending=f".{output.file}")
        for output, path in self._requested:
            yield output, (path,)

    def _paths(
        self, record: RunRecord, stable: str, *, ending: str | None = None
    ) -> Sequence[Path]:
        """The path of this run's file, and the stable path."""
        self._own = self._own or self._free_name(record)
        own = f"{self._own}{ending or Path(stable).suffix}"
        return self._folder / own, self._folder / stable

    def _free_name(self, record: RunRecord) -> str:
        """`smoke-20261125T030000Z`, with a number where a run of the same second has that."""
        first = f"{record.profile}-{record.started_at:%Y%m%dT%H%M%SZ}"
        names = itertools.chain([first], (f"{first}-{number}" for number in itertools.count(2)))
        return next(
            name
            for name in names
            if not any(os.path.lexists(self._folder / f"{name}.{end}") for end in _ENDINGS)
        )

    def _sort(self, options: Iterable[str]) -> None:
        """Where each `NAME[=PATH]` of the options goes; raises as `__init__`."""
        for text in options:
            name, _, path = text.partition("=")
            output = self._outputs.get(name)
            if output is None:
                hint = the_nearest_is(name, self._outputs)
                raise ValueError(f"--output {name}: there is no such output{hint}")
            if path == STDOUT or (output.alone and not path):
                self._alone.append(output)
            elif output.stdout and not path:
                self._printed.append(output)
            else:
                file = _path(path) if path else self._folder / output.file
                self._requested += ((output, file),)
            appended = output.appended
            if appended and not path and (given := os.environ.get(appended.variable)):
                self._appended.append((output, appended, _path(given)))
        if len(self._alone) > 1:
            names = " and ".join(output.name for output in self._alone)
            raise ValueError(
                f"--output: {names} cannot share standard output: write all but one to a file"
            )


def _path(text: str) -> Path:
    if is_url(text):
        raise ValueError("an output is written to a path, not to a URL")
    return Path(text)
