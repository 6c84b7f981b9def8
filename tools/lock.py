"""Writes the versions of the Python packages that we install.

They are constraints.txt for users, and, with hashes, requirements.lock and
tests/bullmq/python-2.15.lock for the tests.

`python tools/lock.py` adds and removes what pyproject.toml asks for, and keeps the other versions;
with `--upgrade` it takes the newest ones. `python tools/lock.py --check` fails if a file is out of
date. None of them has the address of a package index.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_OLD_BULLMQ: Final = "tests/bullmq/python-2.15"
_DEVELOPMENT: Final = ("pyproject.toml", "--extra=dev", "--universal")
_WRITTEN: Final = (
    ("constraints.txt", _DEVELOPMENT),
    ("requirements.lock", (*_DEVELOPMENT, "--generate-hashes", "--constraint=constraints.txt")),
    (f"{_OLD_BULLMQ}.lock", (f"{_OLD_BULLMQ}.in", "--universal", "--generate-hashes")),
)
"""Each file, and of what and how it is made: the second one with the versions of the first."""


def make(folder: Path, *further: str) -> None:
    """Write the files in a folder that has the present ones, from which versions are kept.

    Raises:
        subprocess.CalledProcessError: the requirements cannot be met; the reason was printed.
    """
    for file, arguments in _WRITTEN:
        _compile(folder, file, [*arguments, *further])


def _compile(folder: Path, file: str, arguments: Sequence[str]) -> None:
    subprocess.run(  # noqa: S603  # a program of the development environment
        [
            Path(sys.executable).parent / "uv",
            *("pip", "compile", "--quiet", "--python-version=3.11", "--no-annotate"),
            *("--custom-compile-command=make lock", f"--output-file={file}", *arguments),
        ],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )


def main(arguments: Sequence[str]) -> int:
    """Write the files, or compare them; returns the exit code."""
    if "--check" not in arguments:
        make(ROOT, *arguments)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in ("pyproject.toml", f"{_OLD_BULLMQ}.in", *(file for file, _ in _WRITTEN)):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / file).exists():
                shutil.copy(ROOT / file, folder / file)
        make(folder)
        stale = [
            file
            for file, _ in _WRITTEN
            if not (ROOT / file).exists()
            or (ROOT / file).read_bytes() != (folder / file).read_bytes()
        ]
    for file in stale:
        print(f"{file} is out of date: make lock")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
