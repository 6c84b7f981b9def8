"""The page of the history: complete without scripts, small whatever it tells, hostile to nobody."""

import datetime as dt
import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from redis_runbook.record import Changes, Forecast, RunRecord, Trend, TrendPoint
from redis_runbook.redact import Shown
from redis_runbook.reporting.history.index import render
from redis_runbook.reporting.history.rows import PastRun
from redis_runbook.reporting.page.sparkline import sparkline
from redis_runbook.verdict import ExitCode, Verdict
from tests.support.browser import opened
from tests.support.history import finding, kept, night

MARKUP = Shown("queue.depth[queue/<hostile onclick=alert(1)>&\"'</style><script>alert(1)</script>]")


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.found if name == tag]


def trend(name: Shown = MARKUP, **changes: object) -> Trend:
    verdicts = [*Verdict, Verdict.PASS]
    points = tuple(
        TrendPoint(at=night(number).started_at, verdict=verdict, observed=number / 10)
        for number, verdict in enumerate(verdicts)
    )
    found = Trend(name=name, unit=Shown("ratio"), limit=0.8, points=points)
    return replace(found, **changes)  # type: ignore[arg-type]


def told(*trends: Trend, names: tuple[Shown, ...] = (MARKUP,)) -> RunRecord:
    changes = Changes(
        since=night(8).started_at,
        newly_broken=names,
        repaired=names,
        still_broken=dict.fromkeys(names, night(3).started_at),
        unclear=names,
    )
    return night(9, finding("a[queue]"), changes=changes, trends=trends)


def past(number: int, **changes: object) -> PastRun:
    at = night(number).started_at
    found = PastRun(
        at=at,
        profile=Shown("nightly"),
        services=Shown("queue at redis-queue:6379"),
        elapsed_s=12.3,
        exit_code=ExitCode.BROKEN,
        counts=Shown("1 fail, 3 pass"),
        report=Shown(f"nightly-{at:%Y%m%dT%H%M%SZ}"),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def words(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"(?s)<style>.*?</style>|<[^>]*>", " ", page).split()))


def test_it_has_a_language_headings_captions_and_scopes_and_needs_nothing(tmp_path: Path) -> None:
    page = Elements(render(told(trend()), [past(9), past(8)], tmp_path))
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("h1")) == 1
    assert len(page.of("main")) == 1
    assert len(page.of("caption")) == len(page.of("table")) == 2
    assert {given.get("scope") for given in page.of("th")} == {"col", "row"}
    headings = {given.get("id") for given in page.of("h2")}
    assert {given.get("aria-labelledby") for given in page.of("section")} == headings
    assert not any(page.of(tag) for tag in ("script", "link", "img", "iframe", "base", "form"))
    assert not any("src" in given for _, given in page.found)
    assert [given["href"] for given in page.of("a")] == ["latest.html"]


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    hostile = past(9, profile=MARKUP, services=MARKUP, counts=MARKUP, report=MARKUP)
    text = render(told(trend()), [hostile], tmp_path)
    page = Elements(text)
    assert not page.of("hostile")
    assert not page.of("script")
    assert not [given for _, given in page.found if any(name.startswith("on") for name in given)]
    assert text.count("</style>") == 1
    assert str(MARKUP) in words(text)


def test_the_verdict_of_the_last_run_is_at_the_top(tmp_path: Path) -> None:
    broken = replace(
        told(),
        findings=(finding("a[queue]", Verdict.FAIL),),
        outcome=ExitCode.BROKEN,
        exit_code=ExitCode.BROKEN,
    )
    top = words(render(broken, [past(9)], tmp_path)).partition("What changed")[0]
    assert "✗ BROKEN 1 invariant is broken: a[queue] As of the nightly run" in top


def test_it_says_what_changed(tmp_path: Path) -> None:
    names = (Shown("a[x]"), Shown("b[x]"))
    said = words(render(told(names=names), [], tmp_path))
    assert "Since the last nightly run of these services, of 2026-09-09 03:17 UTC:" in said
    assert "Newly broken (2) a[x] b[x] Repaired (2) a[x] b[x] Still broken (2)" in said
    assert "Still broken (2) a[x], since 2026-09-04 03:17 UTC b[x], since" in said
    assert "Was broken, and is a warning or not determined now (2) a[x] b[x]" in said


def test_it_says_where_nothing_changed_and_where_nothing_can_be_told(tmp_path: Path) -> None:
    assert "nothing broke, nothing was repaired, and nothing is broken" in words(
        render(told(names=()), [], tmp_path)
    )
    first = words(render(night(0, finding("a[queue]")), [past(0)], tmp_path))
    assert "This is the first nightly run of these services that is kept" in first
    assert "They begin with the second nightly run of these services" in first


def test_it_says_of_how_many_runs_these_are_the_newest(tmp_path: Path) -> None:
    runs = [past(9), past(8)]
    assert "Runs that are kept, newest first: 2" in words(render(told(), runs, tmp_path))
    few = words(render(told(), runs, tmp_path, kept=300))
    assert "The newest 2 of 300 runs that are kept" in few


