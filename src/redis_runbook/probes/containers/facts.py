"""What is known of a configured container: facts, with times by this machine's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis_runbook.redact import NO_TEXT, Shown
from redis_runbook.verdict import CannotLook, or_raise
from redis_runbook.wire.url_parts import joined

RUNNING: Final = "running"
ROTATED: Final = "may have been rotated away"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """The lines of a log since the container started that tell of something fatal.

    `lines` is how many were looked at, the newest; `complete` is whether these are all that there
    are since then, and `kept` whether none was rotated away before. `fatal` are the last of
    `fatal_lines` such lines. `why_unknown` says why the log cannot be read.
    """

    lines: int = 0
    complete: bool = True
    kept: bool = True
    fatal_lines: int = 0
    fatal: Sequence[Shown] = ()
    why_unknown: str = ""

    @property
    def doubt(self) -> str:
        """What was not looked at; empty if all was."""
        if self.why_unknown:
            return self.why_unknown
        if not self.complete:
            return f"only the newest {self.lines} lines since its last start were looked at"
        return "" if self.kept else f"what it logged first since its last start {ROTATED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUrl:
    """Where an application is told that the Redis is; `problem` is set if that is not an address.

    `given_by` is a sentence's subject: `REDIS_QUEUE_URL of container api-1`. `own_network` is
    whether localhost is the application's container there, None if that is not known. `networks`
    are those that its container is in, none if it is in no container.
    """

    given_by: str
    host: Shown = NO_TEXT
    port: int = 0
    database: int = 0
    own_network: bool | None = False
    networks: Sequence[Shown] = ()
    problem: str = ""

    @property
    def address(self) -> str:
        """`host:port`, `[v6]:port` or a socket's path, as an endpoint tells its own."""
        return joined(self.host, self.port) if self.port else self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """One container.

    Times are seconds since the epoch. `health` is empty without a health check; `health_said` is
    the last thing that it printed. `oom_killed` is about the last exit, so that of a running
    container it may tell of its previous life; `oom_times` are kills in the last 10 minutes, as
    are `death_times`, of the container. `restarts` counts those by its restart policy.
    `memory_limit_bytes` is 0 if it has no limit. `names` are the names and addresses by which
    others reach it in its `networks`, `ports` what it publishes: by its own port, those of the
    machine `published_on` (empty: this one).
    """

    name: Shown
    status: Shown
    exit_code: int
    started_at: float
    oom_killed: bool = False
    health: Shown = NO_TEXT
    health_said: Shown = NO_TEXT
    restarts: int = 0
    oom_times: Sequence[float] = ()
    death_times: Sequence[float] = ()
    memory_limit_bytes: int = 0
    names: Sequence[Shown] = ()
    networks: Sequence[Shown] = ()
    ports: Mapping[int, Sequence[int]] = field(default_factory=dict)
    published_on: Shown = NO_TEXT
    log: LogFacts = LogFacts()

    @property
    def runs(self) -> bool:
        """Whether it runs, by what Docker says."""
        return self.status == RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFacts:
    """What `[containers.<name>]` found at `looked_at`: no container if it is a log file alone.

    `kind` is `redis`, `worker`, `app` or `exporter`; `urls` are what an application is told, by
    `url_variable`, which is empty if none is configured.
    """

    kind: str
    looked_at: float
    states: Sequence[ContainerState]
    urls: Sequence[GivenUrl] = ()
    url_variable: Shown = NO_TEXT

    def ago_s(self, at: float) -> float:
        """How long ago that was, at least 0."""
        return max(0.0, self.looked_at - at)


@dataclass(frozen=True, slots=True)
class ContainersFacts:
    """What each enabled entry found, or why that is not known, by its name."""

    by_name: Mapping[str, EntryFacts | CannotLook]

    def of(self, name: str) -> EntryFacts:
        """The facts of one entry.

        Raises:
            CannotLook: nothing is known of it.
        """
        return or_raise(self.by_name[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLog:
    """Whether a worker has logged that it is connected again since its queue started.

    `started_at` is when its container did, None for a log file alone. `line_at` is the first such
    line; `why_unknown` says what was not looked at, if that is why there is none.
    """

    name: Shown
    started_at: float | None = None
    runs: bool = True
    line_at: float | None = None
    why_unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectFacts:
    """The logs of the workers of one queue, by the name of the entry, at `looked_at`.

    `started_at` is when the server of the queue started, `uptime_s` how long ago that is.
    """

    looked_at: float
    started_at: float
    by_name: Mapping[str, Sequence[WorkerLog] | CannotLook]

    @property
    def uptime_s(self) -> float:
        """How long the server of the queue has been up."""
        return max(0.0, self.looked_at - self.started_at)

    def of(self, name: str) -> Sequence[WorkerLog]:
        """The logs of one entry; raises CannotLook if they cannot be read."""
        return or_raise(self.by_name[name])
