"""Verdicts and findings of checks, and the exit code of a run."""

import datetime as dt
import enum
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from redis_runbook.redact import Shown, ShownValue

_T = TypeVar("_T")


class CannotLook(Exception):  # noqa: N818  # it is an outcome, not a fault of the program
    """A probe could not observe its facts.

    Its text is one sentence for the user ("no permission for SLOWLOG GET on cache"): it becomes
    the message of every check that needed the facts, with the verdict `unknown`. It never holds
    raw bytes from a server, nor a secret. `follows_from` names the finding that has the same cause
    and tells of it (`connectivity.reachable[queue]`); None where this is a cause of its own.
    """

    def __init__(self, message: str, *, follows_from: str | None = None) -> None:
        """End the observation with this sentence."""
        super().__init__(message)
        self.follows_from = follows_from


def or_raise(found: _T | CannotLook) -> _T:
    """What was found. The CannotLook in its place is raised, for each that asks anew.

    Without the traceback of the raises before, which each would make longer.
    """
    if isinstance(found, CannotLook):
        raise found.with_traceback(None)
    return found


class Verdict(enum.StrEnum):
    """The conclusion of a check about its subject."""

    PASS = "pass"  # noqa: S105  # a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    WARN = "warn"
    NOT_APPLICABLE = "not_applicable"

    @property
    def label(self) -> str:
        """The word that reports show: `PASS`, `FAIL`, `UNKNOWN`, `WARN` or `N/A`."""
        return "N/A" if self is Verdict.NOT_APPLICABLE else self.value.upper()

    @property
    def category(self) -> str:
        """The word under which pytest counts it: its last line reads `27 pass, 2 fail in 2 s`."""
        return self.value.replace("_", " ")


SEVERITY = (
    Verdict.FAIL,
    Verdict.UNKNOWN,
    Verdict.WARN,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)
"""The verdicts, worst first: the order in which reports show them."""

NOT_WELL: Final = frozenset({Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN})
"""The verdicts that want somebody's attention."""

OF_COLLECTION: Final = "collection"
"""The check id of a check file that could not be loaded."""

OF_SUPPRESSIONS: Final = "suppressions"
"""The check id of what a run says about its own suppressions; it is no look at a service."""


class ExitCode(enum.IntEnum):
    """Exit codes of every way to run the checks."""

    HEALTHY = 0
    BROKEN = 1
    INTERRUPTED = 2
    UNDETERMINED = 3
    USAGE = 4
    NOTHING_CHECKED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyWindow:
    """What a latency window was like, for a picture: times in ms, offsets in seconds.

    `steps` are the offset at which each begins, and the p95 of its samples (None: there are none).
    `histogram` are the upper ends of ranges, two for each doubling, and how many samples each has.
    """

    window_s: float
    limit_ms: float
    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    steps: Sequence[tuple[float, float | None]]
    histogram: Sequence[tuple[float, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Why a finding changes no exit code, although it is broken or undetermined.

    `until` is the last day on which that is so; None: it has no end.
    """

    reason: Shown
    owner: Shown
    until: dt.date | None

    @property
    def clause(self) -> str:
        """`suppressed until 2026-12-24 by platform: moving to Valkey`."""
        until = f"until {self.until.isoformat()}" if self.until else "without an end"
        return f"suppressed {until} by {self.owner}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The record of one check on one subject.

    `observed` and `limit` are in `unit`; both are None where nothing was measured. Texts are
    redacted and free of control characters: see `Shown`. `why` says what is at stake. `advisory` is
    whether the check was an advisory one in this run. `follows_from` names the finding that tells
    of the same cause: nothing could be seen because a service is not reachable, or an alert says
    it, too. `window` is there where latency was sampled. `suppressed` is there where the
    configuration suppresses what is not well.
    """

    check: Shown
    subject: Shown
    verdict: Verdict
    message: Shown
    service: Shown | None = None
    role: Shown | None = None
    observed: float | None = None
    limit: float | None = None
    unit: Shown | None = None
    runbook: Shown | None = None
    next_steps: Sequence[Shown] = ()
    evidence: Mapping[Shown, ShownValue] = field(default_factory=dict)
    duration_s: float = 0.0
    advisory: bool = False
    follows_from: Shown | None = None
    why: Shown | None = None
    window: LatencyWindow | None = None
    suppressed: Suppression | None = None

    @property
    def name(self) -> str:
        """`<check id>[<subject>]`, the name in every report."""
        return f"{self.check}[{self.subject}]"

    @property
    def is_broken(self) -> bool:
        """Whether it makes a run broken."""
        return self.verdict is Verdict.FAIL and not self.suppressed

    @property
    def is_undetermined(self) -> bool:
        """Whether it makes a run undetermined."""
        return self.verdict is Verdict.UNKNOWN and not self.advisory and not self.suppressed

    def __post_init__(self) -> None:
        """Refuse numbers that JSON cannot hold."""
        for number in (self.observed, self.limit):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{self.name}: {number} is not a finite number")


def count(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """How many findings have each verdict, in order of severity; absent ones are 0.

    Suppressed ones are not counted.
    """
    counted = Counter(finding.verdict for finding in findings if not finding.suppressed)
    return {verdict: counted[verdict] for verdict in SEVERITY}


def exit_code(
    findings: Iterable[Finding], *, interrupted: bool = False, incomplete: bool = False
) -> ExitCode:
    """The exit code for the findings of a run.

    A broken invariant outranks an unknown one; an advisory check that could not look changes
    nothing, nor does what is suppressed. A run in which nothing was looked at is never healthy,
    nor one of which nothing but suppressed trouble was seen, and not all could be, nor one that is
    `incomplete`: pytest failed, or a report could not be written.
    """
    if interrupted:
        return ExitCode.INTERRUPTED
    found = tuple(findings)
    if any(finding.is_broken for finding in found):
        return ExitCode.BROKEN
    if any(finding.is_undetermined for finding in found):
        return ExitCode.UNDETERMINED
    looked_at = [finding for finding in found if _was_looked_at(finding)]
    unseen = any(finding.verdict is Verdict.UNKNOWN and finding.suppressed for finding in found)
    if not looked_at or (unseen and all(finding.suppressed for finding in looked_at)):
        return ExitCode.NOTHING_CHECKED
    return ExitCode.UNDETERMINED if incomplete else ExitCode.HEALTHY


def _was_looked_at(finding: Finding) -> bool:
    """Whether something was seen of a subject; suppressed, it was all the same."""
    seen = {Verdict.PASS, Verdict.WARN, Verdict.FAIL}
    return finding.verdict in seen and finding.check != OF_SUPPRESSIONS
