"""Makes reports/sample and docs/report.png: a smoke run on two servers with real faults.

Needs redis-server, prometheus-redis-exporter and chromium (scripts/install-test-services.sh).
"""

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import product  # noqa: E402  # the checkout is not an installed package
from tests.support.exporters import exporter  # noqa: E402
from tests.support.servers import Server, running  # noqa: E402

SAMPLE: Final = ROOT / "reports" / "sample"
PICTURE: Final = ROOT / "docs" / "report.png"
CHROMIUM: Final = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-quic", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars", "--window-size=1280,1180"),
)


def break_queue(server: Server) -> None:
    """Fill the queue beyond 80 % of its memory, so that it evicts; some queues have no worker."""
    client = server.client()
    for number in range(60):
        client.set(f"rendered:{number}", "x" * 100_000)
    at_ms = int(time.time() * 1000) - 90_000
    for tenant in range(8):
        key = f"bull:tenant-{tenant}"
        client.hset(f"{key}:meta", mapping={"version": "bullmq:5.81.5"})
        for job in range(tenant + 1):
            client.lpush(f"{key}:wait", job)
            client.hset(f"{key}:{job}", mapping={"name": "x", "timestamp": at_ms, "opts": "{}"})


def break_cache(server: Server) -> None:
    """Remove the TTL of a JWT entry, and run slow commands."""
    client = server.client()
    for number in range(40):
        client.set(f"jwt:{number}", "{}", ex=900)
    client.persist("jwt:7")
    for _ in range(3):
        client.execute_command("DEBUG", "SLEEP", "0.2")


def main() -> int:
    """Run, copy the three reports, and take a picture of the page."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        queue = stack.enter_context(
            running("--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru")
        )
        cache = stack.enter_context(
            running(
                *("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
                *("--enable-debug-command", "yes"),
            )
        )
        break_queue(queue)
        break_cache(cache)
        environment = {
            **product.urls(queue.url, cache.url),
            "REDIS_EXPORTER_URL": stack.enter_context(exporter(queue)),
        }
        done = product.run(Path(folder), "smoke", env=environment)
        sys.stdout.write(done.out)
        SAMPLE.mkdir(parents=True, exist_ok=True)
        for name in ("latest.html", "results.json", "junit.xml"):
            shutil.copy(Path(folder) / "reports" / name, SAMPLE / name)
        page = (SAMPLE / "latest.html").as_uri()
        subprocess.run(  # noqa: S603  # a browser on our own page
            [*CHROMIUM, f"--user-data-dir={folder}/browser", f"--screenshot={PICTURE}", page],
            check=True,
            capture_output=True,
            timeout=60,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
