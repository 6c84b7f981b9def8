"""Throwaway servers with everything that a healthy run looks at, which a drill then breaks."""

import contextlib
import datetime as dt
import json
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_runbook.config.model import JwtCache
from redis_runbook.config.roles import CACHE, QUEUE
from redis_runbook.targets.embedded import Server, Watchdog, free_port
from redis_runbook.targets.seed import seed_jwt_cache
from redis_runbook.targets.throwaway import create_password
from redis_runbook.wire.process import programs_environment

QUEUE_NAME: Final = "render"
_EXPORTERS: Final = ("redis_exporter", "prometheus-redis-exporter")
_START_LIMIT_S: Final = 10.0
_PAUSE_S: Final = 0.05
_ANSWER_LIMIT_S: Final = 20.0
_EVERY_HOUR_MS: Final = 3_600_000
_CONFIGURATION: Final = f"""
[services.queue]
role = "queue"
queues = ["{QUEUE_NAME}"]

[services.cache]
role = "cache"

[queues.{QUEUE_NAME}]
depth = 100
failed_per_hour = 20
"""


class CannotDrillError(Exception):
    """A drill cannot be run here; the text says what is missing."""


class Service:
    """One server of a stand, and what can be done to it."""

    def __init__(self, server: Server, watchdog: Watchdog) -> None:
        """Take a server that was started, and the watchdog that guards it."""
        self.server = server
        self._watchdog = watchdog
        self.url_override: str | None = None
        """The URL to give to the checks in the place of its own."""

    @property
    def url(self) -> str:
        """The URL for the checks, with its password."""
        endpoint = self.server.endpoint
        return self.url_override or f"redis://:{endpoint.password}@{endpoint.address}"

    def client(self) -> redis.Redis:
        """A connection of the operator's, with all permissions."""
        endpoint = self.server.endpoint
        return redis.Redis(
            host=endpoint.host,
            port=endpoint.port,
            password=endpoint.password,
            protocol=2,
            socket_timeout=_ANSWER_LIMIT_S,
            retry=Retry(NoBackoff(), 0),
        )

    @contextlib.contextmanager
    def setting(self, name: str, value: str | int) -> Iterator[None]:
        """Another value of a setting for as long as the block lasts, on one connection."""
        client = self.client()
        before = client.config_get(name)[name]
        client.config_set(name, value)
        yield
        client.config_set(name, before or "")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process with this signal."""
        self._watchdog.end(self.server.process, number)

    def start(self, *lines: str, wait: bool = True) -> None:
        """Start it on the same port with the same data; `lines` are added to its configuration."""
        self.server.launch(*lines, port=self.server.endpoint.port)
        if wait:
            self.server.wait(time.monotonic() + _START_LIMIT_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal that does not end it."""
        self.server.process.send_signal(number)


