"""Renders docs/benchmarks.md: the measurements, and the machine that they are from."""

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench import cost
from bench.measurement import Measurement

_PACKAGES: Final = ("pytest", "redis", "pydantic")
_GIB: Final = 2**30
_PAGE: Final = """\
# What a run costs

Written by `make bench`, which fails when a bound is missed. What is held to a bound is a ratio of
two things measured in turn, a count, or a size; the times beside it are those of one machine:
{machine}; {software}.

| What | Measured | Bound | Made from |
| --- | ---: | ---: | --- |
{rows}

{hows}

## What servers with {keys:,} keys are asked

Both servers hold {keys:,} keys; {entries:,} of the cache's are JWT entries. Their command counters
are set to 0 before a run and read after it, by a connection that is open before.

| Service | For | Commands | Server time |
| --- | --- | ---: | ---: |
{bills}

- *Checks* is what the others are not: connecting, INFO and CONFIG, SLOWLOG, the canary, the
  message, and the choice of the keys to sample (RANDOMKEY, TYPE and a trial read of each).
- *Latency samples* are told apart by name and number. The servers hold strings only, which are
  sampled by GETRANGE, and nothing else sends that here; `results.json` says how many samples there
  were, and a run with one that was not answered does not count. That many of the GETRANGE calls are
  samples, with their share of that command's time; the others, at most 32, are the trial reads.
- *JWT scan* is SCAN, PTTL and DBSIZE on the cache, which nothing else sends there. It ends when it
  has found enough entries, so its cost depends on how rare they are: where no key matches the
  pattern it goes through all keys, or until its time is up.
- *Search for BullMQ queues* is SCAN on the queue, for queues that the configuration does not list:
  nothing in Redis indexes them, so it goes through all keys, a thousand at a time, or until its 2 s
  are up. `discover = false` leaves it out.
"""


def render(measurements: Sequence[Measurement], costs: cost.Costs) -> str:
    """The whole page."""
    return _PAGE.format(
        machine=_machine(),
        software=_software(costs),
        rows="\n".join(map(_row, measurements)),
        hows="\n".join(
            f"- *{measurement.what}*: {measurement.how}" for measurement in measurements
        ),
        keys=cost.KEYS,
        entries=cost.JWT_ENTRIES,
        bills="\n".join(_bills(costs)),
    )


def _row(measurement: Measurement) -> str:
    value = measurement.value_text
    outcome = value if measurement.holds else f"**{value}: missed**"
    return f"| {measurement.what} | {outcome} | {measurement.bound_text} | {measurement.detail} |"


def _bills(costs: cost.Costs) -> list[str]:
    rows = [
        (name, what, spent) for name, bill in costs.bills.items() for what, spent in bill.items()
    ]
    rows.append(("cache", f"{cost.JWT_SCAN} where no key matches", costs.longest_scan))
    return [
        f"| {name} | {what} | {spent.commands} | {spent.server_ms:.2f} ms |"
        for name, what, spent in rows
    ]


def _machine() -> str:
    """CPU, memory and operating system, without a name of either."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    kernel = platform.release().partition("-")[0]
    return f"{os.cpu_count()} CPUs ({_processor()}), {memory:.0f} GiB, {platform.system()} {kernel}"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    found = described.exists() and re.search(r"model name\s*: (.+)", described.read_text())
    return found[1] if found else platform.machine()


def _software(costs: cost.Costs) -> str:
    server = costs.run.results["extra"]["servers"]["cache"]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{server['product']}-server {server['version']}, Python {platform.python_version()} "
        f"with {packages}"
    )
