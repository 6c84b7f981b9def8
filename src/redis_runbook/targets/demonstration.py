"""Fills a throwaway queue service with BullMQ queues, and attends to them while the target is open.

So a first run shows what is said of queues. Keys and fields are those of BullMQ 5, which
`tests/bullmq/test_demonstration.py` holds them against. What cannot be mistaken for a queue in use:
its `version`, its worker's name and its jobs' data all say that it is a demonstration.
"""

import base64
import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Final

from redis_runbook.config.model import Config, QueueLimits
from redis_runbook.wire.client import Client, Word, connected
from redis_runbook.wire.endpoint import Endpoint

QUEUE: Final = "bundle:render"
"""The queue that a service gets where its configuration lists none: the one of the runbook."""

_LABEL: Final = "demonstration"
_VERSION: Final = f"redis-runbook:{_LABEL}"
_SCHEDULER: Final = "nightly-bundles"
_JOB: Final = "render"
_MAX_EVENTS: Final = 10_000
_SCORE_PER_MS: Final = 4096
_MS_PER_S: Final = 1000
_DAY_MS: Final = 86_400_000
_HALF_A_DAY_MS: Final = 43_200_000
_MINUTE_MS: Final = 60_000

_BEGAN_AGO_MS: Final = 240_000
_BETWEEN_JOBS_MS: Final = 17_000
_WAITS_MS: Final = (4, 11, 7, 38, 9, 5, 22, 6, 13, 8, 17, 10)
_TAKES_MS: Final = 640
_MOST_OF_LIMIT: Final = 0.5

_MOST_QUEUES: Final = 100
_MOST_WORKERS: Final = 5
_TIMEOUT_S: Final = 5.0

_Command = tuple[Word, ...]


def demonstrated_queues(config: Config, service: str) -> tuple[str, ...]:
    """The names of the queues that a throwaway service gets.

    They are those that its configuration lists, as these must exist; else the runbook's. A service
    without queues gets none, nor does one whose queues nobody looks for.
    """
    settings = config.services[service]
    if not settings.role_spec.has_queues:
        return ()
    return config.queues_of(service)[:_MOST_QUEUES] or ((QUEUE,) if settings.discover else ())


@contextlib.contextmanager
def demonstrating(endpoint: Endpoint, service: str, config: Config) -> Iterator[None]:
    """Make the queues of a throwaway service, each with workers that wait for jobs until the end.

    Raises:
        CannotLook, redis.exceptions.RedisError: they could not be made.
    """
    prefix = config.services[service].prefix
    with contextlib.ExitStack() as workers:
        for name in demonstrated_queues(config, service):
            limits = config.queue_limits(service, name)
            with connected(endpoint, service, timeout_s=_TIMEOUT_S) as client:
                _fill(client, prefix=prefix, name=name, limits=limits)
            for _ in range(max(1, min(limits.workers_min or 1, _MOST_WORKERS))):
                worker = workers.enter_context(connected(endpoint, service, timeout_s=_TIMEOUT_S))
                _wait_for_jobs(worker, prefix=prefix, name=name)
        yield


def _fill(client: Client, *, prefix: str, name: str, limits: QueueLimits) -> None:
    """Write a queue that has done a few jobs in the last minutes, in one round trip."""
    seconds, microseconds = client.ask("TIME")
    now_ms = int(seconds) * _MS_PER_S + int(microseconds) // _MS_PER_S
    key = f"{prefix}:{name}"
    most_ms = limits.latency_s * _MS_PER_S * _MOST_OF_LIMIT
    waits_ms = [min(wait_ms, int(most_ms)) for wait_ms in _WAITS_MS]
    commands = [
        ("HSET", f"{key}:meta", "opts.maxLenEvents", _MAX_EVENTS, "version", _VERSION),
        # A scheduler takes a number, too, though its jobs are not called by it.
        ("SET", f"{key}:id", len(waits_ms) + 1),
        *_scheduler(key, now_ms),
        *_completed_jobs(key, now_ms, waits_ms),
    ]
    for reply in client.ask_all(*commands):
        if isinstance(reply, Exception):
            raise reply


