"""The HTML report: complete without JavaScript, sound in a real browser, and hostile to nobody.

One run looks at servers that hold, log and answer the worst that its reports may be handed.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from axe_playwright_python.sync_playwright import Axe

from redis_runbook.verdict import Verdict
from tests.support import product
from tests.support.browser import opened
from tests.support.fake_tcp import fake, reply
from tests.support.places import CHECKS
from tests.support.programs import bundled
from tests.support.servers import Server

MARKUP = (
    "<hostile onclick=alert(1)><script>document.title='hostile'</script>"
    "{{ test_data }}<!-- END TEMPLATES --></template></details></main></body>data-jsonblob='x'"
)
"""Markup, and what the pages of pytest-html and ours are put together by."""

TERMINAL = "\x1b[2J\x1b]0;hostile\x07\r\n\u202e"
POISON = (
    f"jwt:{MARKUP}".encode(),
    f"jwt:{TERMINAL}".encode(),
    b"jwt:\xff\xfe\xc3\x28",
    b"jwt:" + b"x" * (1 << 20),
    b"jwt:\"'&]]>-->",
)
"""Keys and values that a server holds."""


class Page(HTMLParser):
    """What a page says before any script runs: its elements, and the text of its findings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        self.findings = ""
        self._inside = ""
        self._in_own = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        self._in_own |= given.get("class") == "own"
        self._inside = tag
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag == "h2":
            self.headings.append("")

    def handle_data(self, data: str) -> None:
        if self._in_own or self._inside in {"script", "style"}:
            return
        self.findings += data
        if self._inside in {"td", "th"}:
            self.rows[-1][-1] += data
        if self._inside == "h2":
            self.headings[-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.elements if name == tag]


