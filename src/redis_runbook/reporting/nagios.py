"""`--output nagios`: one line as a plugin of Nagios, Icinga, Naemon or Checkmk prints it.

The word that the line begins with is the status: `OK`, `WARNING`, `CRITICAL` or `UNKNOWN`. It is OK
for nothing but an exit code of 0 about the user's own services.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.standing import concerns, of_concern
from redis_runbook.reporting.wording import cut
from redis_runbook.verdict import ExitCode, Finding, Verdict

CODES: Final[Mapping[str, int]] = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
"""The exit code of a plugin, by the word that its line begins with."""

_MOST_BYTES: Final = 8_000
"""Nagios reads 8 KiB."""

_MAX_TEXT: Final = 1_500
_MAX_MESSAGE: Final = 200
_NAMED: Final = 3
_MAX_LABEL: Final = 100
_MOST_DIGITS: Final = 1e15
_CONVERTED: Final[Mapping[str, tuple[str, float]]] = {
    "ratio": ("%", 100.0),
    "ms": ("s", 0.001),
    "s": ("s", 1.0),
    "bytes": ("B", 1.0),
}
"""The unit of Nagios, and the factor, for those of ours that it knows."""

_AT_LEAST: Final = frozenset(
    {"jwt_cache.populated", "jwt_cache.refreshes", "queue.workers", "replication.link"}
)
"""The checks whose limit is the least that must be there; that of the others is the most."""

_SAFE: Final = str.maketrans({"|": "/", "<": "(", ">": ")", "`": "'", "$": "S", "\n": " "})
"""The bar begins the perfdata, a web page may take the text for HTML, and a shell for its own."""

_SAFE_IN_LABELS: Final = _SAFE | str.maketrans("'`=;\\", "_____")


def render(record: RunRecord) -> str:
    """`CRITICAL: BROKEN: 1 invariant is broken (1 fail); FAIL… | 'memory…'=83.1%;;80`."""
    line = one_line(status(record), "; ".join(_said(record)))
    return f"{line}{_perfdata(record, _MOST_BYTES - len(line.encode()))}\n"


def one_line(word: str, says: str) -> str:
    """`UNKNOWN: …`: a status and its text, as one line without perfdata."""
    return f"{word}: {cut(says, _MAX_TEXT).translate(_SAFE)}"


def status(record: RunRecord) -> str:
    """The word for the record."""
    if record.announcement or not record.is_of_live_services:
        return "UNKNOWN"  # nothing was said about the user's services as they are now
    if record.exit_code is ExitCode.BROKEN:
        return "CRITICAL"
    if record.exit_code is not ExitCode.HEALTHY:
        return "UNKNOWN"
    return "WARNING" if of_concern(record, Verdict.WARN) else "OK"


def _said(record: RunRecord) -> Iterator[str]:
    """The verdict, and the first of what is not well, the worst first."""
    yield text.summary(record, naming=False)
    found = concerns(record, Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN)
    for group in found[:_NAMED]:
        yield f"{group.first.verdict.label} {group.name}: {cut(group.first.message, _MAX_MESSAGE)}"
    if len(found) > _NAMED:
        yield f"{len(found) - _NAMED} more"


def _perfdata(record: RunRecord, most_bytes: int) -> str:
    """What was measured, each with its limit; what does not fit is left out whole."""
    values: dict[str, str] = {}
    left = most_bytes - len(" |\n")
    for finding in record.findings:
        label = cut(finding.name, _MAX_LABEL).translate(_SAFE_IN_LABELS).replace("::", ":")
        value = _value(finding)
        part = f" '{label}'={value}"
        if value and label not in values and len(part.encode()) <= left:
            values[label] = part
            left -= len(part.encode())
    return f" |{''.join(values.values())}" if values else ""


def _value(finding: Finding) -> str:
    """`83.1%;;80`: what was observed, and the limit as the warning or the critical one."""
    observed, limit = finding.observed, finding.limit
    if observed is None or abs(observed) > _MOST_DIGITS:
        return ""
    unit, factor = _CONVERTED.get(finding.unit or "", ("", 1.0))
    value = f"{_number(observed * factor)}{unit}"
    if limit is None or abs(limit) > _MOST_DIGITS:
        return value
    threshold = _number(limit * factor)
    if finding.check in _AT_LEAST:
        threshold = f"{threshold}:"
    return f"{value};{threshold}" if finding.advisory else f"{value};;{threshold}"


def _number(value: float) -> str:
    """A number without an exponent, which not every consumer reads."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
