"""Runs all drills on Redis 6.2, 7.0 and Valkey 9, and writes docs/fault-matrix.md."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.programs import program

ROOT: Final = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run them; returns the exit code of the command."""
    programs = [program(name) for name in ("valkey-9", "redis-7.0", "redis-6.2")]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "redis_runbook", "drill", "--report-dir", folder]
        done = subprocess.run([*command, "--program", *programs], check=False)  # noqa: S603
        shutil.copy(Path(folder) / "drill.md", ROOT / "docs" / "fault-matrix.md")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