@contextlib.contextmanager
def tampered(server: Server, **swaps: bytes) -> Iterator[int]:
    """FAKE: the port of a proxy that puts other bytes, as many, into what a real server says."""
    listener = socket.create_server(("127.0.0.1", 0))
    changes = {word.encode(): other for word, other in swaps.items()}
    assert all(len(word) == len(other) for word, other in changes.items())

    def pump(source: socket.socket, sink: socket.socket, *, change: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                for word, other in changes.items() if change else ():
                    data = data.replace(word, other)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", server.port), timeout=10)
                for source, sink, change in ((near, far, False), (far, near, True)):
                    threading.Thread(
                        target=pump, args=[source, sink], kwargs={"change": change}, daemon=True
                    ).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


def refuse(connection: socket.socket) -> None:
    """FAKE: a server whose every answer is the same hostile error."""
    text = f"-ERR {MARKUP}{TERMINAL}".replace("\r", " ").replace("\n", " ").encode()
    while True:
        connection.sendall(text + b"\xff" * 5000 + b"\r\n")
        if not connection.recv(1 << 16):
            return


@contextlib.contextmanager
def hostile_services(real: Server) -> Iterator[str]:
    """The configuration of services that are hostile, each in a way of its own."""
    metrics = 'redis_up 0\nredis_exporter_last_scrape_error{err="' + MARKUP + '\x1b[2J"} 1\n'
    with (
        tampered(
            real,
            noeviction=b"<b>\x1b[31m\xff\x07",
            standalone=b"<b>\x1b[2J\xff\x07x",
            jemalloc=b"<i>\x9b\x00&'\"",
        ) as lying,
        fake(refuse) as refusing,
        fake(reply(metrics)) as exporter,
    ):
        port = refusing.rpartition(":")[2].partition("/")[0]
        yield f"""
            [services.queue]
            role = "queue"
            url = "{real.url}"
            queues = ["absent<hostile>"]
            [services.queue.limits]
            slowlog_ms = 0.0001
            [services.cache]
            role = "cache"
            url = "{real.url}"
            [services.lying]
            role = "queue"
            url = "redis://127.0.0.1:{lying}"
            [services.refusing]
            role = "cache"
            url = "redis://127.0.0.1:{port}"
            [jwt_cache]
            pattern = "jwt:*<hostile>"
            [exporter]
            url = "{exporter}"
        """


OWN_TESTS = f"""
import pytest

@pytest.mark.parametrize("value", [1], ids=[{MARKUP!r}])
def test_named_in_html(value):
    print({TERMINAL!r})
    assert value == {MARKUP + TERMINAL!r}

def test_that_raises():
    raise RuntimeError({MARKUP + TERMINAL!r})
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> product.Outcome:
    folder = tmp_path_factory.mktemp("hostile")
    own = folder / "test_own.py"
    own.write_text(OWN_TESTS)
    with bundled("--maxmemory", "200mb", "--slowlog-log-slower-than", "0") as server:
        client = server.client()
        for poison in POISON:
            client.set(poison, poison, ex=60)
            client.get(poison)
            client.hset(b"bull:" + poison + b":meta", "version", poison)
            client.rpush(b"bull:" + poison + b":wait", poison)
        client.hset("bull:jobs:meta", "version", "bullmq:5.81.5")
        client.rpush("bull:jobs:active", "1")
        client.zadd("bull:jobs:failed", {"2": time.time() * 1000})
        for job in ("1", "2"):
            told = {"name": f"job {MARKUP}", "failedReason": f"failed: {MARKUP}", "opts": "{}"}
            for field, value in {**told, "timestamp": "1"}.items():
                client.hset(f"bull:jobs:{job}", field, value)
        with hostile_services(server) as config:
            return product.run(folder, "smoke", "--", str(CHECKS), str(own), config=config)


@pytest.fixture(scope="module")
def page(seen: product.Outcome) -> Page:
    return Page(seen.html)


@pytest.fixture(scope="module")
def file(seen: product.Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("page") / "latest.html"
    found.write_text(seen.html, encoding="utf-8")
    return found


def test_the_hostile_run_looked_at_everything(seen: product.Outcome) -> None:
    assert seen.code == 1
    assert "&lt;hostile&gt;" in seen.html
    assert "slow commands" in str(seen.finding("latency.slowlog[queue]"))
    assert "<b>\\x1b[31m" in seen.message("memory.eviction_policy[lying]")
    assert "<b>\\x1b[2J" in seen.results["extra"]["servers"]["lying"]["mode"]
    assert "<hostile" in seen.message("connectivity.reachable[refusing]")
    assert "<hostile" in seen.message("exporter.reachable[queue]")
    assert "<hostile" in seen.message("queue.depth[queue/absent<hostile>]")
    assert any(name.startswith("queue.latency[queue/jwt:<hostile") for name in seen.verdicts)
    assert f"test_own[test_named_in_html[{MARKUP}]]" in seen.verdicts
    assert "failed: <hostile" in str(seen.finding("queue.failures[queue/jobs]"))
    assert "job <hostile" in str(seen.results["tests"])


def test_every_finding_is_in_the_page_without_scripts(seen: product.Outcome, page: Page) -> None:
    rows = {tuple(cell.strip() for cell in row[:3]) for row in page.rows}
    for test in seen.results["tests"]:
        one = test["extra"]
        if one["verdict"] == "pass":
            assert ("PASS", one["check"], one["subject"]) in rows
        else:
            assert test["name"] in page.findings
        if one["verdict"] in {"fail", "warn", "unknown"}:
            assert one["message"] in page.findings


def test_the_worst_comes_first(page: Page) -> None:
    headings = [heading.strip() for heading in page.headings]
    assert headings[:6] == [
        *("Broken", "Could not be determined", "Warnings", "Pictures", "What holds"),
        "Does not apply",
    ]


def label(verdict: str) -> str:
    return Verdict(verdict).label


def test_the_page_names_its_language_and_fetches_nothing(page: Page) -> None:
    assert [given.get("lang") for given in page.attributes("html")] == ["en"]
    assert "viewport" in {given.get("name") for given in page.attributes("meta")}
    assert not page.attributes("link")  # nothing is fetched from elsewhere
    assert not [given for given in page.attributes("script") if "src" in given]


def test_hostile_text_stays_text_in_the_html(page: Page) -> None:
    assert not page.attributes("hostile")
    assert not page.attributes("b")
    assert not any("hostile" in str(given) for given in page.attributes("script"))
    handlers = [given[name] for _, given in page.elements for name in given if name[:2] == "on"]
    assert handlers == ["location.reload()"]  # pytest-html's own


@pytest.mark.parametrize(
    ("name", "parse"),
    [("results.json", json.loads), ("junit.xml", ET.fromstring), ("latest.html", Page)],
)
def test_hostile_text_breaks_no_format_and_holds_no_control_character(
    name: str, parse: Callable[[str], object], seen: product.Outcome
) -> None:
    text = seen.files[name]
    parse(text)
    assert [char for char in text if not char.isprintable() and char not in "\n\t"] == []
    assert len(text) < 1_000_000


def test_every_string_of_the_results_is_printable(seen: product.Outcome) -> None:
    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        for item in value if isinstance(value, list) else ():
            yield from strings(item)
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from (key, *strings(item))

    assert [text for text in strings(seen.results) if not text.isprintable()] == []


def test_the_junit_report_says_the_same(seen: product.Outcome) -> None:
    suites = ET.fromstring(seen.junit)  # noqa: S314  # our own
    names = [case.get("name") for case in suites.iter("testcase")]
    assert names == list(seen.verdicts)


def test_the_terminal_is_left_alone(seen: product.Outcome) -> None:
    shown = seen.out + seen.err
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []
    assert max(map(len, shown.splitlines())) < 3000


SIZES = """() => ({
  hostile: document.querySelectorAll("hostile").length,
  title: document.title,
  wide: document.documentElement.scrollWidth,
  record: document.querySelectorAll("#results-table .col-verdict").length,
})"""


def test_a_browser_shows_the_verdict_first_and_runs_nothing_hostile(
    seen: product.Outcome, file: Path
) -> None:
    with opened(file) as at:
        said = at.page.evaluate(SIZES)
        top = at.page.locator("h1").bounding_box()
        assert at.page.locator("#results-table").is_hidden()
        at.page.get_by_text("pytest's own record").click()
        names = at.shown("#results-table .col-testId")
        verdicts = at.shown("#results-table tbody .col-verdict")
    assert at.errors == []
    assert said["title"] == "redis-runbook smoke"
    assert said["hostile"] == 0
    assert said["wide"] <= 1280
    assert top is not None
    assert top["y"] < 100
    assert sorted(zip(names, verdicts, strict=True)) == sorted(
        (name, label(verdict)) for name, verdict in seen.verdicts.items()
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_in_it_keeps_anybody_from_reading_it(file: Path, scheme: str, width: int) -> None:
    with opened(file, width=width, color_scheme=scheme) as at:
        at.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        # What pytest-html made, below the fold, is not ours to mend.
        found = Axe().run(at.page, context={"exclude": [[".own"]]}).response["violations"]
        assert at.page.evaluate("document.documentElement.scrollWidth") <= width
    assert [
        (one["id"], one["nodes"][0]["html"])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ] == []


def test_scripts_filter_sort_and_copy(file: Path) -> None:
    rows = "#findings tbody tr:not(.topic)"
    with opened(file, permissions=["clipboard-read", "clipboard-write"]) as at:
        before = at.shown(rows)
        at.page.get_by_label("Filter").fill("PASS eviction")
        left = at.shown(rows)
        assert left
        assert all("eviction" in row for row in left)
        assert at.shown("#filtered")[0].startswith(f"{len(left)} of ")
        at.page.get_by_label("Filter").fill("")
        assert at.shown(rows) == before
        at.page.get_by_role("button", name="check", exact=True).click()
        for body in at.page.locator("#findings tbody").all():
            checks = body.locator("tr:not(.topic) th").all_inner_texts()
            assert checks == sorted(checks)
        at.page.locator(".steps .copy").first.click()
        at.page.get_by_text("copied").wait_for()
        copied = at.page.evaluate("navigator.clipboard.readText()")
        assert copied == at.texts(".steps code:has(+ .copy)")[0]
    assert at.errors == []


def test_a_page_that_may_run_no_script_shows_the_same(file: Path, tmp_path: Path) -> None:
    """As mail clients and viewers of CI artifacts serve it."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    strict = tmp_path / "strict.html"
    text = file.read_text(encoding="utf-8")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    strict.write_text(text.replace("<head>", f"<head>{meta}", 1), encoding="utf-8")
    with opened(file, java_script_enabled=False) as at:
        plain = at.shown(".card"), at.shown("#findings tr")
    with opened(strict) as at:
        assert (at.shown(".card"), at.shown("#findings tr")) == plain
    assert len(plain[0]) > 5
