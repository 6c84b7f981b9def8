"""What reads our outputs: programs and libraries of others (scripts/install-consumers.sh)."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.places import ROOT
from tests.support.requirements import installed, require

CONSUMERS: Final = ROOT / "tests" / "consumers"


def node(script: str, given: str) -> Any:
    """What a script of Node prints, as JSON; `given` is its standard input."""
    require(shutil.which("node") is not None, "node is not installed")
    there = (CONSUMERS / "node_modules" / "ctrf").exists()
    require(there, "the consumers are not installed (scripts/install-consumers.sh)")
    return json.loads(
        program(["node", "--input-type=module", "--eval", script], given, folder=CONSUMERS)
    )


def program(arguments: Sequence[str | Path], given: str = "", *, folder: Path = ROOT) -> str:
    """What a program prints; it must exit with 0."""
    installed(str(arguments[0]))
    done = subprocess.run(
        [*map(str, arguments)],
        input=given,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def schema(name: str) -> Path:
    """A schema among the consumers."""
    path = CONSUMERS / name
    require(path.exists(), f"{name} is not installed (scripts/install-consumers.sh)")
    return path
