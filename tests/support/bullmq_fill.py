"""A BullMQ queue of any depth, written as the library would have left it."""

import time
from typing import Any

_DAY_MS = 86_400_000


def fill(raw: Any, name: str, *, waiting: int, delayed: int, events: int) -> None:
    """A queue with something in every key, and as many jobs as asked for."""
    key, now_ms = f"bull:{name}", int(time.time() * 1000)
    pipe = raw.pipeline(transaction=False)
    pipe.hset(f"{key}:meta", mapping={"version": "bullmq:5.81.5", "opts.maxLenEvents": 10_000})
    for first in range(0, waiting, 20_000):
        pipe.lpush(f"{key}:wait", *range(first, min(first + 20_000, waiting)))
    for first in range(0, delayed, 20_000):
        jobs = range(first, min(first + 20_000, delayed))
        pipe.zadd(f"{key}:delayed", {f"d{job}": (now_ms + job - 50) * 4096 for job in jobs})
    for job in (*range(10), waiting - 1, *(f"p{n}" for n in range(3)), *(f"a{n}" for n in range(5)),
                *(f"f{n}" for n in range(20))):  # fmt: skip
        pipe.hset(
            f"{key}:{job}",
            mapping={"name": "render", "data": "{}", "opts": "{}", "timestamp": now_ms - 5_000,
                     "failedReason": "no such file"},
        )  # fmt: skip
    pipe.zadd(f"{key}:prioritized", {f"p{n}": (n + 1) << 32 for n in range(3)})
    pipe.lpush(f"{key}:active", *(f"a{n}" for n in range(5)))
    pipe.zadd(f"{key}:failed", {f"f{n}": now_ms - n for n in range(20)})
    pipe.zadd(f"{key}:repeat", {"tick": now_ms + _DAY_MS})
    pipe.hset(f"{key}:repeat:tick", "name", "tick")
    for event in range(events // 2):
        pipe.xadd(f"{key}:events", {"event": "waiting", "jobId": event})
        pipe.xadd(f"{key}:events", {"event": "active", "jobId": event})
    pipe.execute()
