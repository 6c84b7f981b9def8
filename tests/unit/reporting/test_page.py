"""The page: what is on it, how large it gets, and what its pictures say."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.redact import Shown, printable
from redis_runbook.reporting.page import plots
from redis_runbook.reporting.page.render import OwnRecord, render
from redis_runbook.verdict import ExitCode, Finding, LatencyWindow, Verdict
from tests.unit.reporting.test_record import RECORD

MARKUP = (
    '<img src=x onerror=alert(1)>{{ data }}</script></style></svg>"\'&<!-- -->data-jsonblob="x"'
)


def findings(services: int, checks: int, verdict: Verdict) -> Iterator[Finding]:
    for service in range(services):
        for number in range(checks):
            yield Finding(
                check=Shown(f"topic{number % 5}.check{number}"),
                subject=Shown(f"service-{service}"),
                verdict=verdict,
                message=Shown(f"used {number} % of maxmemory (limit 80 %) on service-{service}"),
                service=Shown(f"service-{service}"),
                observed=float(number),
                limit=80.0,
                unit=Shown("%"),
                next_steps=(Shown("find what grew: `INFO memory`"),) if verdict != "pass" else (),
                why=Shown("at the limit a queue refuses new jobs"),
            )


def fleet(services: int, checks: int, verdict: Verdict = Verdict.PASS) -> RunRecord:
    return replace(
        RECORD,
        findings=tuple(findings(services, checks, verdict)),
        services=tuple(
            ServiceRecord(
                name=Shown(f"service-{number}"), role=Shown("cache"), address=None, window_s=2.0
            )
            for number in range(services)
        ),
    )


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN])
def test_1000_findings_are_less_than_a_megabyte(verdict: Verdict) -> None:
    page = render(fleet(50, 20, verdict), title="", own=None)
    assert page.count("service-49") > 1
    assert len(page.encode()) < 1_000_000


def test_1000_services_of_20_checks_are_less_than_10_megabytes() -> None:
    page = render(fleet(1_000, 20), title="", own=None)
    assert "service-999" in page
    assert len(page.encode()) < 10_000_000


def test_the_table_says_not_sampled_where_nothing_was() -> None:
    queue, cache = RECORD.services[:2]
    assert (queue.server is not None, cache.server) == (True, None)
    measured = replace(
        next(finding for finding in RECORD.findings if finding.window), service=queue.name
    )
    latency = replace(
        measured, check=Shown("latency.round_trip"), window=None, verdict=Verdict.UNKNOWN
    )
    other = replace(latency, check=Shown("memory.used_ratio"))

    def cells(outcome: ExitCode, *found: Finding) -> list[str]:
        of_cache = [replace(finding, service=cache.name, window=None) for finding in found]
        record = replace(RECORD, findings=(*found, *of_cache), outcome=outcome)
        page = render(record, title="", own=None)
        return re.findall(r"<td>(30 s|at most 30 s|not sampled)</td></tr>", page)

    assert cells(ExitCode.HEALTHY, measured) == ["30 s", "not sampled"]
    assert cells(ExitCode.BROKEN, latency) == ["at most 30 s", "not sampled"]
    assert cells(ExitCode.BROKEN, other) == ["not sampled", "not sampled"]
    assert cells(ExitCode.INTERRUPTED, other) == ["at most 30 s", "not sampled"]


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def test_a_picture_leaves_out_what_is_far_from_its_limit_and_says_so() -> None:
    rows = [(f"s{number}", 0.1 if number < 13 else 0.95, 0.8) for number in range(15)]
    drawn = plots.bars(rows, "ratio", "memory")
    assert "memory (12 of 15): s13 95.0 % of 80.0 %; s14 95.0 %" in drawn
    memory = [
        replace(
            RECORD.findings[0], subject=Shown(name), observed=observed, limit=limit, suppressed=None
        )
        for name, observed, limit in rows
    ]
    page = render(replace(RECORD, findings=memory), title="", own=None)
    assert "Memory against its limit (12 of 15)" in page


def test_markup_in_any_text_stays_text() -> None:
    shown = printable(MARKUP)
    sound = Elements(render(RECORD, title="t", own=None)).found
    finding = replace(
        RECORD.findings[0],
        subject=shown,
        message=shown,
        service=shown,
        why=shown,
        next_steps=(shown, printable(f"`{MARKUP}`")),
        evidence={shown: [shown]},
        suppressed=None,
    )
    hostile = replace(
        RECORD,
        findings=(finding, replace(finding, verdict=Verdict.PASS, subject=Shown("b"))),
        announcement=shown,
        configured_by=shown,
        gathered={shown: {shown: (shown,)}},
        services=(replace(RECORD.services[0], name=shown, address=shown),),
        queues=(replace(RECORD.queues[0], name=shown),),
        timeline=(replace(RECORD.timeline[0], subject=shown),) if RECORD.timeline else None,
    )
    found = Elements(render(hostile, title="t", own=None)).found
    assert "img" not in found
    assert found.count("script") == sound.count("script") == 1
    assert found.count("style") == sound.count("style")


def test_what_pytest_html_made_is_below_a_fold_with_its_style_for_itself() -> None:
    own = OwnRecord(style="body { min-width: 800px }", body="<p id=own>its own</p>")
    page = render(RECORD, title="t", own=own)
    assert "<style>.own { body { min-width: 800px } }</style>" in page
    assert page.index("</main>") < page.index('<details class="own-record">') < page.index("id=own")


def test_a_picture_has_a_sentence_in_its_place() -> None:
    window = RECORD.findings[0].window
    assert window
    drawn = [
        plots.latency_over_window(window, "cache"),
        plots.latency_distribution(window, "cache"),
        plots.bars([("cache", 0.5, 0.8)], "ratio", "memory"),
        plots.depth_by_state(RECORD.queues),
        plots.recovery(RECORD.timeline or (), 10),
    ]
    assert [re.findall('aria-label="(.*?)"', picture) for picture in drawn] == [
        ["p95 of cache in 2 steps of 2 s: 0 over the limit of 50 ms"],
        [
            (
                "400 samples of cache: p50 0.100 ms, p95 0.300 ms, p99 0.400 ms, longest 1.500 ms, "
                "limit 50 ms"
            )
        ],
        ["memory: cache 50.0 % of 80.0 %"],
        ["jobs by state: bundle:render 7 waiting"],
        ["workers of bundle:render after 8.4 s"],
    ]  # fmt: skip


@pytest.mark.parametrize("value", [0.0, 1e-9, 1e18])
def test_extreme_numbers_stay_in_the_picture(value: float) -> None:
    window = LatencyWindow(
        window_s=value, limit_ms=value, n=1, p50_ms=value, p95_ms=value, p99_ms=value, max_ms=value,
        steps=((0.0, value), (value, None)), histogram=((value, 1),)
    )  # fmt: skip
    drawn = (
        plots.latency_over_window(window, "x")
        + plots.latency_distribution(window, "x")
        + plots.bars([("x", value, value), ("y", value, None)], None, "z")
    )
    numbers = [float(found) for found in re.findall(r' (?:x|y|x1|x2|y1|y2|cx|cy)="([^"]*)"', drawn)]
    assert numbers
    assert all(-1 <= number <= 600 for number in numbers)