def _scheduler(key: str, now_ms: int) -> Iterator[_Command]:
    """A job every day whose next run is half a day ahead: no run of ours lasts until then."""
    offset_ms = (now_ms + _HALF_A_DAY_MS) % _DAY_MS // _MINUTE_MS * _MINUTE_MS
    next_ms = now_ms // _DAY_MS * _DAY_MS + offset_ms
    next_ms += _DAY_MS if next_ms <= now_ms else 0
    began_ms = now_ms - _BEGAN_AGO_MS
    job = f"repeat:{_SCHEDULER}:{next_ms}"
    repeat = {"every": _DAY_MS, "offset": offset_ms}
    options = {
        "repeatJobKey": _SCHEDULER,
        "jobId": job,
        "timestamp": began_ms,
        "delay": next_ms - began_ms,
        "repeat": {**repeat, "count": 1},
    }
    yield "ZADD", f"{key}:repeat", next_ms, _SCHEDULER
    yield (
        *("HSET", f"{key}:repeat:{_SCHEDULER}", "name", _JOB, "every", _DAY_MS),
        *("offset", offset_ms, "data", _data("nightly"), "ic", 1),
    )
    yield (
        *("HSET", f"{key}:{job}", "name", _JOB, "rjk", _SCHEDULER, "priority", 0),
        *("delay", next_ms - began_ms, "opts", _json(options), "data", _data("nightly")),
        *("timestamp", began_ms),
    )
    yield "ZADD", f"{key}:delayed", next_ms * _SCORE_PER_MS, job
    yield from _events(
        *(key, began_ms),
        {"event": "added", "jobId": job, "name": _JOB},
        {"event": "delayed", "jobId": job, "delay": str(next_ms)},
    )


def _completed_jobs(key: str, now_ms: int, waits_ms: Sequence[int]) -> Iterator[_Command]:
    """Jobs that were picked up after these waits, with what the stream of events tells of them."""
    for at, wait_ms in enumerate(waits_ms, start=1):
        job = str(at + 1)
        added_ms = now_ms - _BEGAN_AGO_MS + at * _BETWEEN_JOBS_MS
        taken_ms = added_ms + wait_ms
        done_ms = taken_ms + _TAKES_MS
        yield (
            *("HSET", f"{key}:{job}", "name", _JOB, "data", _data(job)),
            *("opts", _json({"attempts": 0}), "timestamp", added_ms, "delay", 0, "priority", 0),
            *("processedOn", taken_ms, "pb", _LABEL, "ats", 1, "atm", 1),
            *("returnvalue", "null", "finishedOn", done_ms),
        )
        yield "ZADD", f"{key}:completed", done_ms, job
        yield from _events(
            *(key, added_ms),
            {"event": "added", "jobId": job, "name": _JOB},
            {"event": "waiting", "jobId": job},
        )
        # A job that waited for less than a millisecond has the same one in all three.
        active = {"event": "active", "jobId": job, "prev": "waiting"}
        yield from _events(key, taken_ms, active, first=2)
        done = {"event": "completed", "jobId": job, "returnvalue": "null", "prev": "active"}
        yield from _events(key, done_ms, done)


def _events(
    key: str, at_ms: int, *events: dict[str, str], first: int = 0
) -> Iterator[tuple[Word, ...]]:
    """Entries of the event stream of one millisecond, numbered from `first` on."""
    for number, event in enumerate(events, start=first):
        fields = (text for pair in event.items() for text in pair)
        yield "XADD", f"{key}:events", f"{at_ms}-{number}", *fields


def _data(bundle: str) -> str:
    return _json({_LABEL: True, "bundle": bundle})


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _wait_for_jobs(worker: Client, *, prefix: str, name: str) -> None:
    """Name the connection as BullMQ's worker does, and block for a job as long as it is open.

    The reply is never read: nobody adds a job to a throwaway queue.
    """
    key = f"{prefix}:{name}"
    beginning, _, rest = key.rpartition(":")
    client_name = f"{beginning}:{base64.b64encode(rest.encode()).decode()}:w:{_LABEL}"
    if client_name.isascii() and client_name.isprintable() and " " not in client_name:
        worker.ask("CLIENT", "SETNAME", client_name)  # the server refuses other characters
    worker.raw_socket.sendall(worker.pack("BZPOPMIN", f"{key}:marker", 0))
