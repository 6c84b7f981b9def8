"""Runs all drills on Redis 6.2, 7.0 and Valkey 9 and on containers: writes docs/fault-matrix.md."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from redis_runbook.drills.drill import Drill
from redis_runbook.drills.report import as_markdown
from redis_runbook.verdict import Verdict
from tests.support.containers import ENVIRONMENT
from tests.support.programs import program

ROOT: Final = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run them; returns the exit code of the command, of the first that is not 0."""
    programs = [program(name) for name in ("valkey-9", "redis-7.0", "redis-6.2")]
    drills: list[Drill] = []
    codes: list[int] = []
    for arguments in (["--program", *programs], ["--target", "container"]):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(  # noqa: S603  # ourselves
                [
                    sys.executable,
                    "-m",
                    "redis_runbook",
                    "drill",
                    "--report-dir",
                    folder,
                    *arguments,
                ],
                env={**os.environ, **ENVIRONMENT},
                check=False,
            )
            codes.append(done.returncode)
            drills += _read(Path(folder) / "drill.json")
    (ROOT / "docs" / "fault-matrix.md").write_text(as_markdown(drills))
    return next(filter(None, codes), 0)


def _read(file: Path) -> Iterator[Drill]:
    for entry in json.loads(file.read_text())["faults"]:
        del entry["ok"]  # it follows from the others
        verdict = entry.pop("verdict")
        yield Drill(**entry, verdict=Verdict(verdict) if verdict else None)


if __name__ == "__main__":
    sys.exit(main())
