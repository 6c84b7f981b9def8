"""Formats numbers, verdict counts and exit codes for all reports."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from redis_runbook.check import percent
from redis_runbook.record import Recovered, RunRecord, Trend
from redis_runbook.reporting.grouping import alike, groups
from redis_runbook.verdict import (
    OF_SUPPRESSIONS,
    ExitCode,
    Finding,
    Verdict,
    count,
)
from redis_runbook.words import counted, listed

_WORDS: Final = {
    ExitCode.HEALTHY: "HEALTHY",
    ExitCode.BROKEN: "BROKEN",
    ExitCode.INTERRUPTED: "INTERRUPTED",
    ExitCode.UNDETERMINED: "UNDETERMINED",
    ExitCode.NOTHING_CHECKED: "NOTHING CHECKED",
}
_MEANINGS: Final = {
    ExitCode.HEALTHY: "every invariant that was checked holds",
    ExitCode.BROKEN: "an invariant is broken",
    ExitCode.INTERRUPTED: "the run was interrupted: this report is partial",
    ExitCode.UNDETERMINED: "nothing is known to be broken, but not everything could be determined",
    ExitCode.NOTHING_CHECKED: "nothing was checked",
}
_NAMED: Final = 3
_CAME_BACK: Final[Mapping[str, str]] = {
    "reachable": "{} reachable",
    "exporter": "exporter of {}",
    "workers": "workers of {}",
    "jwt_cache": "jwt cache",
    "healthy": "healthy",
}
_ONE: Final[Mapping[str, str]] = {
    **{f"{one}s": one for one in ("alert", "job", "key", "line", "replica", "run", "sample")},
    "entries": "entry",
    "stopped schedulers": "stopped scheduler",
    "workers": "worker",
}
"""The units of which there may be one, by their plural."""

_TOGETHER_S: Final = 0.5


def opening(record: RunRecord) -> str:
    """`smoke (live): queue at h:6379; configured by runbook.toml; logins for queue at h:6379`."""
    where = ", ".join(
        f"{service.name} at {service.address}" if service.address else f"{service.name} ?"
        for service in record.services
    )
    parts = [f"{record.profile} ({record.target}): {where}"]
    if record.configured_by:
        parts.append(f"configured by {record.configured_by}")
    if record.logins and record.target == "live":
        parts.append(f"logins for {', '.join(record.logins)}")
    return "; ".join(parts)


def headline(record: RunRecord) -> str:
    """`HEALTHY throwaway servers (embedded), 2 of 45 checks (memory)`: the verdict, on what.

    The word is that of the exit code; what it covers is said unless that is all of the user's own
    services.
    """
    covers = ", ".join(filter(None, (_saved(record), _throwaway(record), _part(record))))
    word = f"{_WORDS[record.exit_code]} {covers}".rstrip()
    return ", ".join(filter(None, (word, _suppressed(record))))


def meaning(record: RunRecord, *, naming: bool = True) -> str:
    """What the run amounts to, with the first names of what is wrong, and which report is missing.

    Without `naming` for outputs that name it right after.
    """
    clause = _amounts_to(record, naming=naming)
    if record.suppressed and record.outcome is ExitCode.HEALTHY:
        clause = f"{clause}, but for what is suppressed"
    if record.judged_at:
        clause = f"{clause}; by evidence that was saved then: nothing was looked at now"
    elif _throwaway(record):
        first = "" if record.outcome is ExitCode.HEALTHY else f"{clause}; "
        clause = f"{first}nothing was said about yours"
    if not record.unwritten:
        return clause
    first, *others = record.unwritten
    more = f", and {len(others)} more" if others else ""
    return f"{clause}, but a report is missing: {first}{more} (exit code {int(record.exit_code)})"


def summary(record: RunRecord, *, naming: bool = True) -> str:
    """`BROKEN: 1 invariant is broken: queue.workers[a] (1 fail, 30 pass)`: a run in one line."""
    counted = counts(record.findings)
    meant = meaning(record, naming=naming)
    return f"{headline(record)}: {meant}" + (f" ({counted})" if counted else "")


def _amounts_to(record: RunRecord, *, naming: bool) -> str:
    """`4 invariants are broken: a, b and 2 more`; a mere clause where no finding is why."""
    broken = [finding for finding in record.findings if finding.is_broken]
    unseen = [finding for finding in record.findings if finding.is_undetermined]
    if record.outcome is ExitCode.BROKEN and broken:
        clause = counted(len(broken), "invariant is broken", "invariants are broken")
        return f"{clause}{_causes(broken, record) if naming else ''}"
    if record.outcome is ExitCode.UNDETERMINED and unseen:
        number = counted(len(unseen), "invariant")
        clause = f"nothing is known to be broken, but {number} could not be determined"
        return f"{clause}{_causes(unseen, record) if naming else ''}"
    return _MEANINGS[record.outcome]


def _causes(findings: Sequence[Finding], record: RunRecord) -> str:
    """`: queue.workers (60 subjects), memory.used_ratio[queue] and 2 more`: the first causes."""
    found = (groups(findings, record) or alike(findings))[:_NAMED]
    more = len(findings) - sum(len(group.findings) for group in found)
    return f": {', '.join(group.brief for group in found)}{f' and {more} more' if more else ''}"


def attempt(record: RunRecord) -> str:
    """`attempt 2, 7 s: BROKEN (1 fail, 30 pass): queue.workers[a]`: one attempt of `--wait`."""
    wrong = [
        finding.name
        for finding in record.needs_attention
        if finding.is_broken or finding.is_undetermined
    ]
    took_s = record.waited_s + record.elapsed_s
    return (
        f"attempt {record.attempt}, {took_s:.0f} s: {_WORDS[record.exit_code]} "
        f"({counts(record.findings)}){': ' if wrong else ''}{some(wrong)}"
    )


def _saved(record: RunRecord) -> str:
    """`as of 2026-11-25 03:00:00 UTC` where saved evidence was judged."""
    return f"as of {record.started_at:%Y-%m-%d %H:%M:%S} UTC" if record.judged_at else ""


def _throwaway(record: RunRecord) -> str:
    """`throwaway servers (embedded)` where the user's own services were not looked at."""
    is_throwaway = record.target != "live" if record.judged_at else record.announcement
    return f"throwaway servers ({record.target})" if is_throwaway else ""


