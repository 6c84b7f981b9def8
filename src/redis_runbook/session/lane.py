"""Runs probes in turn on one thread, with one connection if they need one."""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import redis

from redis_runbook.catalogue import REACHABLE
from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.latency.openloop import OpenLoop
from redis_runbook.probes.probe import Probe
from redis_runbook.session.facts import Facts
from redis_runbook.targets.target import Target
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import in_background
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed
from redis_runbook.wire.http import Fetch, SharedGets

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What all lanes of a run share; `deadline` is a time of time.monotonic()."""

    config: Config
    profile: str
    target: Target
    deadline: float
    fetch: Fetch = field(default_factory=SharedGets)
    stop: threading.Event = field(default_factory=threading.Event)


class Lane:
    """A thread that runs probes in turn; it is the `Look` that each probe gets.

    `settled` is set when the lane sends no more commands, or none until latency was measured.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        facts: Facts,
        scene: Scene,
        *,
        service: Service | None,
        window_s: float,
        measured: threading.Event,
    ) -> None:
        """Prepare; `measured` is set once the latency of the service was measured."""
        self.config = scene.config
        self.profile = scene.profile
        self.target = scene.target
        self.fetch = scene.fetch
        self._deadline = scene.deadline
        self.stop = scene.stop
        self.window_s = window_s
        self.settled: Final = threading.Event()
        self.loop: OpenLoop | None = None
        self._probes = probes
        self._facts = facts
        self._service = service
        self._measured = measured
        self._limit_s = max(probe.limit_s for probe in probes)
        self._started = threading.Event()
        self._started_at = 0.0
        self._connection = contextlib.ExitStack()
        self._limit = contextlib.ExitStack()
        self._client: Client | None = None
        self._connection_error = ""

    def start(self) -> None:
        """Run the probes, in the background."""
        in_background(self._run)

    def wait_until_settled(self) -> None:
        """Wait until `settled`, at most for the lane's limit: a slower lane is only waiting."""
        self._started.wait(self.time_left_s)
        left_s = self._started_at + self._limit_s - time.monotonic()
        self.settled.wait(max(0.0, min(left_s, self.time_left_s)))

    @property
    def time_left_s(self) -> float:
        """Seconds until the run's deadline, at least 0."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def service(self) -> Service:
        """The service that the probe is about; raises CannotLook in a lane of the monitoring."""
        if self._service is None:
            raise CannotLook("what watches the services is none itself")
        return self._service

    @property
    def endpoint(self) -> Endpoint:
        """The service's address; raises CannotLook where none is known."""
        if self.service.endpoint is None:
            raise CannotLook(self.service.missing)
        return self.service.endpoint

    @property
    def client(self) -> Client:
        """The lane's connection, opened at first use; raises CannotLook where it cannot be."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def facts(self, kind: type[_T]) -> _T:
        """Wait for another probe's facts; raises CannotLook if there are none."""
        return self._facts.wait(kind)

    def known(self, kind: type[_T]) -> _T | None:
        """Another probe's facts if they are there already; None otherwise."""
        return self._facts.known(kind)

    def watch(self, loop: OpenLoop) -> None:
        """Make the progress of a latency window visible to `Observation.glances`."""
        self.loop = loop

    def wait_until_measured(self) -> None:
        """Send nothing until latency was measured; then the time limit starts again."""
        self._limit.close()
        self.settled.set()
        self._measured.wait(self.time_left_s)
        if self._client:
            self._limit.enter_context(self._client.time_limit(self._limit_s))

    def _connect(self) -> Client:
        if self._connection_error:
            raise CannotLook(self._connection_error)
        service = self.service
        try:
            client = self._connection.enter_context(
                connected(self.endpoint, service.name, timeout_s=service.limits.connect_s)
            )
        except CannotLook as error:
            self._connection_error = str(error)
            raise
        except redis.RedisError as error:
            self._connection_error = f"{service.name} {why_it_failed(error)}"
            raise CannotLook(self._connection_error) from None
        self._limit.enter_context(client.time_limit(self._limit_s))
        return client

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self.settled.set)
            stack.enter_context(self._connection)
            stack.enter_context(self._limit)
            stack.callback(self._mark_started)
            for probe in self._probes:
                self._look(probe)

    def _look(self, probe: Probe) -> None:
        """Run one probe, and store its facts or its error."""
        try:
            for kind in probe.needs:
                self._require(kind)
            self._mark_started()
            facts = probe.look(self)
            if not isinstance(facts, probe.facts):
                raise TypeError(f"{probe.name} returned {type(facts).__name__}")  # noqa: TRY301
        except redis.RedisError as error:
            problem = CannotLook(f"{self.service.name} {why_it_failed(error)}")
            self._facts.fail(probe.facts, problem)
        except Exception as error:  # noqa: BLE001  # stored: `wait` raises it
            self._facts.fail(probe.facts, error)
        else:
            self._facts.put(probe.facts, facts)

    def _require(self, kind: type) -> None:
        if kind is not ConnectionFacts:
            self.facts(kind)
            return
        cause = f"{REACHABLE}[{self.service.name}]"
        try:
            connection = self.facts(ConnectionFacts)
        except CannotLook as error:
            raise CannotLook(str(error), follows_from=cause) from None
        if not connection.reachable:
            why = f"{self.service.name} is not reachable ({connection.message})"
            raise CannotLook(why, follows_from=cause)

    def _mark_started(self) -> None:
        if not self._started.is_set():
            self._started_at = time.monotonic()
            self._started.set()
