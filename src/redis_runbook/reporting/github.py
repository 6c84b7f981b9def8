"""`--output github`: workflow commands, which GitHub shows as annotations of the job.

GitHub shows 10 errors and 10 warnings of a step, and drops the others without a word. So there are
as many at most, and a notice at the end says how many more there are.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.grouping import Group
from redis_runbook.reporting.standing import concerns, suppression
from redis_runbook.reporting.wording import MOST_STEPS, cut
from redis_runbook.verdict import Verdict

_MOST: Final = 10
_MAX_TITLE: Final = 200

_ESCAPED: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_ESCAPED_IN_PROPERTIES: Final = _ESCAPED | str.maketrans({":": "%3A", ",": "%2C"})


def render(record: RunRecord) -> str:
    """One command a line: errors, warnings, what is suppressed, and the verdict as a notice."""
    found = concerns(record, Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN)
    errors = [group for group in found if _is_error(group)]
    warnings = [group for group in found if not _is_error(group)]
    lines = [
        *_commands("error", errors),
        *_commands("warning", warnings),
        *_suppressed(record),
    ]
    more = [
        f"{len(those) - _MOST} more {what}"
        for those, what in ((errors, "errors"), (warnings, "warnings"))
        if len(those) > _MOST
    ]
    verdict = cut(text.summary(record))
    lines.append(_command("notice", "redis-runbook", "\n".join([verdict, ", ".join(more)]).strip()))
    return "".join(f"{line}\n" for line in lines)


def _is_error(group: Group) -> bool:
    """Whether it is why the exit code is not 0."""
    return group.first.is_broken or group.first.is_undetermined


def _commands(kind: str, found: Sequence[Group]) -> Iterator[str]:
    for group in found[:_MOST]:
        first = group.first
        steps = first.next_steps[:MOST_STEPS]
        numbered = [f"{number}. {cut(step)}" for number, step in enumerate(steps, start=1)]
        members = [f"these are {cut(group.members)}"] if group.members else []
        message = "\n".join([cut(first.message), *members, *numbered])
        yield _command(kind, f"{first.verdict.label} {group.name}", message)


def _suppressed(record: RunRecord) -> Iterator[str]:
    """Notices, of which GitHub shows 10, too: the last one is the verdict's."""
    found = record.suppressed
    for finding in found[: _MOST - 2]:
        yield _command("notice", finding.name, cut(suppression(finding)))
    if len(found) > _MOST - 2:
        more = f"suppressed, too: {len(found) - _MOST + 2} more"
        yield _command("notice", "suppressed", more)


def _command(kind: str, title: str, message: str) -> str:
    heading = cut(title, _MAX_TITLE).translate(_ESCAPED_IN_PROPERTIES)
    return f"::{kind} title={heading}::{message.translate(_ESCAPED)}"
