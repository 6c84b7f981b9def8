"""What actor.js does, with BullMQ for Python: `python bullmq_python_actor.py <port>`."""

import asyncio
import json
import sys
import time
from typing import Any

from bullmq import Job, Queue, Worker

# Without a socket timeout: redis-py 8 has one of 5 s, which ends each fetch that waits 10 s.
CONNECTION = {"host": "127.0.0.1", "port": int(sys.argv[1]), "socket_timeout": None}
workers: list[Worker] = []


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps({"at": time.time() * 1000, **message}) + "\n")
    sys.stdout.flush()


async def act(asked: dict[str, Any]) -> Any:
    queue = asked["queue"]
    if asked["do"] == "add":
        adding = Queue(queue, {"connection": CONNECTION})
        job = await adding.add(
            asked.get("name", "job"), asked.get("data", {}), asked.get("options", {})
        )
        await adding.close()
        return job.id

    async def process(job: Job, _token: str) -> None:
        say(event="start", queue=queue, job=job.id)
        await asyncio.sleep(job.data.get("ms", 0) / 1000)
        say(event="end", queue=queue, job=job.id)

    options = {"connection": CONNECTION, **asked.get("options", {})}
    workers.append(Worker(queue, process, options))
    return None


async def main() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        try:
            say(id=asked["id"], result=await act(asked))
        except Exception as error:  # noqa: BLE001  # the test that asked fails with it
            say(id=asked["id"], error=repr(error))


asyncio.run(main())
