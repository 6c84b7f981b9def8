"""The reports of a run: the terminal, the HTML page, and the output files."""

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import pytest

from redis_runbook.config.load import Loaded
from redis_runbook.config.output_choice import chosen_outputs
from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.reporting.destinations import Destinations
from redis_runbook.reporting.history import keeping
from redis_runbook.reporting.history.keeping import History
from redis_runbook.reporting.html import Page
from redis_runbook.reporting.notify import notified
from redis_runbook.reporting.notify.notifier import Notifier
from redis_runbook.reporting.output import Output, append_output, print_output, write_output
from redis_runbook.reporting.previous import read_record
from redis_runbook.reporting.terminal import Terminal
from redis_runbook.verdict import Finding

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
_PAGE: Final = "latest.html"
_ENDINGS: Final = ("html", "json", "xml", "evidence.json")


class Reports:
    """Implements `session.reports.Reports`; registered with pytest for the hooks of its page.

    Nothing here judges: verdicts and exit code are in the record.
    """

    def __init__(self, config: pytest.Config, loaded: Loaded) -> None:
        """Prepare the reports in the configured folder, and the outputs of the options.

        Raises:
            ValueError: an option names an output that is not registered, or outputs that cannot be
                had together.
        """
        self._config = config
        self._folder = Path(loaded.config.report_dir)
        self._outputs = loaded.plugins.outputs
        self._stdout = sys.stdout  # before a run takes it over
        self._asked = Destinations(
            chosen_outputs(config.option),
            self._outputs,
            self._folder,
            taken={
                **{self._outputs[name].file: name for name in (*_DEFAULT_OUTPUTS, _EVIDENCE)},
                _PAGE: "the page",
                notified.FILE: "what was notified",
                **dict.fromkeys(keeping.FILES, "the history"),
            },
            environ=os.environ,
        )
        self._own = ""
        self._written: set[Path] = set()
        self._history = History(self._folder, loaded.config.history)
        self._terminal = Terminal(config)
        self._page = Page(config)
        self._notifier = Notifier(loaded.config.notify, self._folder, os.environ, page=_PAGE)

    @property
    def takes_stdout(self) -> bool:
        """Whether an output has standard output for itself, and nobody keeps it meanwhile."""
        return bool(self._asked.alone) and RESULT not in self._config.stash

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
        record = self._history.add(record, instead_of)
        self._page.search = search
        return record

    def write(self, record: RunRecord, *, final: bool) -> list[str]:
        """Write the page and the final outputs, or else the outputs that are not final.

        The page shows the exit code, so it is final. The evidence of an earlier run is removed
        where this one has none.

        Returns:
            One sentence for each report that could not be written.
        """
        problems = []
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # of the files in it nobody would say why
            problems.append(f"cannot make {self._folder}: {error.strerror}")
        if not final and record.evidence is None and not record.judged_at:
            problems += self._remove_older_evidence()
        problems += self._write_page(record) if final else []
        for output, paths in self._files(record):
            if output.final is final:
                problems += self._write(output, record, paths)
        history = self._history
        return problems + (history.settle(record, self._own) if final else history.problems())

    def hand_over(self, record: RunRecord) -> list[str]:
        """Print, and append to files of others, what goes there.

        Returns:
            One sentence for each output that could not be handed over.
        """
        problems = []
        for output, appended, path in self._asked.appended:
            problems += append_output(output, record, appended, path)
        log = sys.stderr if self.takes_stdout else sys.stdout
        for output in self._asked.printed:
            problems += print_output(output, record, log)
        kept = self._config.stash.get(RESULT, self._stdout)
        for output in self._asked.alone:
            problems += print_output(output, record, kept)
        return problems

    def close(self, record: RunRecord) -> None:
        """Print what is broken, what to do next, and the path of the page; then tell of changes."""
        self._config.stash[RECORD] = record
        files = {"report": _PAGE}
        if record.evidence is not None:
            files["evidence, for `redis-runbook judge`"] = self._outputs[_EVIDENCE].file
        paths = {what: self._folder / name for what, name in files.items()}
        left = {what: path for what, path in paths.items() if path in self._written}
        self._terminal.close(record, left)
        if record.timeline is None:  # with `--wait`, the last attempt counts, and only it is told
            for outcome in self._notifier.tell(record):
                if outcome.is_problem:
                    print(outcome.text, file=sys.stderr)  # noqa: T201
                else:
                    self._terminal.say(outcome.text)
        else:
            self._config.stash[NOTIFIER] = self._notifier

    def _remove_older_evidence(self) -> list[str]:
        """Remove that of an earlier run: it would be taken for this one's."""
        file = self._folder / self._outputs[_EVIDENCE].file
        try:
            file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            return [f"cannot remove {file}, which an earlier run left: {error.strerror}"]
        return []

    def _write(self, output: Output, record: RunRecord, paths: Sequence[Path]) -> list[str]:
        problems = write_output(output, record, paths)
        if not problems:
            self._written.update(paths)
        return problems

    def _write_page(self, record: RunRecord) -> list[str]:
        page = Output(name="html", file=_PAGE, render=self._page.of)
        problems = self._write(page, record, self._paths(record, _PAGE))
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
        for output, path in self._asked.files:
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
