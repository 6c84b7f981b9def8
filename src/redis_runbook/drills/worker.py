"""A process with BullMQ's own queue and worker, which does what a drill tells it.

`python -m redis_runbook.drills.worker` reads JSON, a line each, from standard input: first the
connection and the queue's name, then what to do. It answers each of these with a line: `null`, or
what went wrong.
"""

import asyncio
import json
import sys
import time
from typing import Any

from bullmq import Job, Queue, Worker


class _Actor:
    """The queue, and its worker once it is asked for."""

    def __init__(self, connection: dict[str, Any], queue: str) -> None:
        # Without a socket timeout, as a fetch waits for longer than redis-py's own.
        self._options: Any = {"connection": {**connection, "socket_timeout": None}}
        self._name = queue
        self._queue = Queue(queue, self._options)
        self._worker: Worker | None = None

    async def work(self, **options: Any) -> None:
        """Start the worker."""
        self._worker = Worker(self._name, _process, {**self._options, **options})

    async def add(self, data: dict[str, Any], times: int = 1, **options: Any) -> None:
        """Add jobs."""
        for _ in range(times):
            await self._queue.add("bundle", data, options)

    async def schedule(self, every_ms: int) -> None:
        """Have a job every so often."""
        await self._queue.upsertJobScheduler("nightly", {"every": every_ms}, "bundle")

    async def pause(self) -> None:
        """Pause the queue."""
        await self._queue.pause()

    async def resume(self) -> None:
        """Let it go on."""
        await self._queue.resume()


async def _process(job: Job, _token: str) -> None:
    """Take `ms`; fail where `fails` says how; with `blocks`, hold up the whole process."""
    if job.data.get("blocks"):
        time.sleep(job.data["ms"] / 1000)  # noqa: ASYNC251  # that is the fault
    await asyncio.sleep(job.data.get("ms", 0) / 1000)
    if job.data.get("fails"):
        raise RuntimeError(job.data["fails"])


async def main() -> None:
    """Do what standard input says, until it ends."""
    loop = asyncio.get_running_loop()
    actor: _Actor | None = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        try:
            if actor is None:
                actor = _Actor(**asked)
            else:
                await getattr(actor, asked.pop("do"))(**asked)
        except Exception as error:  # noqa: BLE001  # whoever asked is told
            print(json.dumps(repr(error)), flush=True)  # noqa: T201
        else:
            print("null", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
