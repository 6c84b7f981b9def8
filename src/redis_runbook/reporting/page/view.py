"""What the page shows, in which order: groups of what is not well first, then what holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.grouping import Group, groups
from redis_runbook.reporting.page import plots
from redis_runbook.reporting.page.sparkline import sparkline
from redis_runbook.verdict import ExitCode, Finding, Verdict

MOST_TRENDS: Final = 60
_WAITS: Final = "queue.latency"
_MEMORY: Final = "memory.used_ratio"
_SAMPLING: Final = frozenset({"latency.round_trip", "latency.command_p95"})


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page about findings that are not well."""

    anchor: str
    title: str
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its caption."""

    caption: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Topic:
    """Findings that hold, of one service (None: of none) and one topic, such as `latency`."""

    service: str | None
    topic: str
    findings: Sequence[Finding]

    @property
    def size(self) -> int:
        """How many findings."""
        return len(self.findings)


def sampled(record: RunRecord) -> Mapping[str, str]:
    """For how long each service was sampled: `30 s`, `at most 30 s` or `not sampled`."""
    is_partial = record.outcome is ExitCode.INTERRUPTED
    measured = {finding.service for finding in record.findings if finding.window}
    judged = {
        finding.service
        for finding in record.findings
        if finding.check in _SAMPLING and finding.verdict is not Verdict.NOT_APPLICABLE
    }

    def how_long(service: ServiceRecord) -> str:
        meant = text.quantity(service.window_s, "s")
        if service.name in measured and not is_partial:
            return meant
        began = service.server and (is_partial or service.name in judged)
        return f"at most {meant}" if began else "not sampled"

    return {service.name: how_long(service) for service in record.services}


def sections(record: RunRecord) -> list[Section]:
    """What is not well, worst first: broken, not determined, warnings, suppressed."""
    attention = record.needs_attention
    free = [finding for finding in attention if not finding.suppressed]
    of = {
        verdict: [finding for finding in free if finding.verdict is verdict]
        for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN)
    }
    parts = (
        ("broken", "Broken", of[Verdict.FAIL]),
        ("unknown", "Could not be determined", of[Verdict.UNKNOWN]),
        ("warnings", "Warnings", of[Verdict.WARN]),
        ("suppressed", "Suppressed", [finding for finding in attention if finding.suppressed]),
    )
    made = [Section(anchor, title, groups(found, record)) for anchor, title, found in parts]
    return [section for section in made if section.groups]


def holding(record: RunRecord) -> list[Topic]:
    """What holds, by service and topic, in the order of the findings."""
    found: dict[tuple[str | None, str], list[Finding]] = {}
    for finding in record.findings:
        if finding.verdict is Verdict.PASS:
            topic = finding.check.partition(".")[0]
            found.setdefault((finding.service, topic), []).append(finding)
    order: dict[str, int] = {service.name: place for place, service in enumerate(record.services)}
    by_service = sorted(found.items(), key=lambda one: order.get(one[0][0] or "", len(order)))
    return [Topic(service, topic, findings) for (service, topic), findings in by_service]


def not_applicable(record: RunRecord) -> list[Group]:
    """What does not apply, by the reason."""
    found = [one for one in record.findings if one.verdict is Verdict.NOT_APPLICABLE]
    return groups(found, record)


def pictures(record: RunRecord) -> list[Picture]:
    """The pictures for which the record has numbers."""
    return [*_recovery(record), *_latency(record), *_memory(record), *_queues(record)]


def _recovery(record: RunRecord) -> Iterator[Picture]:
    if record.timeline:
        drawing = plots.recovery(record.timeline, record.waited_s + record.elapsed_s)
        yield Picture(f"What came back when{plots.out_of(len(record.timeline))}", drawing)


def _latency(record: RunRecord) -> Iterator[Picture]:
    """Of each service the window with the narrowest limit: all of them have the same samples."""
    strictest: dict[str, Finding] = {}
    for finding in record.findings:
        if finding.window and finding.service:
            known = strictest.get(finding.service)
            if not known or not known.window or finding.window.limit_ms < known.window.limit_ms:
                strictest[finding.service] = finding
    for service, finding in strictest.items():
        if window := finding.window:
            over = plots.latency_over_window(window, service)
            yield Picture(f"Latency of {service} over the window (p95 of each step)", over)
            spread = plots.latency_distribution(window, service)
            yield Picture(f"Latency of {service}: {text.quantity(window.n, 'samples')}", spread)


def _memory(record: RunRecord) -> Iterator[Picture]:
    rows = [
        (str(finding.subject), finding.observed, finding.limit)
        for finding in record.findings
        if finding.check == _MEMORY and finding.observed is not None
    ]
    if rows:
        caption = f"Memory against its limit{plots.out_of(len(rows))}"
        yield Picture(caption, plots.bars(rows, "ratio", "memory"))


def _queues(record: RunRecord) -> Iterator[Picture]:
    if any(any(queue.counts.values()) for queue in record.queues):
        caption = f"Jobs by state{plots.out_of(len(record.queues))}"
        yield Picture(caption, plots.depth_by_state(record.queues))
    waits = [
        (str(finding.subject), finding.observed, finding.limit)
        for finding in record.findings
        if finding.check == _WAITS and finding.observed
    ]
    if waits:
        drawing = plots.bars(waits, "s", "how long the oldest job waits")
        yield Picture(f"How long jobs wait to be picked up{plots.out_of(len(waits))}", drawing)


def trends(record: RunRecord) -> list[tuple[str, Markup, str]]:
    """The name, a sparkline and the forecast in words of what the last runs observed."""
    return [
        (trend.name, sparkline(trend), text.forecast(trend))
        for trend in record.trends[:MOST_TRENDS]
    ]
