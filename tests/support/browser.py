"""A real browser for tests: headless, offline, with a profile of its own."""

import shutil
import subprocess
from pathlib import Path

from tests.support.requirements import require

CHROMIUM = shutil.which("chromium")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


def render(page: Path, profile: Path, *options: str) -> str:
    """The document as the browser has it once its scripts have run, or what `options` print."""
    require(CHROMIUM is not None, "chromium is not installed")
    done = subprocess.run(
        [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", *options, "--dump-dom",
         page.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )  # fmt: skip
    return done.stdout
