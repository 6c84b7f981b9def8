"""The HTML report: pytest-html's page with a table on top that needs no JavaScript."""

import contextlib
import html
import importlib.resources
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from redis_runbook.reporting import text
from redis_runbook.session.run import Run
from redis_runbook.verdict import Finding

_CODE: Final = re.compile(r"`([^`]+)`")
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


class Page:
    """Hooks into pytest-html, and takes the finished page from it.

    `text` is the page once the session is finished; empty where pytest-html could not write it.
    """

    def __init__(self, run: Run, config: pytest.Config, stack: contextlib.ExitStack) -> None:
        """Let pytest-html write to a temporary folder, which `stack` removes."""
        self.text = ""
        self._run = run
        self._path = Path(config.option.htmlpath or "")
        if not config.option.htmlpath:
            with contextlib.suppress(OSError):  # no room: the page stays empty, and that is said
                folder = tempfile.mkdtemp(prefix="redis-runbook-")
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                self._path = Path(folder) / "report.html"
                config.option.htmlpath = str(self._path)
                config.option.self_contained_html = True

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Come after pytest-html, which writes its page as the last of all but us."""
        session.config.pluginmanager.register(_Collector(self))

    @pytest.hookimpl(optionalhook=True)
    def pytest_metadata(self, metadata: dict[str, Any]) -> None:
        """Keep what is harmless: CI variables may hold tokens."""
        for key in set(metadata) - _METADATA:
            del metadata[key]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the report."""
        report.title = f"redis-runbook {self._run.profile.name}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the verdicts at the top, as plain HTML."""
        prefix.append(render(self._run))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Give our verdict a column: pytest-html filters by its own words in the first one."""
        cells.insert(1, '<th class="sortable" data-column-type="verdict">Verdict</th>')

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Show our name for the check: pytest-html escapes no test id."""
        name = dict(getattr(report, "user_properties", ())).get("finding", "")
        finding = self._run.findings.get(name)
        name = name or getattr(report, "nodeid", "")
        cells[1] = f'<td class="col-testId">{html.escape(name)}</td>'
        cells.insert(1, f'<td class="col-verdict">{finding.verdict.label if finding else ""}</td>')

    def collect(self, config: pytest.Config) -> None:
        """Read the page, and let pytest-html say nothing about its temporary place."""
        with contextlib.suppress(OSError):
            self.text = (
                self._path.read_text(encoding="utf-8")
                .replace("<html>", '<html lang="en">', 1)
                .replace(
                    "<head>",
                    '<head>\n    <meta name="viewport" content="width=device-width">',
                    1,
                )
            )
        for plugin in config.pluginmanager.get_plugins():
            if type(plugin).__module__.startswith("pytest_html."):
                config.pluginmanager.unregister(plugin)


class _Collector:
    def __init__(self, page: Page) -> None:
        self._page = page

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._page.collect(session.config)


def scrubbed(page: str, run: Run) -> str:
    """The finished page, searched once more for secrets but for words that every page holds."""
    ours = importlib.resources.files(__package__)
    theirs = importlib.resources.files("pytest_html") / "resources"
    files = [ours / Path(__file__).name, ours / "verdicts.css", *theirs.iterdir()]
    blank = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    return run.redact.document(page, blank=blank)


def render(run: Run) -> str:
    """The verdict, what was looked at and one row a finding, as an HTML fragment."""
    code = run.outcome
    findings = text.by_severity(run)
    target = run.target
    style = (importlib.resources.files(__package__) / "verdicts.css").read_text(encoding="utf-8")
    facts = [
        f"{run.profile.name} of {run.started_at:%Y-%m-%d %H:%M:%S} UTC",
        f"target {target.kind}" if target else "",
        f"{run.elapsed_s:.1f} s",
        f"exit code {int(code)}",
        text.left_out(run),
        text.recovery(run),
    ]
    announcement = target.announcement if target else None
    head = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    return "\n".join(
        (
            f"<style>{style}</style>",
            '<section class="runbook">',
            (
                f'<p class="headline code{int(code)}">{text.HEADLINES[code]}'
                f"<span>{html.escape(text.meaning(code))}</span></p>"
            ),
            f'<p class="announcement">{html.escape(announcement)}</p>' if announcement else "",
            f"<p>{html.escape(' · '.join(filter(None, facts)))}</p>",
            "<table>",
            f"<caption>{html.escape(text.counts(findings))}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *(_row(finding) for finding in findings),
            "</tbody></table>",
            "<p>Below is pytest's own record of the same run; it needs JavaScript.</p>",
            "</section>",
        )
    )


def _row(finding: Finding) -> str:
    verdict = finding.verdict
    cells = (
        f'<td class="verdict {verdict.value}">{verdict.label}</td>',
        f'<th scope="row">{html.escape(finding.check)}</th>',
        f'<td class="subject">{html.escape(finding.subject)}</td>',
        f'<td class="number">{html.escape(text.quantity(finding.observed, finding.unit))}</td>',
        f'<td class="number">{html.escape(text.quantity(finding.limit, finding.unit))}</td>',
        f'<td class="found">{html.escape(finding.message)}{_evidence(finding)}</td>',
        f"<td>{_steps(finding)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _steps(finding: Finding) -> str:
    if not finding.next_steps:
        return ""
    items = "".join(f"<li>{_with_code(step)}</li>" for step in finding.next_steps)
    runbook = (
        f'<span class="where">{html.escape(finding.runbook)}</span>' if finding.runbook else ""
    )
    return f"<ol>{items}</ol>{runbook}"


def _with_code(step: str) -> str:
    """Escaped text, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(step))


def _evidence(finding: Finding) -> str:
    if not finding.evidence:
        return ""
    entries = "".join(
        f"<dt>{html.escape(str(name))}</dt><dd>{_value(value)}</dd>"
        for name, value in finding.evidence.items()
    )
    return f"<details><summary>evidence</summary><dl>{entries}</dl></details>"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "<br>".join(html.escape(str(item)) for item in value)
    return html.escape(str(value))
