"""Runs a command as a user does, and measures its wall time and peak memory."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import product

CONFIG: Final = '[exporter]\nenabled = false\n\n[jwt_cache]\npattern = "{pattern}"\n'
_LIMIT_S: Final = 60.0
_BARE_TEST: Final = """\
import os

import redis


def test_ping() -> None:
    assert redis.Redis.from_url(os.environ["REDIS_CACHE_URL"]).ping()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended: its exit code, wall time, peak resident memory and output.

    `peak_bytes` is at least the memory of this process when it started the child: Linux counts
    from the fork on.
    """

    code: int
    wall_s: float
    peak_bytes: int
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """One run of `redis-runbook smoke` and its results.json."""

    ended: Ended
    results: Mapping[str, Any]

    def latency(self, service: str) -> Mapping[str, Any]:
        """The evidence of `latency.round_trip` on a service.

        Raises:
            RuntimeError: there is no evidence, because the check did not pass.
        """
        name = f"latency.round_trip[{service}]"
        (test,) = (test for test in self.results["tests"] if test["name"] == name)
        evidence: Mapping[str, Any] = test["extra"]["evidence"]
        if not evidence:
            raise RuntimeError(f"{name}: {test['message']}")
        return evidence


def smoke(env: Mapping[str, str], *, pattern: str = "jwt:*", healthy: bool = True) -> Smoke:
    """Run `redis-runbook smoke` in a folder of its own, without an exporter.

    Raises:
        RuntimeError: the run is not healthy although it should be, so that its measurements mean
            nothing.
    """
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as folder:
        (Path(folder) / "runbook.toml").write_text(CONFIG.format(pattern=pattern))
        ended = _timed(product.command("smoke"), Path(folder), env)
        reports = product.reports(Path(folder))
    if (healthy and ended.code != 0) or "results.json" not in reports:
        raise RuntimeError(f"smoke ended with exit code {ended.code}:\n{ended.output}")
    return Smoke(ended=ended, results=json.loads(reports["results.json"])["results"])


def bare_pytest(env: Mapping[str, str]) -> Ended:
    """Run pytest, without plugins and cache, on one test that pings with redis-py.

    Raises:
        RuntimeError: the test failed.
    """
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_ping.py"]
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as folder:
        (Path(folder) / "test_ping.py").write_text(_BARE_TEST)
        ended = _timed(command, Path(folder), {**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    if ended.code != 0:
        raise RuntimeError(f"bare pytest ended with exit code {ended.code}:\n{ended.output}")
    return ended


def _timed(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Ended:
    printed = folder / "output"
    with printed.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**product.QUIET, **env},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        limit = threading.Timer(_LIMIT_S, process.kill)
        limit.daemon = True
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)  # wait4 reaped it, not subprocess
    return Ended(
        code=process.returncode,
        wall_s=wall_s,
        peak_bytes=usage.ru_maxrss * 1024,
        output=printed.read_text(errors="replace"),
    )
