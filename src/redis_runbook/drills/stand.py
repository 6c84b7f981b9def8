"""Throwaway servers with everything that a healthy run looks at, which a drill then breaks."""

import abc
import datetime as dt
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from redis_runbook.config.model import JwtCache
from redis_runbook.drills.error import CannotDrillError
from redis_runbook.drills.stand_server import Exporter, StandServer
from redis_runbook.drills.worker_process import WorkerProcess
from redis_runbook.targets.seed import seed_jwt_cache
from redis_runbook.wire.process import programs_environment
from redis_runbook.wire.watchdog import Watchdog

QUEUE_NAME: Final = "render"
_PAUSE_S: Final = 0.05
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

DrillTarget = Literal["embedded", "container"]
"""What the servers of a stand run as."""


class Stand(abc.ABC):
    """Two servers, a worker with its queue, and an exporter where there is one."""

    def __init__(self) -> None:
        """Start all of it; `close` ends it.

        Raises:
            CannotDrillError: something cannot be started; the text says what.
        """
        self.watchdog = Watchdog()
        self.folder = Path(tempfile.mkdtemp(dir=self.watchdog.folder))
        self.configuration = _CONFIGURATION
        self.files: dict[str, str] = {"smoke.sh": "exit 0", "worker.log": ""}
        self.variables: dict[str, str] = {"DRILL_LOGIN": ""}
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.queue, self.cache = self.start_servers()
        self.fill_cache()
        self.worker = self.new_worker()
        self.worker.tell("work")
        self.fill_queue()
        self.log_reconnection()
        self.exporter = self.new_exporter()
        if self.exporter:
            self.exporter.start(self.queue)

    @abc.abstractmethod
    def start_servers(self) -> tuple[StandServer, StandServer]:
        """Start the queue and the cache, and wait until they answer."""

    @abc.abstractmethod
    def another(self) -> StandServer:
        """A third server, started and empty."""

    @abc.abstractmethod
    def new_exporter(self) -> Exporter | None:
        """A new exporter, which does not run yet; None if there is none here."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment for the checks."""
        urls = {"REDIS_QUEUE_URL": self.queue.url, "REDIS_CACHE_URL": self.cache.url}
        if self.exporter:
            urls["REDIS_EXPORTER_URL"] = self.exporter.url
        return {**programs_environment(), **urls, **self.variables}

    def another_exporter(self) -> Exporter:
        """A second exporter, which does not run yet; raises as `need_exporter`."""
        return _needed(self.new_exporter())

    def need_exporter(self) -> Exporter:
        """The exporter.

        Raises:
            CannotDrillError: there is no program of it.
        """
        return _needed(self.exporter)

    def fill_cache(self) -> None:
        """Write the entries of the JWT cache."""
        seed_jwt_cache(self.cache.endpoint, "cache", JwtCache())

    def fill_queue(self) -> None:
        """Have a scheduler, and a few jobs done."""
        self.worker.tell("schedule", every_ms=_EVERY_HOUR_MS)
        self.worker.tell("add", data={"ms": 1}, times=3)

    def log_reconnection(self) -> None:
        """Log what a worker of the application logs once its queue is back."""
        at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        self.files["worker.log"] += f"{at} Queue connection restored\n"

    def new_worker(self) -> WorkerProcess:
        """Another process with the same queue; it does not work yet."""
        return WorkerProcess(self.queue.endpoint, QUEUE_NAME, self.watchdog)

    def close(self) -> None:
        """End everything; may be called again."""
        self.watchdog.close()


def _needed(exporter: Exporter | None) -> Exporter:
    if exporter is None:
        raise CannotDrillError("it needs redis_exporter or prometheus-redis-exporter in PATH")
    return exporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where stands are made: the target, what its servers are made of, and how to make one."""

    target: DrillTarget
    server: str
    make: Callable[[], Stand]


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
