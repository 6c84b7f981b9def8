"""Which findings of a run are suppressed, and what is wrong with the suppressions themselves."""

import datetime as dt
import fnmatch
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from redis_runbook.catalogue import covers
from redis_runbook.config.suppress import Suppress
from redis_runbook.redact import distinct, printable, sentence
from redis_runbook.verdict import NOT_WELL, OF_SUPPRESSIONS, Finding, Suppression, Verdict
from redis_runbook.words import listed

_WANTS_AN_END: Final = "gate"
_MOST_NAMED: Final = 5
_LONGEST_NAME: Final = 160

_CAUSES: Final[Mapping[Verdict, Collection[Verdict]]] = {
    Verdict.UNKNOWN: {Verdict.FAIL, Verdict.UNKNOWN},
    Verdict.FAIL: {Verdict.FAIL},
    Verdict.WARN: {Verdict.FAIL, Verdict.WARN},
}
"""From findings of which verdicts one with this verdict may follow."""


class Suppressions:
    """The suppressions of one run."""

    def __init__(
        self,
        entries: Sequence[Suppress],
        *,
        profile: str,
        today: dt.date,
        checks: Collection[str],
    ) -> None:
        """Let those apply that have not expired on that day, and in `gate` only those with an end.

        `checks` are the ids of the catalogue: other tests are never suppressed.
        """
        self._checks = checks
        self._expired = [entry for entry in entries if entry.has_expired(today)]
        left = [entry for entry in entries if not entry.has_expired(today)]
        is_endless = [profile == _WANTS_AN_END and entry.until is None for entry in left]
        self._endless = [entry for entry, endless in zip(left, is_endless, strict=True) if endless]
        self._applied = [
            _Applied(entry) for entry, endless in zip(left, is_endless, strict=True) if not endless
        ]

    def applied(self, finding: Finding) -> Finding:
        """The finding, suppressed if it is not well and one of them names it."""
        if finding.verdict not in NOT_WELL or finding.check not in self._checks:
            return finding
        found = next((one for one in self._applied if one.names(finding)), None)
        return replace(finding, suppressed=found.why) if found else finding

    def remarks(self, findings: Collection[Finding], *, complete: bool) -> Iterator[Finding]:
        """What a run says of the suppressions: warnings, and which do not apply in `gate`.

        With `complete` the run has looked at all that its profile looks at, so that a suppression
        which names none of its findings is told.
        """
        taken: set[str] = set()
        for entry in self._expired:
            yield _warning(entry, f"expired on {entry.until}: it suppresses nothing", taken)
        for one in self._applied if complete else ():
            if one.could_have_matched(findings):
                yield _warning(one.entry, "no finding of this run has that name", taken)
        if self._endless:
            names = [printable(entry.names, 80) for entry in self._endless]
            yield Finding(
                check=sentence(OF_SUPPRESSIONS),
                subject=sentence(_WANTS_AN_END),
                verdict=Verdict.NOT_APPLICABLE,
                message=sentence(
                    f"suppressions without `until` do not apply in {_WANTS_AN_END}: "
                    f"{listed(names, _MOST_NAMED)}"
                ),
            )


class _Applied:
    """A suppression that applies."""

    def __init__(self, entry: Suppress) -> None:
        self.entry = entry
        self.why = Suppression(
            reason=printable(entry.reason), owner=printable(entry.owner), until=entry.until
        )
        # Only * is special: a queue's name may hold the other characters of a glob.
        glob = re.sub(r"[\[?]", r"[\g<0>]", entry.subject or "*")
        self._subject = re.compile(fnmatch.translate(glob))

    def is_about(self, finding: Finding) -> bool:
        """Whether it names the check and the service, whatever the subject."""
        return covers(self.entry.check, finding.check) and (
            self.entry.service in {None, finding.service}
        )

    def names(self, finding: Finding) -> bool:
        return self.is_about(finding) and self._subject.match(finding.subject) is not None

    def could_have_matched(self, findings: Iterable[Finding]) -> bool:
        """Whether it names no finding, and it would have if what it names were there.

        What could not be looked at, or has nothing to look at, may be there another time.
        """
        about = [finding for finding in findings if self.is_about(finding)]
        verdicts = {finding.verdict for finding in about}
        return (
            not any(map(self.names, about))
            and Verdict.UNKNOWN not in verdicts
            and verdicts != {Verdict.NOT_APPLICABLE}
        )


def _warning(entry: Suppress, what: str, taken: set[str]) -> Finding:
    subject = distinct(printable(entry.names, _LONGEST_NAME), taken)
    owner, reason = printable(entry.owner), printable(entry.reason)
    return Finding(
        check=sentence(OF_SUPPRESSIONS),
        subject=subject,
        verdict=Verdict.WARN,
        message=sentence(f"{what} (owner {owner}: {reason})"),
        next_steps=(
            sentence(
                f"ask {owner}; then remove this [[suppress]] from the configuration, or mend it"
            ),
        ),
        advisory=True,
    )


def with_causes(findings: Mapping[str, Finding]) -> list[Finding]:
    """The findings of a run; each follows from another only if that tells of the same cause.

    What is unknown follows from what is broken or unknown, and what is broken from what is as bad.
    What follows from a suppressed finding is suppressed, too: it is not broken on its own.
    """
    return [with_cause(finding, findings) for finding in findings.values()]


def with_cause(finding: Finding, findings: Mapping[str, Finding]) -> Finding:
    """The finding as `with_causes` has it, among these findings."""
    followed = _followed(finding, findings)
    seen: set[str] = set()
    cause: Finding | None = followed
    while cause and cause.follows_from and cause.follows_from not in seen:
        seen.add(cause.follows_from)
        cause = findings.get(cause.follows_from)
        if cause and cause.suppressed and not followed.suppressed:
            return replace(followed, suppressed=cause.suppressed)
        cause = _followed(cause, findings) if cause else None
    return followed


def _followed(finding: Finding, findings: Mapping[str, Finding]) -> Finding:
    """The finding, which follows from another one only if that is as bad."""
    cause = findings.get(finding.follows_from or "")
    if cause and cause.verdict in _CAUSES.get(finding.verdict, ()):
        return finding
    return replace(finding, follows_from=None)
