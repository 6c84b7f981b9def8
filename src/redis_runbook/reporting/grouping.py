"""Groups findings that say the same of many subjects: sixty queues without a worker are one row."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.record import RunRecord
from redis_runbook.verdict import Finding, Verdict

_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Findings with the same verdict and cause, at least one.

    `others` follow from these: alerts that say the same, checks that could not look because of it.
    """

    findings: Sequence[Finding]
    others: Sequence[Finding] = ()

    @property
    def first(self) -> Finding:
        """The finding that speaks for all of them."""
        return self.findings[0]

    @property
    def name(self) -> str:
        """`queue.workers[render]`; of several `queue.workers, 60 subjects`, or `43 checks`."""
        if len(self.findings) == 1:
            return self.first.name
        number = len(self.findings)
        if len({finding.check for finding in self.findings}) == 1:
            return f"{self.first.check}, {number} subjects"
        return f"{number} checks"

    @property
    def brief(self) -> str:
        """The name within a list: `queue.workers (60 subjects)`; of several checks the first."""
        number = len(self.findings)
        if len({finding.check for finding in self.findings}) > 1:
            return f"{self.first.name} (with {number - 1} alike)"
        return f"{self.first.check} ({number} subjects)" if number > 1 else self.first.name

    @property
    def members(self) -> str:
        """Who they are, where they are several: `tenant-00 … tenant-59`, `a, b`."""
        if len(self.findings) == 1:
            return ""
        same_check = len({finding.check for finding in self.findings}) == 1
        names = [finding.subject if same_check else finding.name for finding in self.findings]
        names = list(dict.fromkeys(names))
        return f"{names[0]} … {names[-1]}" if len(names) > _MOST_NAMED else ", ".join(names)


def groups(findings: Iterable[Finding], record: RunRecord) -> list[Group]:
    """These findings of the record in groups, in their order.

    A finding that follows from another one of the record is among the `others` of that one's group,
    and in no group of its own; unless that one is suppressed, and it is not.
    """
    causes = {finding.name: finding.follows_from for finding in record.findings}
    suppressed = {finding.name for finding in record.findings if finding.suppressed}
    following: dict[str, list[Finding]] = {}
    for finding in record.findings:
        root = _root(finding.name, causes)
        if root != finding.name and (finding.suppressed or root not in suppressed):
            following.setdefault(root, []).append(finding)
    told = {one.name for others in following.values() for one in others}
    return [
        Group(
            group.findings,
            [other for one in group.findings for other in following.get(one.name, ())],
        )
        for group in alike(one for one in findings if one.name not in told)
    ]


def alike(findings: Iterable[Finding]) -> list[Group]:
    """These findings in groups of those that say the same, whatever follows from what."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        found.setdefault(_likeness(finding), []).append(finding)
    return [Group(together) for together in found.values()]


def _root(name: str, causes: Mapping[str, str | None]) -> str:
    """The finding from which this one follows in the end: itself, where that is nowhere told."""
    seen, root = {name}, name
    while cause := causes.get(root):
        if cause in seen or cause not in causes:
            return name
        seen.add(cause)
        root = cause
    return root


def _likeness(finding: Finding) -> tuple[object, ...]:
    """What findings of one cause have in common; numbers and the subject's name may differ."""
    message, subject = finding.message, finding.subject
    reason = _NUMBER.sub("#", re.sub(rf"(?<![\w-]){re.escape(subject)}(?![\w-])", "…", message))
    if finding.verdict is Verdict.NOT_APPLICABLE:
        return finding.verdict, reason
    about = finding.verdict, finding.advisory, finding.service, finding.suppressed, reason
    # What could not be seen for one reason is one thing to mend, whatever was asked.
    asked = () if finding.verdict is Verdict.UNKNOWN else (finding.check, len(finding.next_steps))
    return *about, *asked
