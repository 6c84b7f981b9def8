"""Real redis_exporters for tests."""

import contextlib
import subprocess
from collections.abc import Iterator

from redis_runbook.wire.ports import free_port
from tests.support.requirements import installed
from tests.support.servers import Server, wait_for_port

EXPORTER = "prometheus-redis-exporter"


class Exporter:
    """One process on a port of its own, to which it comes back after a stop."""

    def __init__(self, address: str, *options: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._command = [
            *(installed(EXPORTER), "-redis.addr", address),
            *("-web.listen-address", self.address, *options),
        ]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_port(int(self.address.rpartition(":")[2]))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=10)


@contextlib.contextmanager
def exporting(address: str, *options: str) -> Iterator[str]:
    """The URL, without a path, of an exporter that watches the server at `address`."""
    started = Exporter(address, *options)
    try:
        yield f"http://{started.address}"
    finally:
        started.stop()


@contextlib.contextmanager
def exporter(server: Server) -> Iterator[str]:
    """Its metrics URL; it watches `server`, and any other by `/scrape?target=`."""
    with exporting(server.url) as url:
        yield f"{url}/metrics"
