"""What can be configured: the sections of `runbook.toml` as frozen models, with their defaults."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ByteSize, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from redis_runbook.catalogue import CheckSpec, Level
from redis_runbook.config.commands import Command, JwtLogin
from redis_runbook.config.containers import ContainerSettings
from redis_runbook.config.history import HistorySettings
from redis_runbook.config.login import Login
from redis_runbook.config.monitoring import Exporter, Grafana, Prometheus
from redis_runbook.config.notify import Notifies
from redis_runbook.config.roles import RoleSpec
from redis_runbook.config.sources import Section
from redis_runbook.config.suppress import Suppresses
from redis_runbook.config.target_choice import TargetChoice
from redis_runbook.config.values import (
    CheckId,
    ContainerName,
    Count,
    CountOrZero,
    Directory,
    Factor,
    HttpUrl,
    LabelName,
    Milliseconds,
    Ratio,
    RedisUrl,
    RoleName,
    Seconds,
    ServerAddress,
    ServiceName,
    Size,
    Text,
    Texts,
    ValueFile,
    VariableName,
    known_roles,
    one_of,
)
from redis_runbook.redact import Shown, printable


class Limits(Section):
    """What one service is held to. Every limit is a plain number, in the unit of its name.

    The defaults are a queue's; some of a cache's are lower.
    """

    connect_s: Seconds = Field(2.0, description="DNS, TCP, TLS, AUTH and PING together")
    write_s: Seconds = Field(2.0, description="The canary: write, read back, remove")
    round_trip_ms: Milliseconds = Field(2_000.0, description="p95; a cache: 50")
    command_p95_ms: Milliseconds = Field(50.0, description="p95 of a cache's commands")
    command_p95_for_s: Seconds = Field(600.0, description="Broken when over it this long")
    queue_latency_s: Seconds = Field(2.0, description="A job's wait in a BullMQ queue")
    queue_latency_for_s: Seconds = Field(300.0, description="Broken when over it this long")
    slowlog_ms: Milliseconds = Field(100.0, description="The slowest command; a cache: 50")
    slowlog_for_s: Seconds = Field(600.0, description="How far back SLOWLOG is read")
    memory_ratio: Ratio = Field(0.80, description="Used memory, of what it may use")
    replication_lag_s: Seconds = Field(10.0, description="Silence of a replica or a master")
    saving_s: Seconds = Field(30.0, description="How long a save may take, or be due: a warning")
    clients_ratio: Ratio = Field(0.80, description="Connected clients, of maxclients")
    fragmentation_ratio: Factor = Field(1.5, description="Allocator waste; bytes must agree")
    fragmentation_bytes: Size = Field(ByteSize(100 << 20), description="Waste; ratio must agree")


class Tls(Section):
    """How to trust a rediss:// service, and how to be trusted by it; paths of PEM files."""

    ca_file: Text | None = None
    cert_file: Text | None = None
    key_file: Text | None = None
    verify: bool = True


class _Server(Section):
    """A Redis and its address."""

    enabled: bool = True
    role: RoleName
    url: RedisUrl | None = None
    url_env: VariableName | None = None
    url_file: ValueFile | None = None


class ServiceSettings(Login, _Server):
    """One Redis to check. No secret of it is ever printed."""

    tls: Tls = Tls.model_construct()
    expected_role: Literal["master", "replica"] = "master"
    expected_mode: Literal["standalone", "cluster", "sentinel"] = "standalone"
    replicas_min: Count | None = None
    memory_limit: Size | None = Field(
        None, description="What it may use, where maxmemory is 0 or more"
    )
    exporter_url: HttpUrl | None = Field(None, description="An exporter of its own")
    exporter_url_env: VariableName | None = None
    exporter_url_file: ValueFile | None = None
    exporter_target: ServerAddress | None = Field(None, description="Its name for /scrape?target=")
    series: dict[LabelName, Text] = Field(
        {}, description="Labels of its exporter's series in Prometheus; default: service = its name"
    )
    queues: Texts = Field((), description="BullMQ queues that must exist")
    prefix: Text = Field("bull", description="BullMQ's key prefix")
    discover: bool = Field(True, description="Check BullMQ queues that are not listed, too")
    max_queues: Count = Field(300, description="How many of them are checked")
    limits: Limits = Limits.model_construct()

    _role_spec: RoleSpec = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Look up the specification of the role."""
        self._role_spec = known_roles(context)[self.role]

    @property
    def role_spec(self) -> RoleSpec:
        """The specification of the role: its limits, checks and other properties."""
        return self._role_spec

    @model_validator(mode="before")
    @classmethod
    def _limits_of_the_role(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        name, limits = data.get("role"), data.get("limits", {})
        role = known_roles(info.context).get(name) if isinstance(name, str) else None
        if role is None or not isinstance(limits, dict):
            return data
        return {**data, "limits": {**role.limits, **limits}}


class JwtCache(Section):
    """The cached token introspections: where they are and what must hold for them."""

    enabled: bool = True
    service: Text = "cache"
    pattern: Text = Field("jwt:*", description="A glob, as SCAN takes it")
    min_entries: Count = 1
    max_ttl_s: Seconds = 86_400.0
    login: JwtLogin = JwtLogin.model_construct()

    @field_validator("service")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return one_of("service", value, info) if info.data.get("enabled", True) else value

    @property
    def shown_pattern(self) -> Shown:
        """The pattern for a sentence: a key's name may hold a token."""
        return printable(self.pattern)


