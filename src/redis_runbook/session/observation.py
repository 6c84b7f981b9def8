"""Runs the probes: every service at once, each probe once, every wait bounded."""

import concurrent.futures
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import redis

from redis_runbook.catalogue import covers
from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.judging.stalled import READS_APART_S
from redis_runbook.probes.bullmq.discovery import Discovery, discover
from redis_runbook.probes.bullmq.queues import QueuesFacts, look_again, look_first
from redis_runbook.probes.canary import CanaryFacts, fly_canary
from redis_runbook.probes.clients import ClientsFacts, clients_facts
from redis_runbook.probes.connection import ConnectionFacts, reach
from redis_runbook.probes.exporter.scrape import ExporterFacts, observe_exporter
from redis_runbook.probes.jwt_cache import JwtCacheFacts, observe_jwt_cache
from redis_runbook.probes.latency.openloop import Glance, OpenLoop
from redis_runbook.probes.latency.sample import LatencyFacts, sample_latency
from redis_runbook.probes.memory import MemoryFacts, memory_facts
from redis_runbook.probes.persistence import PersistenceFacts, persistence_facts
from redis_runbook.probes.pubsub import PubsubFacts, send_message
from redis_runbook.probes.replication import ReplicationFacts, replication_facts
from redis_runbook.probes.server import Info, InfoReply, ServerFacts, read_info, server_facts
from redis_runbook.probes.slowlog import SlowlogFacts, read_slowlog
from redis_runbook.redact import printable
from redis_runbook.targets.target import Target
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.http import SharedGets

_KINDS: Final = (
    ConnectionFacts,
    InfoReply,
    ServerFacts,
    MemoryFacts,
    ClientsFacts,
    ReplicationFacts,
    PersistenceFacts,
    SlowlogFacts,
    Discovery,
    QueuesFacts,
    CanaryFacts,
    PubsubFacts,
    ExporterFacts,
    JwtCacheFacts,
    LatencyFacts,
)
_PROBES_LIMIT_S: Final = 5.0
_QUEUES_LIMIT_S: Final = 10.0
_DISCOVERY_BUDGET_S: Final = 2.0
_OVERDUE_GRACE_S: Final = 5.0
_BESIDE_LIMIT_S: Final = 3.0  # whoever waits longer waits for an answer, and keeps nobody busy
_MARGIN_S: Final = 0.05
_REFRESH_S: Final = 1.0
_JWT_SAMPLE: Final = 100
_JWT_BUDGET_S: Final = 2.0
_LONGEST_ERROR: Final = 120
_F = TypeVar("_F")


class Observation:
    """What is seen of the services of one run.

    Probes start with `start`; the latency samplers wait for `measure_latency`, and for all other
    probes to be done, so that they measure the server and not us. The queues' second reading waits
    for the samplers in turn.
    """

    def __init__(
        self,
        target: Target,
        config: Config,
        *,
        wanted: Collection[str],
        deadline: float,
        windows_s: Mapping[str, float],
        beside: threading.Event,
    ) -> None:
        """Prepare to observe what the `wanted` checks need until `deadline` (time.monotonic).

        `windows_s` is how long latency is sampled, by service; `beside` is set once this process
        looks at nothing else.
        """
        self._deadline = deadline
        self._may_sample = threading.Event()
        self._stop = threading.Event()
        fetch = SharedGets()
        self._watches = {
            service.name: _Watch(
                service, target, config, fetch=fetch, wanted=wanted, deadline=deadline
            )
            for service in target.services
        }
        self._windows_s = windows_s
        self._beside = beside

    def start(self) -> None:
        """Begin to observe, in the background."""
        for watch in self._watches.values():
            _spawn(watch.observe)
        _spawn(self._sample)

    def measure_latency(self, *, wanted: bool) -> None:
        """Let the latency samplers begin, or go on without them."""
        if wanted:
            self._may_sample.set()
        else:
            self._release()

    def stop(self) -> None:
        """End what still runs; facts that are not there by now will not come."""
        self._stop.set()
        self._may_sample.set()
        self._release()

    def _release(self) -> None:
        for watch in self._watches.values():
            watch.sampled.set()

    def facts(
        self, service: Service, kind: type[_F], *, meanwhile: Callable[[], None] = lambda: None
    ) -> _F:
        """The facts of that kind about a service; waits for them, at most until the deadline.

        `meanwhile` is called about once a second while it waits.

        Raises:
            CannotLook: they could not be observed.
        """
        future: concurrent.futures.Future[_F] = self._watches[service.name].futures[kind]
        while not future.done():
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise CannotLook(f"{service.name} was not observed before the run's deadline")
            meanwhile()
            concurrent.futures.wait([future], timeout=min(left_s, _REFRESH_S))
        return future.result()

    def known(self, service_name: str, kind: type[_F]) -> _F | None:
        """The facts of that kind if they are there already, without waiting."""
        future: concurrent.futures.Future[_F] = self._watches[service_name].futures[kind]
        if not future.done() or future.exception():
            return None
        return future.result()

    def glances(self) -> Sequence[tuple[Service, Glance]]:
        """The windows that are in progress."""
        return [
            (watch.service, watch.loop.glance())
            for watch in self._watches.values()
            if watch.loop and not watch.sampled.is_set()
        ]

    def _sample(self) -> None:
        self._may_sample.wait()
        for watch in self._watches.values():
            watch.quiet.wait(timeout=max(0.0, self._deadline - time.monotonic()))
        self._beside.wait(timeout=_BESIDE_LIMIT_S)
        for name, watch in self._watches.items():
            _spawn(functools.partial(watch.sample, self._windows_s[name], self._stop))


