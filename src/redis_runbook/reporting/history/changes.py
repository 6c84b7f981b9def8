"""What differs from the last run that can be compared with this one."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redis_runbook.record import Changes, RunRecord
from redis_runbook.redact import reread
from redis_runbook.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """What a run found broken or could not determine, by findings' names; the rest it did not."""

    at: dt.datetime
    verdicts: Mapping[str, Verdict]


def changes(record: RunRecord, earlier: Iterable[Unsettled]) -> Changes | None:
    """Compare a run with earlier ones, newest first; None if there are none.

    Of these no more are read than it takes. Broken is what has the verdict `fail`. A finding that
    an earlier run could not determine counts as what it was before that. What is suppressed is
    never newly broken.
    """
    found = _by_name(record)
    since, before = _broken_since(found, earlier)
    if since is None:
        return None
    broken = [name for name, one in found.items() if one.verdict is Verdict.FAIL]
    doubtful = {Verdict.WARN, Verdict.UNKNOWN}
    return Changes(
        since=since,
        newly_broken=tuple(
            reread(name) for name in broken if name not in before and not found[name].suppressed
        ),
        repaired=tuple(
            reread(name)
            for name, one in found.items()
            if name in before and one.verdict is Verdict.PASS
        ),
        still_broken={reread(name): before[name] for name in broken if name in before},
        unclear=tuple(
            reread(name) for name in before if name not in found or found[name].verdict in doubtful
        ),
    )


def _by_name(record: RunRecord) -> Mapping[str, Finding]:
    """The findings; the worst of those that have the same name once secrets are masked."""
    found: dict[str, Finding] = {}
    for finding in record.by_severity:
        found.setdefault(finding.name, finding)
    return found


def _broken_since(
    found: Mapping[str, Finding], earlier: Iterable[Unsettled]
) -> tuple[dt.datetime | None, dict[str, dt.datetime]]:
    """When the last run began; and of what was broken then, since which run it had been.

    Since when matters only of what is broken now: of the rest it is the last run that saw it so.
    """
    since, open_names, before = None, set(found), dict[str, dt.datetime]()
    for run in earlier:
        if since is None:
            since = run.at
            open_names |= run.verdicts.keys()  # what is not there now, too
        for name in tuple(open_names):
            verdict = run.verdicts.get(name)
            if verdict is Verdict.FAIL:
                before[name] = run.at
            is_broken_now = name in found and found[name].verdict is Verdict.FAIL
            if verdict is None or (verdict is Verdict.FAIL and not is_broken_now):
                open_names.discard(name)
        if not open_names:
            break
    return since, before