def test_a_run_is_linked_where_its_page_is_there(tmp_path: Path) -> None:
    (tmp_path / "nightly-20260910T031700Z.html").touch()
    (tmp_path / "secret.html").touch()
    runs = [past(9), past(8), past(7, report=Shown("secret")), past(6, report=None)]
    page = Elements(render(told(), runs, tmp_path))
    assert [given["href"] for given in page.of("a")] == [
        "latest.html",
        "nightly-20260910T031700Z.html",
    ]


@pytest.mark.parametrize("code", list(ExitCode))
def test_a_verdict_is_a_word_and_not_a_colour_only(code: ExitCode, tmp_path: Path) -> None:
    said = words(render(told(), [past(9, exit_code=code)], tmp_path))
    assert code.name.replace("_", " ") in said
    assert f"exit code {int(code)}" in said


def test_a_forecast_is_told_in_words(tmp_path: Path) -> None:
    days = [dt.datetime(2026, 12, day, 4, tzinfo=dt.UTC) for day in (15, 20, 29)]
    known = Forecast(at=days[1], earliest=days[0], latest=days[2])
    said = words(render(told(trend(forecast=known)), [], tmp_path))
    assert "50.0 % limit 80.0 % reaches it 2026-12-20, between 2026-12-15 and 2026-12-29" in said
    said = words(render(told(trend(forecast=replace(known, latest=None))), [], tmp_path))
    assert "2026-12-20, between 2026-12-15 and never" in said


def test_a_picture_has_words_and_a_form_for_each_verdict() -> None:
    page = Elements(sparkline(trend()))
    (picture,) = page.of("svg")
    assert picture["role"] == "img"
    assert picture["aria-label"] == (
        "6 runs since 2026-09-01: 1 fail, 1 unknown, 1 warn, 2 pass, 1 n/a; from 0.0 % to 50.0 %, "
        "now 50.0 %"
    )
    marks = {
        given["class"]: re.sub(r"M[\d.]+ [\d.]+", "", given["d"] or "")
        for given in page.of("path")
        if "mark" in str(given["class"])
    }
    assert len(marks) == 5
    assert len(set(marks.values())) == 5


@pytest.mark.parametrize(
    "values",
    [[None, None], [0.5, 0.5], [0, 0], [1e308, -1e308], [5e-324, 0], [None, 1.0, None, 2.0]],
)
def test_a_picture_of_any_numbers_stays_in_its_frame(values: list[float | None]) -> None:
    points = tuple(
        TrendPoint(at=night(number).started_at, verdict=Verdict.PASS, observed=value)
        for number, value in enumerate(values)
    )
    for limit in (None, 0.8, -1e308):
        drawn = sparkline(trend(points=points, limit=limit, unit=None))
        assert "nan" not in drawn
        assert "inf" not in drawn
        for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", drawn):
            assert 0 <= float(x) <= 180
            assert 0 <= float(y) <= 36


def test_a_gap_is_no_line() -> None:
    points = tuple(
        TrendPoint(at=night(number).started_at, verdict=Verdict.PASS, observed=value)
        for number, value in enumerate([0.1, 0.2, None, 0.3, 0.4])
    )
    (line,) = re.findall(r'class="line" d="([^"]*)"', sparkline(trend(points=points)))
    assert (line.count("M"), line.count("L")) == (2, 2)


def test_it_is_under_1_mb_whatever_there_is_to_tell(tmp_path: Path) -> None:
    long = tuple(Shown(f"{number}{'&' * 5000}[😀]") for number in range(4000))
    points = tuple(
        TrendPoint(at=night(number).started_at, verdict=Verdict.FAIL, observed=number * 1e300)
        for number in range(31)
    )
    trends = [trend(Shown("&" * 5000), points=points, unit=Shown("&" * 3)) for _ in range(300)]
    runs = [past(9, services=Shown("&" * 200), counts=Shown("&" * 200)) for _ in range(200)]
    page = render(told(*trends, names=long), runs, tmp_path)
    assert len(page.encode()) <= 1_000_000
    (left_out,) = re.findall(r"(\d+) more are in results.json", page)
    assert page.count("<svg") == 300 - int(left_out) > 0
    assert "and 3950 more, which results.json has" in page


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_on_any_screen_and_fetches_nothing(width: int, tmp_path: Path) -> None:
    for number in range(9):
        kept(
            tmp_path, night(number, finding(str(MARKUP), "fail", number / 10), finding("a[queue]"))
        )
    with opened(tmp_path / "index.html", width=width) as at:
        assert at.page.evaluate("document.documentElement.scrollWidth") <= width
        assert at.page.locator("hostile").count() == 0
        assert at.page.locator("svg").count() == 2
        found = Axe().run(at.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert at.errors == []
