"""The cost of latency sampling: CPU of the server, CPU of this process, and memory.

`python -m bench.sampling` prints it. Sampling sends 200 requests a second. The server's time is
measured in two ways: as the server counts it (time in commands), and as the kernel counts it for
the process (with the system calls for reading and replying), minus that of an idle server.
"""

import os
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.measurement import Measurement
from redis_runbook.judging.window import judge_window
from redis_runbook.probes.latency.sample import sample_latency
from redis_runbook.probes.latency.schedule import scheduled_offset
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.servers import Server, running

_WINDOW_S: Final = 10.0
_TEN_MINUTES_S: Final = 600
_KEYS: Final = 1_000
_MB: Final = 1e6


def measurements() -> Iterator[Measurement]:
    """Sample a server with strings for ten seconds, then keep and judge ten minutes of samples."""
    with running() as server:
        client = server.client()
        for number in range(_KEYS):
            client.set(f"key:{number}", "x" * 100)
        idle_s = _cpu_of(server, lambda: time.sleep(_WINDOW_S))
        client.config_resetstat()
        started_s = time.process_time()
        busy_s = _cpu_of(server, lambda: _sample(server))
        ours_s = time.process_time() - started_s
        commands_us = client.info("commandstats")["cmdstat_getrange"]["usec"]
    process = max(0.0, busy_s - idle_s) / _WINDOW_S * 100
    yield Measurement(
        what="Time that a service spends on the commands of sampling",
        value=commands_us / 1e6 / _WINDOW_S * 100,
        bound=0.1,
        unit="% of a core",
        digits=3,
        detail=f"{process:.2f} % for its whole process, with reading and replying",
        how=(
            f"what `INFO commandstats` gains for GETRANGE in {_WINDOW_S:g} s of sampling; for the "
            "process what the kernel counts for its threads, less that of as long an idle time."
        ),
    )
    yield Measurement(
        what="CPU that sampling a service takes us",
        value=ours_s / _WINDOW_S * 100,
        bound=5,
        unit="% of a core",
        digits=2,
        detail=f"{ours_s:.2f} s of {_WINDOW_S:g} s",
        how="process time of this process in the same window.",
    )
    yield from _ten_minutes()


def _ten_minutes() -> Iterator[Measurement]:
    offsets_s, values_ms, own_delays_ms = array("d"), array("d"), array("f")
    before = _resident_bytes()
    for number in range(_TEN_MINUTES_S * 200):
        offsets_s.append(scheduled_offset(number))
        values_ms.append(number % 997 / 100)
        own_delays_ms.append(0)
    kept_bytes = max(_resident_bytes() - before, 20 * len(values_ms))
    started_s = time.process_time()
    judge_window(offsets_s, values_ms, window_s=_TEN_MINUTES_S, limit=50, own_delays=own_delays_ms)
    took_s = time.process_time() - started_s
    yield Measurement(
        what="Memory for the samples of ten minutes",
        value=kept_bytes / _MB,
        bound=4,
        unit="MB",
        digits=1,
        detail=f"{len(values_ms):,} samples, all of them kept: every percentile is exact",
        how="growth of resident memory while they are appended, 20 bytes each at least.",
    )
    yield Measurement(
        what="Time to judge ten minutes",
        value=took_s,
        bound=1,
        unit="s",
        digits=3,
        detail="60 steps and the whole",
        how="process time of the judgement of these samples.",
    )


def _sample(server: Server) -> None:
    sample_latency(
        parse_endpoint(server.url),
        "bench",
        window_s=_WINDOW_S,
        timeout_s=2,
        stop=threading.Event(),
    )


def _cpu_of(server: Server, work: Callable[[], None]) -> float:
    before_s = _cpu_s(server.process.pid)
    work()
    return _cpu_s(server.process.pid) - before_s


def _cpu_s(pid: int) -> float:
    """Seconds that the threads of a process have been on a CPU."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    for measurement in measurements():
        print(measurement.summary)
