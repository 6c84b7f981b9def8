"""A process with BullMQ's own queue and worker, and how a drill tells it what to do."""

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from redis_runbook.drills.error import CannotDrillError
from redis_runbook.drills.stand_server import ANSWER_LIMIT_S
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.process import programs_environment
from redis_runbook.wire.watchdog import Watchdog


class WorkerProcess:
    """A process with BullMQ's own queue and worker."""

    def __init__(self, endpoint: Endpoint, queue_name: str, watchdog: Watchdog) -> None:
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
        connection = {
            "host": endpoint.host,
            "port": endpoint.port,
            "password": endpoint.password,
        }
        try:
            self._ask({"connection": connection, "queue": queue_name})
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
            problem = self._answers.get(timeout=ANSWER_LIMIT_S)
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
