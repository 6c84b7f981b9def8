"""`summary.md`: the run for people, where Markdown is shown: a job's page, a merge request, a wiki.

GitHub shows 1 MiB of it for each step of a job, and nothing of what is longer. So a long summary is
cut where a group of findings ends, and says how many are missing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.grouping import Group
from redis_runbook.reporting.markdown_text import code, prose, step
from redis_runbook.reporting.standing import concerns, of_concern, suppression
from redis_runbook.reporting.wording import MOST_STEPS, address, cut
from redis_runbook.verdict import Finding, Verdict
from redis_runbook.words import counted, listed

MOST_BYTES: Final = 1024 * 1024
_LEAST_BYTES: Final = 4_000
"""What the verdict takes at most, without any finding."""

_SECTIONS: Final = (
    (Verdict.FAIL, "Broken"),
    (Verdict.UNKNOWN, "Could not be determined"),
    (Verdict.WARN, "Warnings"),
)
_MAX_OTHERS: Final = 5
_MAX_SERVICES: Final = 600


def render(record: RunRecord) -> str:
    """The whole document, of 1 MiB at most."""
    return render_within(record, MOST_BYTES)


def render_within(record: RunRecord, most_bytes: int) -> str:
    """The document, cut at a whole group.

    Raises:
        ValueError: there is not even room for the verdict.
    """
    if most_bytes < _LEAST_BYTES:
        raise ValueError("there is no room left in it")
    head, foot = _head(record), _foot(record)
    left = most_bytes - _size(head) - _size(foot) - _LEAST_BYTES // 4
    parts, missing = [], 0
    for block, number in _blocks(record):
        if missing or _size(block) > left:
            missing += number
            continue
        parts.append(block)
        left -= _size(block)
    if missing:
        left_out = counted(missing, "more finding")
        parts.append(f"**Does not fit in here: {left_out}**: see the other reports.\n\n")
    return f"{head}{''.join(parts)}{foot}"


def _size(part: str) -> int:
    return len(part.encode("utf-8", errors="backslashreplace"))


def _head(record: RunRecord) -> str:
    counts = text.counts(record.findings)
    what = code(cut(address(record), _MAX_SERVICES)) or "nothing"
    when = f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC, took {record.elapsed_s:.1f} s"
    lines = [
        f"## Redis runbook: {prose(text.headline(record))}",
        f"{prose(cut(text.meaning(record)))}{f' ({counts})' if counts else ''}",
        f"{code(record.profile)} of {what}, {when}",
    ]
    if record.announcement:
        lines.append(f"**{prose(cut(record.announcement))}**")
    return "".join(f"{line}\n\n" for line in lines)


def _blocks(record: RunRecord) -> Iterator[tuple[str, int]]:
    """Each group, in a section by its verdict, and how many findings are in it."""
    for verdict, title in _SECTIONS:
        heading = f"### {title}\n\n"
        for group in concerns(record, verdict):
            yield f"{heading}{_group(group)}", len(group.findings) + len(group.others)
            heading = ""
    heading = "### Suppressed\n\n"
    for finding in record.suppressed:
        yield f"{heading}- {code(finding.name)}: {prose(cut(suppression(finding)))}\n\n", 1
        heading = ""


def _group(group: Group) -> str:
    first = group.first
    label = "UNKNOWN (advisory)" if _is_advisory_unknown(first) else first.verdict.label
    lines = [
        f"#### {label} {code(cut(group.name))}",
        prose(cut(first.message)),
    ]
    facts = [f"- {fact}" for fact in _facts(group)]
    if facts:
        lines.append("\n".join(facts))
    if steps := first.next_steps[:MOST_STEPS]:
        lines.append("Next:")
        numbered = (f"{number}. {step(cut(told))}" for number, told in enumerate(steps, start=1))
        lines.append("\n".join(numbered))
    return "".join(f"{line}\n\n" for line in lines)


def _is_advisory_unknown(finding: Finding) -> bool:
    return finding.advisory and finding.verdict is Verdict.UNKNOWN


def _facts(group: Group) -> Iterator[str]:
    first = group.first
    if group.members:
        yield f"these are {code(cut(group.members))}"
    if first.observed is not None:
        limit = text.quantity(first.limit, first.unit)
        whose = f" on {code(first.subject)}" if group.members else ""
        against = f", limit **{prose(limit)}**" if limit else ""
        observed = prose(text.quantity(first.observed, first.unit))
        yield f"observed **{observed}**{against}{whose}"
    if first.why and len({one.check for one in group.findings}) == 1:
        yield f"why it matters: {prose(cut(first.why))}"
    if group.others:
        yield f"follows from it: {_names(group.others)}"


def _names(findings: Sequence[Finding]) -> str:
    return listed([code(cut(finding.name)) for finding in findings], _MAX_OTHERS)


def _foot(record: RunRecord) -> str:
    passed = _by_topic(of_concern(record, Verdict.PASS))
    other = _by_topic(of_concern(record, Verdict.NOT_APPLICABLE))
    lines = [f"{title}: {topics}" for title, topics in (("Hold", passed), ("N/A", other)) if topics]
    if left_out := text.left_out(record):
        lines.append(left_out)
    return "".join(f"{line}\n\n" for line in lines)


def _by_topic(findings: Iterable[Finding]) -> str:
    """`8: connectivity 5, memory 3`: how many there are of each topic; at most 20 are named."""
    topics = Counter(finding.check.partition(".")[0] for finding in findings)
    if not topics:
        return ""
    named = [f"{prose(cut(topic))} {number}" for topic, number in topics.items()][:20]
    more = ", …" if len(topics) > len(named) else ""
    return f"{topics.total()}: {', '.join(named)}{more}"
