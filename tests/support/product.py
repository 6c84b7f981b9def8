"""Runs the product as a user does, in a process of its own, and reads what it leaves."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_UNUSUAL = ("REDIS_", "PYTEST_", "PROMETHEUS_", "GRAFANA_", "PYTHON")
QUIET = {name: value for name, value in os.environ.items() if not name.startswith(_UNUSUAL)}
"""The environment without anything that configures the product, or its Python."""

WIDE: Final = {"COLUMNS": "1000"}
"""A terminal on which no sentence is wrapped or cut, so that tests find it whole."""


@dataclass(frozen=True)
class Outcome:
    """How one run of the product ended."""

    code: int
    out: str
    err: str
    files: Mapping[str, str]

    @property
    def results(self) -> dict[str, Any]:
        return json.loads(self.files["results.json"])["results"]  # type: ignore[no-any-return]

    @property
    def html(self) -> str:
        return self.files["latest.html"]

    @property
    def junit(self) -> str:
        return self.files["junit.xml"]

    @property
    def verdicts(self) -> dict[str, str]:
        return {test["name"]: test["extra"]["verdict"] for test in self.results["tests"]}

    def finding(self, name: str) -> dict[str, Any]:
        (found,) = (test["extra"] for test in self.results["tests"] if test["name"] == name)
        return found  # type: ignore[no-any-return]

    def message(self, name: str) -> str:
        return str(self.finding(name)["message"])

    @property
    def everything(self) -> str:
        """All that a user can see of the run."""
        return "\n".join([self.out, self.err, *self.files, *self.files.values()])


MOST_MB: Final = 150
"""What a run may take of memory, whatever it is answered."""

_MEASURED = """
import sys
from pathlib import Path
from redis_runbook.cli import main
peak = Path(sys.argv.pop(1))
try:
    sys.exit(main())
finally:
    status = Path("/proc/self/status").read_text()
    peak.write_text(status.partition("VmHWM:")[2].split()[0])
"""


def measured(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    config: str = "",
    most_mb: float = MOST_MB,
) -> tuple[Outcome, float]:
    """As `run`; also how many seconds it took."""
    with tempfile.TemporaryDirectory() as temporary:
        peak = Path(temporary) / "peak"
        program = [sys.executable, "-c", _MEASURED, str(peak), *arguments]
        began = time.monotonic()
        done = started(program, folder, env=env, config=config)
        took_s = time.monotonic() - began
        # A run that ends itself at once, as when it is late, leaves none.
        assert peak.exists() or done.code in {1, 3}, done
        peak_mb = int(peak.read_text()) / 1000 if peak.exists() else 0
    assert peak_mb < most_mb, f"{peak_mb} MB"
    return done, took_s


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "redis_runbook", *arguments]


def run(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    config: str = "",
    most_mb: float = MOST_MB,
) -> Outcome:
    """Run `redis-runbook ARGUMENTS` in an empty folder, with `config` as its runbook.toml.

    Whatever the test is about, the run takes little memory.
    """
    done, _ = measured(folder, *arguments, env=env, config=config, most_mb=most_mb)
    return done


def started(
    program: Sequence[str],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    config: str = "",
) -> Outcome:
    """Run another program in the same way."""
    folder.mkdir(parents=True, exist_ok=True)
    if config:
        (folder / "runbook.toml").write_text(config)
    done = subprocess.run(
        program,
        cwd=folder,
        env={**QUIET, **WIDE, **(env or {})},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, reports(folder))


class Started:
    """A run that goes on while the test looks at it."""

    def __init__(self, folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._said: list[str] = []
        self.process = subprocess.Popen(
            command(*arguments),
            cwd=folder,
            env={**QUIET, **WIDE, **(env or {}), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, words: str) -> None:
        """Until it has said them."""
        assert self.process.stdout
        for line in self.process.stdout:
            self._said.append(line)
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words!r}: {self.finish()}")

    def finish(self, limit_s: float = 20) -> Outcome:
        """What it was in the end, which must come in time."""
        assert self.process.stdout
        assert self.process.stderr
        self.process.wait(timeout=limit_s)
        with self.process.stdout as out, self.process.stderr as err:
            return Outcome(
                self.process.returncode,
                "".join([*self._said, out.read()]),
                err.read(),
                reports(self._folder),
            )


def shell(folder: Path, line: str, *, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a line of shell in which `$RUN` is the product."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={**QUIET, **WIDE, **env, "RUN": " ".join(command())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def reports(folder: Path) -> dict[str, str]:
    """What a run in that folder has left, by file name."""
    found = (folder / "reports").glob("*") if (folder / "reports").is_dir() else []
    # The history is no text, but must hold no secret either.
    return {
        path.name: path.read_text(errors="backslashreplace") for path in found if path.is_file()
    }


def urls(queue: str, cache: str | None = None) -> dict[str, str]:
    """The environment that points the product at these servers."""
    return {"REDIS_QUEUE_URL": queue, "REDIS_CACHE_URL": cache or queue}
