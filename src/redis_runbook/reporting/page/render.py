"""Renders the page of a run: static HTML with pytest-html's own parts below a fold."""

import functools
import importlib.resources
import re
from dataclasses import dataclass
from typing import Final

import jinja2
from markupsafe import Markup, escape

from redis_runbook import __version__
from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.page import sparkline, view

_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """The parts of a page of pytest-html: its style, and what is in its body."""

    style: str
    body: str


def render(record: RunRecord, *, title: str, own: OwnRecord | None) -> str:
    """The whole document; without pytest-html's parts where there are none."""
    facts = {
        "profile": record.profile,
        "target": record.target or "none",
        "began": f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "took": f"{record.elapsed_s:.1f} s",
        "exit code": str(int(record.exit_code)),
        "configured by": record.configured_by or "",
        "selected": text.left_out(record),
        "attempts": text.attempts(record),
        "by": f"redis-runbook {__version__}",
    }
    return _template().render(
        title=title,
        style=Markup(_resource("page.css") + sparkline.STYLE),  # noqa: S704  # our own
        script=Markup(_resource("page.js")),  # noqa: S704  # our own
        own_style=Markup(own.style) if own else "",  # noqa: S704  # pytest-html's
        own_body=Markup(own.body) if own else "",  # noqa: S704  # pytest-html's, redacted
        record=record,
        sampled=view.sampled(record),
        code=int(record.exit_code),
        headline=text.headline(record),
        meaning=text.meaning(record),
        counts=text.counts(record.findings),
        facts={name: fact for name, fact in facts.items() if fact},
        timeline=text.timeline(record),
        sections=view.sections(record),
        topics=view.holding(record),
        not_applicable=view.not_applicable(record),
        pictures=view.pictures(record),
        trends=view.trends(record),
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "quantity": text.quantity,
        "duration": text.duration,
        "with_code": _with_code,
        "lines": lambda value: value if isinstance(value, list | tuple) else [value],
    }
    return environment.from_string(_resource("page.html.j2"))


def _resource(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


def _with_code(step: str) -> Markup:
    """Escaped text, with the parts between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(step))))  # noqa: S704  # escaped
