"""A BullMQ queue whose jobs nobody takes, or that takes none."""

import signal
import time
from collections.abc import Iterator
from typing import Final

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import QUEUE_NAME, Stand

_KEY: Final = f"bull:{QUEUE_NAME}:"


_WORKER_LOG: Final = """
[containers.worker]
kind = "worker"
service = "queue"
log_file = "worker.log"
"""


def _name(check: str) -> str:
    return f"queue.{check}[{QUEUE_NAME}]"


@fault("no worker takes jobs", _name("workers"), _name("latency"), patience_s=40)
def no_worker(stand: Stand) -> Iterator[None]:
    """It has ended, and jobs come."""
    stand.worker.end()
    producer = stand.new_worker()
    producer.tell("add", data={"ms": 1}, times=3)
    yield
    producer.tell("work")


@fault("the worker hangs", _name("workers"), may=(_name("latency"),), patience_s=60)
def frozen_worker(stand: Stand) -> Iterator[None]:
    """SIGSTOP while it has nothing to do, and jobs come."""
    producer = stand.new_worker()
    stand.worker.process.send_signal(signal.SIGSTOP)
    producer.tell("add", data={"ms": 1}, times=3)
    yield
    stand.worker.process.send_signal(signal.SIGCONT)
    producer.end()


@fault("more jobs wait than may", _name("depth"), may=(_name("latency"), _name("workers")))
def backlog(stand: Stand) -> Iterator[None]:
    """A worker that is busy, and 150 jobs behind it."""
    stand.worker.tell("add", data={"ms": 15_000})
    stand.worker.tell("add", data={"ms": 1}, times=150)
    yield


@fault("the queue is paused", _name("paused"))
def paused_queue(stand: Stand) -> Iterator[None]:
    """By somebody who forgot it."""
    stand.worker.tell("pause")
    yield
    stand.worker.tell("resume")


@fault("jobs fail", _name("failures"))
def failing_jobs(stand: Stand) -> Iterator[None]:
    """All of the last 50."""
    stand.worker.tell("add", data={"fails": "no space left on device"}, times=50)
    yield
    client = stand.queue.client()
    client.delete(f"{_KEY}failed", f"{_KEY}events")
    stand.fill_queue()


@fault("a scheduler has lost its next job", _name("schedulers"))
def orphaned_scheduler(stand: Stand) -> Iterator[None]:
    """Somebody emptied `delayed`."""
    client = stand.queue.client()
    client.delete(f"{_KEY}delayed")
    client.delete(*client.scan_iter(f"{_KEY}repeat:*:*"))
    yield
    stand.fill_queue()


@fault(
    "a delayed job is not done when it is due",
    _name("overdue"),
    may=(_name("workers"), _name("latency")),
    patience_s=40,
)
def overdue_delayed(stand: Stand) -> Iterator[None]:
    """Its worker is gone."""
    producer = stand.new_worker()
    stand.worker.end()
    producer.tell("add", data={"ms": 1}, delay=200)
    time.sleep(0.2)
    yield
    producer.tell("work")


@fault(
    "a job is active and nobody works on it",
    _name("stalled"),
    may=(_name("workers"), _name("latency")),
    patience_s=60,
)
def stalled_job(stand: Stand) -> Iterator[None]:
    """Its worker was killed, and another one has a lock of its own."""
    stand.worker.tell("add", data={"ms": 600_000})
    time.sleep(0.5)
    stand.worker.end()
    yield
    client = stand.queue.client()
    client.delete(f"{_KEY}active")
    stand.worker = stand.new_worker()
    stand.worker.tell("work")


@fault(
    "a worker is busy for ever, and holds up the others' jobs",
    _name("latency"),
    may=(_name("workers"), _name("stalled")),
    patience_s=40,
)
def zombie_worker(stand: Stand) -> Iterator[None]:
    """Its event loop does not turn: it keeps its connections, and no lock."""
    stand.worker.tell("add", data={"ms": 600_000, "blocks": True})
    time.sleep(0.5)
    producer = stand.new_worker()
    producer.tell("add", data={"ms": 1}, times=3)
    yield
    stand.worker.end()
    producer.tell("work")
    stand.queue.client().delete(f"{_KEY}active")


@fault(
    "the queue was restarted, and its worker does not log that it is connected again",
    "incident.workers_reconnected[worker]",
    configuration=_WORKER_LOG,
    patience_s=60,
    certain=True,
)
def worker_line_missing(stand: Stand) -> Iterator[None]:
    """It may take 25 s; it is connected again, and only its log does not say so."""
    stand.queue.stop()
    stand.queue.start()
    yield
    stand.log_reconnection()