class Worker:
    """A process with BullMQ's own queue and worker."""

    def __init__(self, service: Service, watchdog: Watchdog) -> None:
        """Start it; it does not work yet.

        Raises:
            CannotDrillError: BullMQ for Python is not installed.
        """
        self._watchdog = watchdog
        self.process = subprocess.Popen(
            [sys.executable, "-m", "redis_runbook.drills.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=programs_environment(),
            start_new_session=True,
        )
        watchdog.guard(self.process)
        self._answers: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        endpoint = service.server.endpoint
        connection = {
            "host": endpoint.host,
            "port": endpoint.port,
            "password": endpoint.password,
        }
        try:
            self._ask({"connection": connection, "queue": QUEUE_NAME})
        except CannotDrillError:
            raise CannotDrillError("it needs BullMQ: pip install 'redis-runbook[drill]'") from None

    def tell(self, do: str, **arguments: Any) -> None:
        """Have something done.

        Raises:
            CannotDrillError: it could not be done.
        """
        self._ask({"do": do, **arguments})

    def _ask(self, what: Mapping[str, Any]) -> None:
        assert self.process.stdin  # noqa: S101  # for mypy: it is a pipe
        try:
            self.process.stdin.write(json.dumps(what).encode() + b"\n")
            self.process.stdin.flush()
            problem = self._answers.get(timeout=_ANSWER_LIMIT_S)
        except (OSError, queue.Empty) as error:
            raise CannotDrillError("BullMQ does not answer") from error
        if problem:
            raise CannotDrillError(f"BullMQ: {problem}")

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self._answers.put(json.loads(line))
        self._answers.put("it ended")

    def end(self) -> None:
        """End the process at once."""
        self._watchdog.end(self.process, signal.SIGKILL)


class Exporter:
    """A redis_exporter that watches both services."""

    def __init__(self, program: str, watchdog: Watchdog) -> None:
        """Choose its port; it does not run yet."""
        self.program = program
        self._watchdog = watchdog
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/metrics"

    def start(self, service: Service, password: str | None = None) -> None:
        """Watch a service, and others by `/scrape?target=`."""
        endpoint = service.server.endpoint
        secret = endpoint.password if password is None else password
        self._process = subprocess.Popen(  # noqa: S603  # a program that was looked up
            [self.program, "-web.listen-address", f"127.0.0.1:{self._port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **programs_environment(),
                "REDIS_ADDR": f"redis://{endpoint.address}",
                "REDIS_PASSWORD": secret or "",
            },
            start_new_session=True,
        )
        self._watchdog.guard(self._process)

    def stop(self) -> None:
        """End the process."""
        self._watchdog.end(self._process, signal.SIGTERM)


class Stand:
    """Two servers, a worker with its queue, and an exporter where there is a program of it."""

    def __init__(self, program: str) -> None:
        """Start all of it with a server program; `close` ends it.

        Raises:
            CannotDrillError: something cannot be started; the text says what.
        """
        self._watchdog = Watchdog()
        self.folder = Path(tempfile.mkdtemp(dir=self._watchdog.folder))
        self.configuration = _CONFIGURATION
        self.files: dict[str, str] = {"smoke.sh": "exit 0", "worker.log": ""}
        self.variables: dict[str, str] = {"DRILL_LOGIN": ""}
        try:
            self._start(program)
        except BaseException:
            self.close()
            raise

    def _start(self, program: str) -> None:
        self._program = program
        password = create_password()
        self.queue, self.cache = (
            Service(Server(role.name, role, program, password, self._watchdog), self._watchdog)
            for role in (QUEUE, CACHE)
        )
        deadline = time.monotonic() + _START_LIMIT_S
        for service in (self.queue, self.cache):
            service.server.wait(deadline)
        self.fill_cache()
        self.worker = self.new_worker()
        self.worker.tell("work")
        self.fill_queue()
        self.log_reconnection()
        found = next(filter(None, map(shutil.which, _EXPORTERS)), None)
        self.exporter = Exporter(found, self._watchdog) if found else None
        if self.exporter:
            self.exporter.start(self.queue)

    @property
    def environment(self) -> dict[str, str]:
        """The environment for the checks."""
        urls = {"REDIS_QUEUE_URL": self.queue.url, "REDIS_CACHE_URL": self.cache.url}
        if self.exporter:
            urls["REDIS_EXPORTER_URL"] = self.exporter.url
        return {**programs_environment(), **urls, **self.variables}

    def another_exporter(self) -> Exporter:
        """A second exporter, which does not run yet; raises as `need_exporter`."""
        return Exporter(self.need_exporter().program, self._watchdog)

    def need_exporter(self) -> Exporter:
        """The exporter.

        Raises:
            CannotDrillError: there is no program of it.
        """
        if self.exporter is None:
            raise CannotDrillError(f"it needs {' or '.join(_EXPORTERS)} in PATH")
        return self.exporter

    def fill_cache(self) -> None:
        """Write the entries of the JWT cache."""
        seed_jwt_cache(self.cache.server.endpoint, "cache", JwtCache())

    def fill_queue(self) -> None:
        """Have a scheduler, and a few jobs done."""
        self.worker.tell("schedule", every_ms=_EVERY_HOUR_MS)
        self.worker.tell("add", data={"ms": 1}, times=3)

    def log_reconnection(self) -> None:
        """Log what a worker of the application logs once its queue is back."""
        at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        self.files["worker.log"] += f"{at} Queue connection restored\n"

    def new_worker(self) -> Worker:
        """Another process with the same queue; it does not work yet."""
        return Worker(self.queue, self._watchdog)

    def another(self) -> Service:
        """A third server, started and empty."""
        server = Server("another", CACHE, self._program, create_password(), self._watchdog)
        server.wait(time.monotonic() + _START_LIMIT_S)
        return Service(server, self._watchdog)

    def close(self) -> None:
        """End everything; may be called again, never raises."""
        self._watchdog.close()


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait until it holds.

    Raises:
        CannotDrillError: it does not in time.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise CannotDrillError(f"the server did not do as it was told within {limit_s:g} s")
        time.sleep(_PAUSE_S)
