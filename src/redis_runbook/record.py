"""The record of a run, from which outputs are made: frozen, serialisable, and redacted."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis_runbook.redact import Shown, ShownValue
from redis_runbook.verdict import NOT_WELL, SEVERITY, ExitCode, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """The server process that answered, and the counters that the next run compares with.

    `rejected_connections` counts since the process started, which is `uptime_s` ago; None if it is
    not known.
    """

    product: Shown
    version: Shown
    mode: Shown
    run_id: Shown
    rejected_connections: int | None = None
    uptime_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeen:
    """The process of a service that answered last, in this run or an earlier one.

    `at` is when that run began, by the clock of the machine that it ran on.
    """

    run_id: Shown
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """One service: its address (None: not known), how long it was sampled, and its server.

    `server` is None if none answered; `last_seen` may then still be about an earlier run.
    """

    name: Shown
    role: Shown
    address: Shown | None
    window_s: float
    server: ServerRecord | None = None
    last_seen: LastSeen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRecord:
    """The numbers of a BullMQ queue; a number that is not known is None.

    `counts` is how many jobs are in each state that can be read: waiting, active, delayed, …
    """

    service: Shown
    name: Shown
    longest_wait_s: float | None
    backlog: int | None
    workers_at_work: int | None
    counts: Mapping[Shown, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What came back while `--wait` waited, and stayed until the end of the last attempt.

    `at_s` is when it was first seen, in seconds since the wait began. `event` is `reachable`,
    `exporter`, `jwt_cache` (their `subject` is a service), `workers` (a BullMQ queue), the id of
    another check that was broken, or `healthy` (the subject is `all`).
    """

    at_s: float
    event: Shown
    subject: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs from the last run of the same profile on the same services, by findings' names.

    `since` is when that run began. `still_broken` says since which run it is. `unclear` was broken
    when it was last seen, and is a warning or unknown now: neither repaired nor still broken.
    """

    since: dt.datetime
    newly_broken: Sequence[Shown] = ()
    repaired: Sequence[Shown] = ()
    still_broken: Mapping[Shown, dt.datetime] = field(default_factory=dict)
    unclear: Sequence[Shown] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When what is observed will reach its limit.

    That is most likely `at`, and with 95 % confidence not before `earliest` nor after `latest`,
    which is None where it may never be.
    """

    at: dt.datetime
    earliest: dt.datetime
    latest: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """What one run found: `observed` is in the unit of the trend, None if nothing was measured."""

    at: dt.datetime
    verdict: Verdict
    observed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What the last runs found under one name, oldest first, with this run as the last."""

    name: Shown
    unit: Shown | None
    limit: float | None
    points: Sequence[TrendPoint]
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: what was requested, what was found, and the exit code.

    `target` is None if it could not be opened. `outcome` is the exit code for the findings alone;
    `exit_code` is that of the process, which is not healthy if a report could not be written.
    `waited_s` is how long `--wait` had waited before this attempt, and `timeline` what came back
    meanwhile, in order: None without `--wait`. `left_out` is how many checks were not selected;
    `unwritten` holds a sentence for each report that could not be written.
    `configured_by` is the file of the configuration; `logins` are those who get a user name, a
    password or a token: `queue at localhost:6379`.

    `gathered` is evidence for a person, by service: lines by what they are of. `evidence` is all
    that judges the run again, as JSON has it; None where none is saved. `judged_at` is when saved
    evidence was judged: everything else is then about the run that left it. `changes` and `trends`
    come from the history of runs; None and empty without one.
    """

    profile: Shown
    selected: Sequence[Shown]
    target: Shown | None
    announcement: Shown | None
    started_at: dt.datetime
    elapsed_s: float
    services: Sequence[ServiceRecord]
    queues: Sequence[QueueRecord]
    findings: Sequence[Finding]
    outcome: ExitCode
    exit_code: ExitCode
    interrupted: bool = False
    left_out: int = 0
    attempt: int = 1
    waited_s: float = 0.0
    timeline: Sequence[Recovered] | None = None
    unwritten: Sequence[Shown] = ()
    configured_by: Shown | None = None
    logins: Sequence[Shown] = ()
    gathered: Mapping[Shown, Mapping[Shown, Sequence[Shown]]] = field(default_factory=dict)
    evidence: ShownValue = None
    judged_at: dt.datetime | None = None
    changes: Changes | None = None
    trends: Sequence[Trend] = ()

    @property
    def is_of_live_services(self) -> bool:
        """Whether it looked at the user's own services: no judgement of an earlier look."""
        return self.target == "live" and self.judged_at is None

    @property
    def window_s(self) -> float:
        """The longest window of all services; 0 without services."""
        return max((service.window_s for service in self.services), default=0.0)

    @property
    def servers(self) -> Mapping[str, ServerRecord | None]:
        """The server of each service; None if it did not answer."""
        return {service.name: service.server for service in self.services}

    @property
    def ended_at(self) -> dt.datetime:
        """When the run ended."""
        return self.started_at + dt.timedelta(seconds=self.elapsed_s)

    @property
    def by_severity(self) -> list[Finding]:
        """The findings, worst first; findings of equal verdict in their original order."""
        return sorted(self.findings, key=lambda finding: SEVERITY.index(finding.verdict))

    @property
    def needs_attention(self) -> list[Finding]:
        """The findings that are broken, undetermined or warnings, worst first.

        Those of them that are suppressed come last.
        """
        found = [finding for finding in self.by_severity if finding.verdict in NOT_WELL]
        return sorted(found, key=lambda finding: finding.suppressed is not None)

    @property
    def suppressed(self) -> list[Finding]:
        """The findings that would need attention and are suppressed, worst first."""
        return [finding for finding in self.by_severity if finding.suppressed]