def _suppressed(record: RunRecord) -> str:
    """`2 findings suppressed`: nothing is called healthy without that."""
    number = len(record.suppressed)
    return f"{counted(number, 'finding')} suppressed" if number else ""


def _part(record: RunRecord) -> str:
    """`2 of 45 checks (memory)` where not all were run."""
    if not record.left_out:
        return ""
    number = sum(finding.check != OF_SUPPRESSIONS for finding in record.findings)
    chosen = f" ({', '.join(record.selected)})" if record.selected else ""
    return f"{number} of {number + record.left_out} checks{chosen}"


def quantity(value: float | None, unit: str | None) -> str:
    """A number with its unit: `83.1 %`, `12.4 ms`, `1 440 entries`; empty if it is None."""
    if value is None:
        return ""
    if unit == "ratio":
        return percent(value, 1)
    if value == 1 and unit:
        unit = _ONE.get(unit, unit)
    digits = 0 if value == int(value) else 1 if abs(value) >= 10 else 3  # noqa: PLR2004
    number = f"{value:,.{digits}f}".replace(",", " ")
    return f"{number} {unit}" if unit else number


def duration(seconds: float | None) -> str:
    """`12 s`, `3 min`, `5 h`, `12 days`: rounded down; empty if it is None."""
    if seconds is None:
        return ""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {name}"
    return f"{int(seconds)} s"


def forecast(trend: Trend) -> str:
    """`2026-12-20, between 2026-12-15 and 2026-12-29`: when it reaches its limit; else empty."""
    expected = trend.forecast
    if expected is None:
        return ""
    latest = f"{expected.latest:%Y-%m-%d}" if expected.latest else "never"
    return f"{expected.at:%Y-%m-%d}, between {expected.earliest:%Y-%m-%d} and {latest}"


def counts(findings: Sequence[Finding]) -> str:
    """`2 fail, 1 unknown, 27 pass`: the verdicts that occurred, worst first.

    What advisory checks could not tell is counted apart: `1 unknown (advisory)`; and so is what is
    suppressed: `1 fail (suppressed)`.
    """
    unsuppressed = [finding for finding in findings if not finding.suppressed]
    suppressed = Counter(finding.verdict for finding in findings if finding.suppressed)
    advisory = sum(one.advisory and one.verdict is Verdict.UNKNOWN for one in unsuppressed)
    shown = []
    for verdict, number in count(findings).items():
        unaided = number - advisory if verdict is Verdict.UNKNOWN else number
        if unaided:
            shown.append(f"{unaided} {verdict.label.lower()}")
        if verdict is Verdict.UNKNOWN and advisory:
            shown.append(f"{advisory} unknown (advisory)")
        if suppressed[verdict]:
            shown.append(f"{suppressed[verdict]} {verdict.label.lower()} (suppressed)")
    return ", ".join(shown)


def changes(record: RunRecord) -> list[str]:
    """What is different from the last run, in up to four sentences; none without a history."""
    if record.changes is None:
        return []
    since = f"{record.changes.since:%Y-%m-%d %H:%M} UTC"
    told = (
        (f"newly broken since the run of {since}", record.changes.newly_broken),
        (f"repaired since the run of {since}", record.changes.repaired),
        ("still broken", tuple(record.changes.still_broken)),
        ("was broken, and is a warning or not determined now", record.changes.unclear),
    )
    return [f"{what}: {some(names)}" for what, names in told if names]


def some(names: Sequence[str]) -> str:
    """`a, b, c and 2 more`."""
    return listed(names, _NAMED)


def left_out(record: RunRecord) -> str:
    """How many checks were not selected; empty if all were."""
    if not record.left_out:
        return ""
    return counted(record.left_out, "check was not selected", "checks were not selected")


def attempts(record: RunRecord) -> str:
    """The number of attempts and the time since the first, with `--wait`; empty for one attempt."""
    if record.attempt <= 1:
        return ""
    took_s = record.waited_s + record.elapsed_s
    return f"attempt {record.attempt}, {took_s:.0f} s after the first began"


def timeline(record: RunRecord) -> str:
    """`queue reachable after 1.2 s · workers of a, b after 8.3 s · healthy after 9.0 s`.

    Empty without `--wait`, and where nothing came back.
    """
    parts = [_came_back(together) for together in _together(record.timeline or ())]
    if parts and record.exit_code is not ExitCode.HEALTHY:
        parts.append(f"not healthy after {record.waited_s + record.elapsed_s:.1f} s")
    return " · ".join(parts)


def _together(recovered: Sequence[Recovered]) -> Iterator[Sequence[Recovered]]:
    """What came back in the same way at the same time: for one part of the sentence."""
    group: list[Recovered] = []
    for one in recovered:
        first = group[0] if group else one
        if one.event != first.event or one.at_s - first.at_s > _TOGETHER_S:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _came_back(together: Sequence[Recovered]) -> str:
    event, names = together[0].event, [one.subject for one in together]
    what = _CAME_BACK.get(event, f"{event} of {{}}").format(some(names))
    return f"{what} after {together[-1].at_s:.1f} s"