class _Watch:
    """The probes of one service and the facts that they will have."""

    def __init__(
        self,
        service: Service,
        target: Target,
        config: Config,
        *,
        fetch: SharedGets,
        wanted: Collection[str],
        deadline: float,
    ) -> None:
        self.futures: dict[type, concurrent.futures.Future[Any]] = {
            kind: concurrent.futures.Future() for kind in _KINDS
        }
        self.service = service
        self.loop: OpenLoop | None = None
        self.quiet = threading.Event()
        self.sampled = threading.Event()
        self._queues_seen = threading.Event()
        self._target = target
        self._config = config
        self._fetch = fetch
        self._wanted = wanted
        self._deadline = deadline

    def observe(self) -> None:
        """Look at everything but latency, and be quiet then."""
        try:
            self._observe()
        except redis.RedisError:
            self._give_up(f"{self.service.name} stopped answering after its first PING")
        except Exception as error:  # noqa: BLE001  # kept: whoever asks for the facts gets it
            for kind in _KINDS:
                self._fail(kind, error)
        finally:
            self.quiet.set()

    def sample(self, window_s: float, stop: threading.Event) -> None:
        """Measure latency for `window_s`."""
        endpoint = self.service.endpoint
        if endpoint is not None and not self.futures[LatencyFacts].done():
            self._look(
                LatencyFacts,
                lambda: sample_latency(
                    endpoint,
                    self.service.name,
                    window_s=window_s,
                    timeout_s=self.service.limits.connect_s,
                    stop=stop,
                    begins=self._begins,
                ),
            )
        self.sampled.set()

    def _begins(self, loop: OpenLoop) -> None:
        self.loop = loop

    def _observe(self) -> None:
        service, endpoint = self.service, self.service.endpoint
        if endpoint is None:
            self._give_up(service.missing)
            return
        timeout_s = service.limits.connect_s
        connection = self._look(ConnectionFacts, lambda: reach(endpoint, timeout_s=timeout_s))
        if connection is None or not connection.reachable:
            self._give_up(f"{service.name} is not reachable")
            return
        beside = [_spawn(lambda: self._write(endpoint)), _spawn(lambda: self._publish(endpoint))]
        if self.service.role == "queue" and self._wants("queue"):
            _spawn(lambda: self._look_at_queues(endpoint))
        else:
            self._queues_seen.set()
        with (
            connected(endpoint, service.name, timeout_s=timeout_s) as client,
            client.time_limit(_PROBES_LIMIT_S),
        ):
            self._ask(client)
            if self._wants("exporter"):
                beside.append(_spawn(self._look_at_exporter))
            self._scan_jwt_cache(client)
        for thread in beside:
            thread.join(_PROBES_LIMIT_S)
        self._queues_seen.wait(_QUEUES_LIMIT_S)

    def _ask(self, client: Client) -> None:
        """What one connection answers in a few round trips."""
        self._look(InfoReply, lambda: read_info(client))

        def info() -> Info:
            fields: Info = self.futures[InfoReply].result().fields
            return fields

        self._look(ServerFacts, lambda: server_facts(info()))
        self._look(MemoryFacts, lambda: memory_facts(info()))
        self._look(ReplicationFacts, lambda: replication_facts(info()))
        self._look(ClientsFacts, lambda: clients_facts(client, info()))
        self._look(PersistenceFacts, lambda: persistence_facts(client, info()))
        self._look(SlowlogFacts, lambda: read_slowlog(client))

    def _write(self, endpoint: Endpoint) -> None:
        if not self._config.read_only and self._wants("connectivity.writable"):
            self._look(
                CanaryFacts,
                lambda: fly_canary(
                    endpoint, self.service.name, timeout_s=self.service.limits.write_s
                ),
            )

    def _publish(self, endpoint: Endpoint) -> None:
        if self.service.role == "queue" and self._wants("connectivity.pubsub"):
            self._look(
                PubsubFacts,
                lambda: send_message(
                    endpoint, self.service.name, timeout_s=self.service.limits.write_s
                ),
            )

    def _scan_jwt_cache(self, client: Client) -> None:
        settings = self._config.jwt_cache
        mine = settings.enabled and settings.service == self.service.name
        if mine and self._wants("jwt_cache"):
            self._look(
                JwtCacheFacts,
                lambda: observe_jwt_cache(
                    client,
                    pattern=settings.pattern,
                    enough=max(settings.min_entries, _JWT_SAMPLE),
                    budget_s=_JWT_BUDGET_S,
                ),
            )

    def _look_at_queues(self, endpoint: Endpoint) -> None:
        """Read the queues, and again at least 2 s later and after the latency samples."""
        self._look(QueuesFacts, lambda: self._read_queues(endpoint))
        for kind in (Discovery, QueuesFacts):
            self._fail(kind, CannotLook(f"{self.service.name} stopped answering"))
        self._queues_seen.set()

    def _read_queues(self, endpoint: Endpoint) -> QueuesFacts:
        service = self.service
        with connected(endpoint, service.name, timeout_s=service.limits.connect_s) as client:
            with client.time_limit(_QUEUES_LIMIT_S):
                discovery = self._look(
                    Discovery,
                    lambda: discover(
                        client,
                        prefix=service.settings.prefix,
                        configured=self._config.queues_of(service.name),
                        scan=service.settings.discover,
                        budget_s=_DISCOVERY_BUDGET_S,
                    ),
                )
                if discovery is None:
                    return self.futures[Discovery].result()  # type: ignore[no-any-return]
                first = look_first(client, discovery)
            again_at = time.monotonic() + READS_APART_S + _MARGIN_S
            self._queues_seen.set()
            self.sampled.wait(max(0.0, self._deadline - time.monotonic()))
            time.sleep(max(0.0, again_at - time.monotonic()))
            with client.time_limit(_QUEUES_LIMIT_S):
                return look_again(
                    client,
                    discovery,
                    first,
                    window_s=service.limits.queue_latency_for_s,
                    grace_s=_OVERDUE_GRACE_S,
                )

    def _wants(self, prefix: str) -> bool:
        """Whether a check is to run that has this id, or one that begins with it."""
        return any(covers(prefix, check_id) for check_id in self._wanted)

    def _look_at_exporter(self) -> None:
        route = self._target.exporters[self.service.name]
        url = route.url
        if url is None:
            self._fail(ExporterFacts, CannotLook(route.missing))
            return
        self._look(
            ExporterFacts,
            lambda: observe_exporter(
                url=url,
                own=route.own,
                target=route.target or None,
                server=self.futures[ServerFacts].result(),
                info=self.futures[InfoReply].result().fields,
                timeout_s=self._config.exporter.timeout_s,
                fetch=self._fetch,
            ),
        )

    def _look(self, kind: type[_F], probe: Callable[[], _F]) -> _F | None:
        """Run one probe and keep its facts, or why there are none."""
        try:
            facts = probe()
        except redis.ResponseError as error:
            why = printable(str(error), _LONGEST_ERROR)
            self._fail(kind, CannotLook(f"{self.service.name} answers with an error: {why}"))
        except redis.RedisError:
            self._fail(kind, CannotLook(f"{self.service.name} stopped answering"))
        except Exception as error:  # noqa: BLE001  # kept: whoever asks for the facts gets it
            self._fail(kind, error)
        else:
            with contextlib.suppress(concurrent.futures.InvalidStateError):  # given up meanwhile
                self.futures[kind].set_result(facts)
            return facts
        return None

    def _fail(self, kind: type, error: Exception) -> None:
        with contextlib.suppress(concurrent.futures.InvalidStateError):  # there are facts already
            self.futures[kind].set_exception(error)

    def _give_up(self, reason: str) -> None:
        for kind in _KINDS:
            self._fail(kind, CannotLook(reason))


def _spawn(work: Callable[[], None]) -> threading.Thread:
    """Run in the background; a daemon, since a resolver that hangs must not hold up the exit."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
