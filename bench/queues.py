"""The cost of the checks of deep BullMQ queues, and of many queues."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Final

import redis

from bench.measurement import Measurement
from redis_runbook.config.profiles import PROFILES
from redis_runbook.judging.cause import cause
from redis_runbook.judging.queue_latency import judge_latency
from redis_runbook.judging.schedulers import orphaned
from redis_runbook.judging.stalled import stalled
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.queues import look_again, look_first
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.bullmq_fill import fill
from tests.support.servers import running

_DEPTHS: Final[Mapping[str, tuple[int, int]]] = {"deep": (1_000_000, 100_000), "flat": (100, 100)}
_EVENTS: Final = 10_000
_FEW: Final = 10
_MANY: Final = 1_000
_MOST_MB: Final = 400
_BUSY_EVERY: Final = 10
_STATES: Final = ("wait", "prioritized", "active", "delayed", "failed", "repeat")
_ROUNDS: Final = 15
_ROUNDS_OF_MANY: Final = 5
_TIMEOUT_S: Final = 60
_WINDOW_S: Final = 300
_NOT_COUNTED: Final = frozenset({"config|resetstat", "exec"})
"""The time of EXEC includes that of its transaction's commands, which are counted, too."""


def measurements() -> Iterator[Measurement]:
    """Fill servers with queues, and observe them as the checks do."""
    yield from _deep_queues()
    yield from _many_queues()


def _deep_queues() -> Iterator[Measurement]:
    with running() as server:
        raw = server.client(socket_timeout=_TIMEOUT_S)
        for name, (waiting, delayed) in _DEPTHS.items():
            fill(raw, name, waiting=waiting, delayed=delayed, events=_EVENTS)
        with connected(parse_endpoint(server.url), "queue", timeout_s=_TIMEOUT_S) as client:
            rounds = [
                {name: _server_ms(raw, client, name) for name in _DEPTHS} for _ in range(_ROUNDS)
            ]
    deep_ms, flat_ms = (median(turn[name] for turn in rounds) for name in _DEPTHS)
    waiting, delayed = _DEPTHS["deep"]
    jobs = f"{waiting:,} waiting and {delayed:,} delayed jobs"
    yield Measurement(
        what=f"Time that a server spends on all checks of a queue with {jobs}",
        value=deep_ms,
        bound=2,
        unit="ms",
        digits=2,
        detail=f"median of {_ROUNDS}",
        how=(
            "the microseconds that `INFO commandstats` gains while a listed queue is looked for "
            "and read twice, with its history of events and its workers. The SCAN for queues that "
            "are not listed depends on the number of keys, not of jobs: see below."
        ),
    )
    yield Measurement(
        what="The same beside a queue with 100 waiting and 100 delayed jobs",
        value=deep_ms / flat_ms,
        bound=1.5,
        digits=2,
        detail=f"{deep_ms:.2f} ms ÷ {flat_ms:.2f} ms",
        how=f"medians of {_ROUNDS} alternating rounds, on queues with as many events.",
    )


def _server_ms(raw: "redis.Redis", client: Client, name: str) -> float:
    raw.config_resetstat()
    _observe_and_judge(client, configured=(name,), scan=False)
    stats = raw.info("commandstats").items()
    spent_us = {command.removeprefix("cmdstat_"): int(stat["usec"]) for command, stat in stats}
    return sum(us for command, us in spent_us.items() if command not in _NOT_COUNTED) / 1000


def _many_queues() -> Iterator[Measurement]:
    with running() as few, running() as many, running() as busy:
        _fill_queues(few.client(), _FEW, busy_every=_BUSY_EVERY)
        _fill_queues(many.client(), _MANY, busy_every=_BUSY_EVERY)
        _fill_queues(busy.client(), _MANY, busy_every=1)
        counts = {few.url: _FEW, many.url: _MANY, busy.url: _MANY}
        rounds = [
            [_wall_s(url, count) for url, count in counts.items()] for _ in range(_ROUNDS_OF_MANY)
        ]
        run_s = _run_s(many.url)
    few_s, many_s, busy_s = (min(column) for column in zip(*rounds, strict=True))
    yield Measurement(
        what=f"Finding, reading and judging {_MANY:,} queues",
        value=many_s,
        bound=3,
        unit="s",
        digits=2,
        detail=f"the fastest of {_ROUNDS_OF_MANY} rounds; {busy_s:.2f} s where every queue is busy",
        how=(
            "wall time of SCAN, of both readings without the 2 s between them, and of what the "
            f"checks derive from them. One queue in {_BUSY_EVERY} has jobs in every state, all "
            "have a history. What pytest takes for 8 findings a queue is not in it."
        ),
    )
    yield Measurement(
        what=f"A whole run of the queue checks on {_MANY:,} queues",
        value=run_s,
        bound=PROFILES["smoke"].rest_s,
        unit="s",
        digits=1,
        detail=f"1 run, {8 * _MANY:,} findings",
        how="wall time of `redis-runbook smoke --select queue`; bounded by its deadline.",
    )
    yield Measurement(
        what=f"Time per queue of {_MANY:,} beside that of {_FEW}",
        value=(many_s / _MANY) / (few_s / _FEW),
        bound=1.2,
        digits=2,
        detail=f"{1000 * many_s / _MANY:.2f} ms ÷ {1000 * few_s / _FEW:.2f} ms",
        how=(
            f"the fastest of {_ROUNDS_OF_MANY} alternating rounds. Linear or better is 1 at most: "
            "what a run pays once is shared by more queues. The bound leaves 20 % to chance."
        ),
    )


def _fill_queues(raw: "redis.Redis", count: int, *, busy_every: int) -> None:
    for number in range(count):
        fill(raw, f"q{number}", waiting=20, delayed=10, events=20)
        if number % busy_every:
            raw.delete(*(f"bull:q{number}:{state}" for state in _STATES))


def _wall_s(url: str, count: int) -> float:
    with connected(parse_endpoint(url), "queue", timeout_s=_TIMEOUT_S) as client:
        started = time.perf_counter()
        found = _observe_and_judge(client, configured=(), scan=True)
        elapsed_s = time.perf_counter() - started
    if found != count:
        raise RuntimeError(f"{found} of {count} queues were found")
    return elapsed_s


def _run_s(url: str) -> float:
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as folder:
        started = time.perf_counter()
        config = f'[services.queue]\nrole = "queue"\nmax_queues = {_MANY}\n'
        arguments = ("smoke", "--select", "queue")
        env = product.urls(url)
        product.run(Path(folder), *arguments, env=env, config=config, most_mb=_MOST_MB)
        return time.perf_counter() - started


def _observe_and_judge(client: Client, *, configured: tuple[str, ...], scan: bool) -> int:
    """Observe and judge queues as the queue checks do; returns the number of queues."""
    discovery = discover(client, prefix="bull", configured=configured, scan=scan, most=_MANY)
    first = look_first(client, discovery)
    queues = look_again(client, discovery, first, window_s=_WINDOW_S).by_name
    for queue in queues.values():
        cause(queue.last, queue.workers)
        judge_latency(queue.last, limit_s=2, window_s=_WINDOW_S, earlier=[queue.first])
        stalled(queue.first, queue.last, queue.workers)
        orphaned(queue.first, queue.last)
    return len(queues)
