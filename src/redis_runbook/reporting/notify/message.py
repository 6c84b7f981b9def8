"""The words of a notification: plain text of bounded length, and nothing in it is markup."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from redis_runbook.config.notify import Event
from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown, document, sentence, shortened
from redis_runbook.reporting import text
from redis_runbook.reporting.grouping import Group, groups
from redis_runbook.reporting.notify.change import Notified
from redis_runbook.verdict import Finding
from redis_runbook.words import listed

_TITLES: Final[dict[Event, str]] = {
    "broken": "BROKEN",
    "recovered": "HEALTHY again",
    "unknown": "UNDETERMINED",
}
_MOST: Final = 10
_LONGEST: Final = 300
_LONGEST_NAME: Final = 120
_MOST_SERVICES: Final = 10
_MARKUP: Final = re.compile(r"[@<](?=\S)|\](?=\()")
"""What chats take for a mention (`@everyone`, `<!channel>`) or a link with a text of its own."""

_INVISIBLE: Final = "\N{ZERO WIDTH SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent."""

    title: Shown
    body: Shown


def message(record: RunRecord, event: Event, before: Notified | None, report: str = "") -> Message:
    """What is sent of this event; `before` is what was sent last, `report` where the report is."""
    lines = [text.summary(record, naming=False), _where(record)]
    match event:
        case "broken":
            known = {*before.broken} if before else set()
            broken = [finding for finding in record.findings if finding.is_broken]
            broken.sort(key=lambda finding: finding.name in known)
            lines += _findings(broken, record)
        case "unknown":
            lines += _findings(filter(_is_undetermined, record.findings), record)
        case "recovered" if before:
            lines += _before(before)
    if report:
        lines += ["", f"report: {report}"]
    title = f"redis-runbook {record.profile}: {_TITLES[event]}"
    return Message(title=_plain(title), body=_plain("\n".join(lines)))


def _is_undetermined(finding: Finding) -> bool:
    return finding.is_undetermined


def _where(record: RunRecord) -> str:
    """`nightly of 2026-11-26 03:17 UTC: queue at redis-queue:6379`."""
    shown = [
        f"{service.name} at {service.address}" if service.address else service.name
        for service in record.services
    ]
    services = listed(shown, _MOST_SERVICES)
    return f"{record.profile} of {record.started_at:%Y-%m-%d %H:%M} UTC: {services}"


def _findings(findings: Iterable[Finding], record: RunRecord) -> Iterator[str]:
    """Findings of one cause in a line, with the first next step."""
    found = groups(findings, record)
    for group in found[:_MOST]:
        yield from ("", _line(group))
        if group.first.next_steps:
            yield f"next: {shortened(group.first.next_steps[0], _LONGEST)}"
    if len(found) > _MOST:
        yield from ("", f"and {len(found) - _MOST} more: see the report")


def _line(group: Group) -> str:
    members = f" ({sentence(group.members, _LONGEST)})" if group.members else ""
    return f"{group.name}: {shortened(group.first.message, _LONGEST)}{members}"


def _before(before: Notified) -> Iterator[str]:
    """What was not well when it was last notified."""
    for was, names in (("broken", before.broken), ("not determined", before.unknown)):
        if names:
            shown = listed([shortened(name, _LONGEST_NAME) for name in names], _MOST)
            yield f"was {was}: {shown}"
    if not (before.broken or before.unknown):
        yield "it was not determined before"


def _plain(words: str) -> Shown:
    """The text, in which nothing is a mention or a link: an invisible space is in between."""
    return document(_MARKUP.sub(rf"\g<0>{_INVISIBLE}", words))
