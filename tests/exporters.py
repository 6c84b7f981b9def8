"""A real redis_exporter for tests."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.requirements import installed
from tests.servers import Server, free_port, wait_for_port

EXPORTER = "prometheus-redis-exporter"


@contextmanager
def exporter(server: Server) -> Iterator[str]:
    """Its metrics URL; it watches `server`, and any other by `/scrape?target=`."""
    port = free_port()
    process = subprocess.Popen(
        [
            installed(EXPORTER),
            "-redis.addr",
            server.url,
            "-web.listen-address",
            f"127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        process.kill()
        process.wait(timeout=10)
