"""summary.md as GitHub renders it: hostile text stays text."""

import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.reporting import markdown
from redis_runbook.reporting.markdown_text import code, prose, step
from redis_runbook.reporting.standing import of_concern
from redis_runbook.reporting.wording import cut
from redis_runbook.verdict import Verdict
from tests.support.hostile_records import HOSTILE, findings, hostile, huge, record

OURS = {"h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "code"}
LINKED = re.compile(
    r"[@#~$&^<>\\]|!\d|%\w|https?:|www\.|\bGH-\d|:[a-z+]\w*:|\[\w*:|\b[0-9a-f]{7,40}\b"
)
"""What GitHub or GitLab look for in text that is no code."""


class Page(HTMLParser):
    """What is in a page: its elements, all of its text, and its text that is no code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.text = self.plain = ""
        self._in_code = 0
        # Raw HTML is shown, so that none can hide.
        self.feed(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        self._in_code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.plain += "\0" if self._in_code else data

    def handle_comment(self, data: str) -> None:
        self.elements.add(f"<!--{data}")


def seen(text: str) -> str:
    return " ".join(text.encode(errors="backslashreplace").decode().split())


def written(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


@pytest.mark.parametrize("raw", [False, True])
def test_no_text_is_more_than_text(raw: bool) -> None:  # noqa: FBT001
    made = hostile(raw=raw)
    page = Page(written(markdown.render(made)))
    assert page.elements <= OURS, page.elements - OURS
    assert not LINKED.search(page.plain), LINKED.search(page.plain)
    shown = seen(page.text)
    for finding in made.findings:
        if finding.verdict in {Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN}:
            assert seen(cut(finding.message)) in shown


@given(st.text() | st.sampled_from(HOSTILE) | st.text("`|\\*_[]()<>#@!1.- \nab:/w"))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    for marked in (prose(text), f"- {prose(text)}", f"1. {prose(text)}", f"## {code(cut(text))}"):
        page = Page(written(marked))
        assert page.elements <= {"p", "code", "ul", "ol", "li", "h2"}
        assert len(page.elements & {"ul", "ol"}) <= 1
        assert not LINKED.search(page.plain)
        outside = cut(text) if marked.startswith("##") else text
        assert seen(page.text).replace("\ufffd", "") == seen(outside).replace("\0", "")


def test_sentences_stay_readable() -> None:
    sentence = "used 83.1 % of maxmemory (limit 80 %) on cache, for 5 minutes: that's 0.5 of it."
    assert prose(sentence) == sentence
    assert prose("no worker of bundle:render.") == "no worker of `bundle:render`."
    assert prose("see (http://x.example/a), @you") == "see (`http://x.example/a), @you`"


def test_what_is_suppressed_is_shown_apart() -> None:
    made = record(findings(["we know"]))
    broken, apart = markdown.render(made).split("### Suppressed")
    assert broken.count("#### FAIL") == len(of_concern(made, Verdict.FAIL)) == 1
    assert apart.count("suppressed without an end by we know") == len(made.suppressed)


def test_it_fits_in_a_step_and_is_cut_between_groups() -> None:
    made = huge()
    whole = markdown.render(made)
    assert len(whole.encode()) <= markdown.MOST_BYTES
    for most_bytes in (4_000, 20_000, 300_000):
        text = markdown.render_within(made, most_bytes)
        assert len(text.encode()) <= most_bytes
        missing = int(re.findall(r"not fit in here: (\d+) more", text)[0])
        assert missing + text.count("\n#### ") == 750  # the others passed
        assert text.endswith("\n\n")
        assert Page(text).elements <= OURS
    with pytest.raises(ValueError, match="no room"):
        markdown.render_within(made, 3_999)


def test_a_command_of_a_step_is_one_span_of_code() -> None:
    told = "`docker compose exec x redis-cli INFO memory`: see (`UNLINK`) what `a b`. Then @you #1"
    assert step(told) == (
        "`docker compose exec x redis-cli INFO memory`: see (`UNLINK`) what `a b`. Then `@you #1`"
    )


@given(st.text() | st.sampled_from(HOSTILE) | st.text("`|\\*_[]()<>#@!1.- \nab:/w"))
def test_any_text_in_a_step_is_text(text: str) -> None:
    """The name of a queue may hold backticks, which then end the command that it is in."""
    for marked in (step(text), f"1. {step(f'see `queue show {text}`: {text}')}"):
        page = Page(written(marked))
        assert page.elements <= {"p", "code", "ol", "li"}
        assert not LINKED.search(page.plain)
