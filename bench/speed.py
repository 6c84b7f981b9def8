"""Compares a run with a bare pytest run, and its latency with that of redis-benchmark."""

import csv
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.children import Ended, Smoke, bare_pytest, smoke
from bench.measurement import Measurement
from bench.servers import Pair, running_pair
from redis_runbook.config.profiles import PROFILES

_ROUNDS: Final = 15
_JWT_ENTRIES: Final = 2
_BENCHMARK_REQUESTS: Final = 20_000
_BENCHMARK_LIMIT_S: Final = 60
_WINDOW_S: Final = PROFILES["smoke"].window_s or 0.0
_SAMPLED: Final = {"queue": ("PING",), "cache": ("GETRANGE", "jwt:0", "0", "63")}
"""The commands that are sampled on these servers, which redis-benchmark repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of each program, in turn; `benchmark_p50_ms` is by service."""

    bare: Ended
    smoke: Smoke
    benchmark_p50_ms: dict[str, float]


def run_rounds() -> list[Round]:
    """Run bare pytest, smoke and redis-benchmark in turn, under the same conditions."""
    with running_pair(jwt_entries=_JWT_ENTRIES) as pair:
        smoke(pair.env)  # writes the bytecode
        return [_round(pair) for _ in range(_ROUNDS)]


def _round(pair: Pair) -> Round:
    return Round(
        bare=bare_pytest(pair.env),
        smoke=smoke(pair.env),
        benchmark_p50_ms={
            name: _benchmark_p50_ms(server.port, _SAMPLED[name])
            for name, server in pair.by_name.items()
        },
    )


def _benchmark_p50_ms(port: int, command: Sequence[str]) -> float:
    """The p50 of redis-benchmark with one client, which sends one command at a time."""
    where = ["-h", "127.0.0.1", "-p", str(port)]
    how_much = ["-c", "1", "-n", str(_BENCHMARK_REQUESTS)]
    done = subprocess.run(
        ["redis-benchmark", *where, *how_much, "--csv", *command],  # noqa: S607  # from PATH
        capture_output=True,
        text=True,
        timeout=_BENCHMARK_LIMIT_S,
        check=True,
    )
    (row,) = csv.DictReader(done.stdout.splitlines())
    return float(row["p50_latency_ms"])


def measurements(rounds: Sequence[Round]) -> Iterator[Measurement]:
    """The ratios to the time of bare pytest, and to the latency of redis-benchmark."""
    bare_s = median(turn.bare.wall_s for turn in rounds)
    smoke_s = median(turn.smoke.ended.wall_s - _WINDOW_S for turn in rounds)
    yield Measurement(
        what="A whole smoke run beside a bare pytest",
        value=smoke_s / bare_s,
        bound=2.0,
        digits=2,
        detail=f"{smoke_s:.2f} s (and {_WINDOW_S:g} s of sampling) ÷ {bare_s:.2f} s",
        how=(
            "wall time of `redis-runbook smoke` on two services without an exporter, less its "
            "sampling window, over that of pytest without plugins and cache on one test that pings "
            f"with redis-py; medians of {len(rounds)} alternating runs."
        ),
    )
    reported_us = {
        name: 1000 * median(turn.smoke.latency(name)["p50_ms"] for turn in rounds)
        for name in _SAMPLED
    }
    benchmark_us = {
        name: 1000 * median(turn.benchmark_p50_ms[name] for turn in rounds) for name in _SAMPLED
    }
    yield Measurement(
        what="The p50 that we report beside that of `redis-benchmark -c 1`",
        value=max(reported_us[name] / benchmark_us[name] for name in _SAMPLED),
        bound=1.2,
        digits=2,
        detail=", ".join(
            f"{command[0]} {reported_us[name]:.0f} µs ÷ {benchmark_us[name]:.0f} µs"
            for name, command in _SAMPLED.items()
        ),
        how=(
            "p50 of `latency.round_trip` in `results.json` over the p50 that redis-benchmark "
            "reports (in steps of 8 µs) for the same command on the same server after each run; "
            f"medians of {len(rounds)} alternating runs, and the worse of queue and cache."
        ),
    )
