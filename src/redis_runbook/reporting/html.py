"""The HTML report: pytest-html's page with a table on top that needs no JavaScript."""

import contextlib
import functools
import html
import importlib.resources
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jinja2
import pytest
from markupsafe import Markup, escape

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.verdict import Verdict

_CODE: Final = re.compile(r"`([^`]+)`")
_BLOB: Final = re.compile(r'(data-jsonblob=")([^"]*)(")')
_BEGIN: Final = "<!-- verdict -->"
_END: Final = "<!-- end of the verdict -->"
_METADATA: Final = frozenset({"Python", "Platform"})
_COLUMNS: Final = (
    "Verdict",
    "Check",
    "Subject",
    "Observed",
    "Limit",
    "What was found",
    "Next step",
)

Search = Callable[[str], str]
"""Redacts a text that is not from the record."""


class Page:
    """Implements hooks of pytest-html, and reads the page that pytest-html writes.

    `record` is set when the checks have ended. `text` is the page once the session is finished; it
    is empty if pytest-html could not write it.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Let pytest-html write to a temporary folder, unless the user chose a path."""
        self.text = ""
        self.record: RunRecord | None = None
        self.search: Search = str
        self._profile = config.getoption("profile")
        self._of = " (saved evidence)" if config.getoption("evidence") else ""
        self._folder = contextlib.ExitStack()
        self._path = Path(config.option.htmlpath or "")
        if not config.option.htmlpath:
            with contextlib.suppress(OSError):  # disk full: the page stays empty, which is reported
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
        """Register the collector of the page, which runs after pytest-html wrote it."""
        session.config.pluginmanager.register(_Collector(self))

    @pytest.hookimpl(optionalhook=True)
    def pytest_metadata(self, metadata: dict[str, Any]) -> None:
        """Drop all but harmless metadata: CI variables may contain tokens."""
        for key in set(metadata) - _METADATA:
            del metadata[key]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the report."""
        report.title = f"redis-runbook {self._profile}{self._of}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the verdicts at the top, as plain HTML."""
        if self.record:
            prefix.append(_BEGIN + render(self.record) + _END)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add a column for our verdict: pytest-html needs the first column for its own filter."""
        cells.insert(1, '<th class="sortable" data-column-type="verdict">Verdict</th>')

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Show the finding's name, escaped: pytest-html does not escape test ids."""
        known = dict(getattr(report, "user_properties", ()))
        name = str(known.get("finding") or getattr(report, "nodeid", ""))
        label = Verdict(known["verdict"]).label if "verdict" in known else ""
        cells[1] = f'<td class="col-testId">{html.escape(name)}</td>'
        cells.insert(1, f'<td class="col-verdict">{label}</td>')

    def with_verdict_of(self, record: RunRecord) -> str:
        """The page with the verdict of this record; empty where pytest-html could not write it.

        When pytest-html wrote it, nobody knew yet whether every report could be written.
        """
        before, begin, rest = self.text.partition(_BEGIN)
        _, end, after = rest.partition(_END)
        return before + begin + render(record) + end + after if end else self.text

    def collect(self, config: pytest.Config) -> None:
        """Read the page, and unregister pytest-html, which would print the temporary path."""
        with contextlib.suppress(OSError):
            page = self._path.read_text(encoding="utf-8")
            self.text = _BLOB.sub(self._redacted_blob, page).replace(
                "<html>", '<html lang="en">', 1
            ).replace(
                "<head>", '<head>\n    <meta name="viewport" content="width=device-width">', 1
            )  # fmt: skip
        for plugin in config.pluginmanager.get_plugins():
            if type(plugin).__module__.startswith("pytest_html."):
                config.pluginmanager.unregister(plugin)

    def _redacted_blob(self, blob: re.Match[str]) -> str:
        """pytest-html's data, with every text redacted: it contains what pytest reported."""
        data = _each_text(json.loads(html.unescape(blob[2])), self.search)
        return blob[1] + html.escape(json.dumps(data)) + blob[3]


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


def render(record: RunRecord) -> str:
    """The run's verdict, its facts, and a row for each finding, as an HTML fragment."""
    code = record.exit_code
    facts = (
        f"{record.profile} of {record.started_at:%Y-%m-%d %H:%M:%S} UTC",
        f"target {record.target}" if record.target else "",
        f"{record.elapsed_s:.1f} s",
        f"exit code {int(code)}",
        text.left_out(record),
        text.attempts(record),
    )
    return _template().render(
        style=Markup(_resource("verdicts.css")),  # noqa: S704  # our own
        code=int(code),
        headline=text.headline(record),
        meaning=text.meaning(record),
        record=record,
        facts=[fact for fact in facts if fact],
        timeline=text.timeline(record),
        counts=text.counts(record.findings),
        columns=_COLUMNS,
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=False
    )
    environment.filters |= {
        "quantity": text.quantity,
        "with_code": _with_code,
        "lines": lambda value: value if isinstance(value, list | tuple) else [value],
    }
    return environment.from_string(_resource("verdicts.html.j2"))


def _resource(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


def _with_code(step: str) -> Markup:
    """Escaped text, with the parts between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(step))))  # noqa: S704  # escaped
