"""The HTML report: our page, with the parts that pytest-html makes below a fold."""

import contextlib
import html
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.reporting.page.render import OwnRecord, render
from redis_runbook.verdict import Verdict

_BLOB: Final = re.compile(r'data-jsonblob="([^"]*)"')
_TITLE: Final = re.compile(r'<h1 id="title">.*?</h1>', re.DOTALL)
_STYLE: Final = re.compile(r'<style type="text/css">(.*?)</style>', re.DOTALL)
_METADATA: Final = frozenset({"Python", "Platform"})
_SETTLED: Final = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_MOST_ROWS: Final = 1_000
"""Of pytest-html's table: what is settled has no more, as our own has a row for each."""

Search = Callable[[str], str]
"""Redacts a text that is not from the record."""


class Page:
    """Implements hooks of pytest-html, and reads the page that pytest-html writes.

    `search` is set when the checks have ended. `own` are pytest-html's parts once the session is
    finished; None if pytest-html could not write them.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Let pytest-html write to a temporary folder, unless the user chose a path."""
        self.own: OwnRecord | None = None
        self.search: Search = str
        self._rows = 0
        of = " (saved evidence)" if config.getoption("evidence") else ""
        self._title = f"redis-runbook {config.getoption('profile')}{of}"
        self._folder = contextlib.ExitStack()
        self._path = Path(config.option.htmlpath or "")
        if not config.option.htmlpath:
            with contextlib.suppress(OSError):  # disk full: there are no parts, which is reported
                folder = tempfile.mkdtemp(prefix="redis-runbook-")
                self._folder.callback(shutil.rmtree, folder, ignore_errors=True)
                self._path = Path(folder) / "report.html"
                config.option.htmlpath = str(self._path)
                config.option.self_contained_html = True
        config.pluginmanager.register(self)

    def close(self) -> None:
        """Remove the temporary folder."""
        self._folder.close()

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Register the collector of the parts, which runs after pytest-html wrote them."""
        session.config.pluginmanager.register(_Collector(self))

    @pytest.hookimpl(optionalhook=True)
    def pytest_metadata(self, metadata: dict[str, Any]) -> None:
        """Drop all but harmless metadata: CI variables may contain tokens."""
        for key in set(metadata) - _METADATA:
            del metadata[key]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the report."""
        report.title = self._title

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add a column for our verdict: pytest-html needs the first column for its own filter."""
        cells.insert(1, '<th class="sortable" data-column-type="verdict">Verdict</th>')

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Show the finding's name, escaped: pytest-html does not escape test ids."""
        known = dict(getattr(report, "user_properties", ()))
        verdict = Verdict(known["verdict"]) if "verdict" in known else None
        self._rows += 1
        if self._rows > _MOST_ROWS and verdict in _SETTLED:
            del cells[:]
            return
        name = str(known.get("finding") or getattr(report, "nodeid", ""))
        cells[1] = f'<td class="col-testId">{html.escape(name)}</td>'
        cells.insert(1, f'<td class="col-verdict">{verdict.label if verdict else ""}</td>')

    def of(self, record: RunRecord) -> str:
        """The page of this record."""
        return render(record, title=self._title, own=self.own)

    def collect(self, config: pytest.Config) -> None:
        """Read the parts, and unregister pytest-html, which would print the temporary path."""
        with contextlib.suppress(OSError):
            written = self._path.read_text(encoding="utf-8")
            style = _STYLE.search(written)
            body = written.partition("<body>")[2].rpartition("</body>")[0]
            self.own = OwnRecord(
                style=style[1] if style else "",
                body=_BLOB.sub(self._redacted_blob, _TITLE.sub("", body, count=1)),
            )
        for plugin in config.pluginmanager.get_plugins():
            if type(plugin).__module__.startswith("pytest_html."):
                config.pluginmanager.unregister(plugin)

    def _redacted_blob(self, blob: re.Match[str]) -> str:
        """pytest-html's data, with every text redacted: it contains what pytest reported."""
        data = _each_text(json.loads(html.unescape(blob[1])), self.search)
        # In single quotes, as most of JSON's own would take five characters each otherwise.
        text = json.dumps(data, separators=(",", ":")).replace("&", "&amp;").replace("<", "&lt;")
        return f"data-jsonblob='{text.replace(chr(39), '&#39;')}'"


class _Collector:
    def __init__(self, page: Page) -> None:
        self._page = page

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._page.collect(session.config)


def _each_text(value: Any, change: Search) -> Any:
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value