class QueueSettings(Section):
    """What one BullMQ queue is held to; what is not set here is its service's, or not limited."""

    workers_min: CountOrZero | None = Field(
        None,
        description="Workers that consume; default: 1 where the queue is listed or jobs wait",
    )
    depth: Count | None = Field(None, description="Jobs that wait to be picked up")
    latency_s: Seconds | None = Field(None, description="Default: the service's queue_latency_s")
    strict_now: bool = Field(False, description="Broken when over the limit now, not only for long")
    paused_ok: bool = False
    overdue_grace_s: Seconds = Field(5.0, description="For delayed jobs and schedulers")
    failed_per_hour: Count = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """`QueueSettings` with every default filled in; `depth` may be without a limit.

    `workers_min` is None for a queue that was only found: it needs a worker where jobs wait.
    """

    workers_min: int | None
    depth: int | None
    latency_s: float
    latency_for_s: float
    strict_now: bool
    paused_ok: bool
    overdue_grace_s: float
    failed_per_hour: int


class Check(Section):
    """What a broken check amounts to, where that is not the catalogue's level."""

    level: Literal["invariant", "advisory", "off"]


class Privacy(Section):
    """What reports may tell of the jobs."""

    job_details: bool = Field(True, description="Ids, names and failure reasons of jobs")


class Operator(Section):
    """How the operator calls what next steps tell to do."""

    compose: Text | None = Field(
        None, description="What compose commands begin with; default: docker compose"
    )


class Container(Section):
    """Images of the throwaway target `container`, each of a fixed content by its digest."""

    redis_image: Text = (
        "redis:7.4.9-alpine@sha256:6ab0b6e7381779332f97b8ca76193e45b0756f38d4c0dcda72dbb3c32061ab99"
    )
    exporter_image: Text = (
        "oliver006/redis_exporter:v1.86.0"
        "@sha256:2e9795be900db073e9475fdb9c5124db309b07a3e4e75a1770705cb03be1a1c8"
    )
    iptables_image: Text = Field(
        "docker:29.8.1-dind"
        "@sha256:3f3c01aaaebf7cce837356b688b7c059a4749f10bd7660dec7c58fc454a283f0",
        description="Only for drills that lose packets; it holds iptables",
    )


class Config(Section):
    """The whole configuration, in effect."""

    target: TargetChoice = "auto"
    report_dir: Directory = Path("reports")
    deadline_s: Seconds | None = Field(None, description="The whole run; default: the profile's")
    read_only: bool = Field(False, description="Write no canary, and publish nothing")
    runbook_url: HttpUrl | None = Field(None, description="Where alerts link to: the runbook")
    plugins: Texts = Field(
        (), description="Modules, or .py files relative to this one, that add checks and the like"
    )
    services: dict[ServiceName, ServiceSettings] = Field({})
    jwt_cache: JwtCache = JwtCache.model_construct()
    exporter: Exporter = Exporter.model_construct()
    prometheus: Prometheus = Prometheus.model_construct()
    grafana: Grafana = Grafana.model_construct()
    queues: dict[Text, QueueSettings] = Field({})
    commands: dict[Text, Command] = Field({}, max_length=20)
    checks: dict[CheckId, Check] = Field({})
    privacy: Privacy = Privacy.model_construct()
    operator: Operator = Operator.model_construct()
    history: HistorySettings = HistorySettings.model_construct()
    container: Container = Container.model_construct()
    containers: dict[ContainerName, ContainerSettings] = Field({})
    suppress: Suppresses = Field((), description="Findings that change no exit code")
    notify: Notifies = Field((), description="Who is told of a change")

    def level(self, spec: CheckSpec) -> Level:
        """The level of a check: as configured, else as in the catalogue."""
        override = self.checks.get(spec.id)
        return Level(override.level) if override else spec.level

    def queues_of(self, service: str) -> tuple[str, ...]:
        """The BullMQ queues that must exist on a service: those that its table lists.

        If it is the only service with queues, the queues with tables of their own belong to it,
        too.
        """
        listed = self.services[service].queues
        holders = [
            settings
            for settings in self.services.values()
            if settings.enabled and settings.role_spec.has_queues
        ]
        own = self.queues if len(holders) == 1 else ()
        return tuple(dict.fromkeys((*listed, *own)))

    def queue_limits(self, service: str, queue: str) -> QueueLimits:
        """The limits of a queue on a service, with all defaults filled in."""
        settings = self.queues.get(queue) or QueueSettings()
        limits = self.services[service].limits
        must_exist, configured = queue in self.queues_of(service), settings.workers_min
        return QueueLimits(
            workers_min=1 if must_exist and configured is None else configured,
            depth=settings.depth,
            latency_s=settings.latency_s or limits.queue_latency_s,
            latency_for_s=limits.queue_latency_for_s,
            strict_now=settings.strict_now,
            paused_ok=settings.paused_ok,
            overdue_grace_s=settings.overdue_grace_s,
            failed_per_hour=settings.failed_per_hour,
        )
