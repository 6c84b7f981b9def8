"""What came back while `--wait` waited: judged by the findings of each attempt and the last one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from redis_runbook.catalogue import REACHABLE
from redis_runbook.record import Recovered, RunRecord
from redis_runbook.redact import sentence
from redis_runbook.verdict import ExitCode, Finding, Verdict

_EVENTS: Final[Mapping[str, str]] = {
    REACHABLE: "reachable",
    "exporter.reachable": "exporter",
    "jwt_cache.populated": "jwt_cache",
    "queue.workers": "workers",
}
"""What these checks tell when they hold. Another check is told by its id, once it was broken."""

_HEALTHY: Final = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How long `--wait` has waited when an attempt begins, and the record of the one before."""

    attempt: int
    waited_s: float
    before: RunRecord | None


WAITED: Final = pytest.StashKey[Waited]()
"""The stash key for what `--wait` has seen so far; absent in a run without it."""


def timeline(
    record: RunRecord, before: RunRecord | None, *, found_s: Mapping[str, float]
) -> Sequence[Recovered]:
    """What holds at the end of this attempt and did not throughout those before, in order.

    What holds since the first attempt is not told. What held, broke and holds again is told with
    the time of the last time; so is what a server has that was restarted between two attempts.

    Args:
        record: the record of this attempt.
        before: the record of the attempt before; None for the first.
        found_s: by name, when in this attempt each finding was made.
    """
    if before is None:
        return ()
    told = {(one.event, one.subject): one for one in before.timeline or ()}
    earlier = {finding.name: finding for finding in before.findings}
    restarted = set(_restarted(record, before))
    found = []
    for finding in record.findings:
        last = earlier.get(finding.name)
        if not _holds(finding):
            continue
        key = sentence(_EVENTS.get(finding.check, finding.check)), finding.subject
        held = last is not None and _holds(last) and finding.service not in restarted
        if held and key in told:
            found.append(told[key])
        elif not held and (finding.check in _EVENTS or _was_broken(last)):
            at_s = round(record.waited_s + found_s.get(finding.name, record.elapsed_s), 1)
            found.append(Recovered(at_s=at_s, event=key[0], subject=key[1]))
    if record.outcome is ExitCode.HEALTHY:
        at_s = round(record.waited_s + record.elapsed_s, 1)
        found.append(Recovered(at_s=at_s, event=sentence(_HEALTHY), subject=sentence("all")))
    return tuple(sorted(found, key=lambda one: one.at_s))


def at_exit(recovered: Sequence[Recovered] | None, code: ExitCode) -> Sequence[Recovered] | None:
    """The timeline of a run that ends with this code: healthy only if that says so, too."""
    if recovered is None or code is ExitCode.HEALTHY:
        return recovered
    return tuple(one for one in recovered if one.event != _HEALTHY)


def _holds(finding: Finding) -> bool:
    """Whether what the finding is about is there; a warning of an advisory check may be broken."""
    if finding.check == "queue.workers" and not finding.observed:
        return False  # a queue may need no worker, and then it has none that came back
    return finding.verdict is Verdict.PASS or (
        finding.verdict is Verdict.WARN and not finding.advisory
    )


def _was_broken(finding: Finding | None) -> bool:
    """Whether this was broken by itself, and not merely unknown since a server was away."""
    return finding is not None and finding.verdict is Verdict.FAIL


def _restarted(record: RunRecord, before: RunRecord) -> Iterator[str]:
    """The services that another process answers for than in the attempt before."""
    for name, server in record.servers.items():
        earlier = before.servers.get(name)
        if server and earlier and server.run_id != earlier.run_id:
            yield name
