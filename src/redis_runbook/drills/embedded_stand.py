"""A stand of processes of this machine, which end with this one."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from redis_runbook.config.roles import CACHE, QUEUE
from redis_runbook.drills.stand import Place, Stand
from redis_runbook.drills.stand_server import START_LIMIT_S, Exporter, StandServer
from redis_runbook.targets.embedded import Server
from redis_runbook.targets.throwaway import create_password
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.ports import free_port
from redis_runbook.wire.process import programs_environment
from redis_runbook.wire.watchdog import Watchdog

_EXPORTERS: Final = ("redis_exporter", "prometheus-redis-exporter")


def embedded_place(program: str) -> Place:
    """Stands of this server program."""
    return Place(target="embedded", server=Path(program).name, make=lambda: EmbeddedStand(program))


class EmbeddedStand(Stand):
    """Servers of a program, and the exporter if PATH has one."""

    def __init__(self, program: str) -> None:
        """Start all of it."""
        self._program = program
        super().__init__()

    def start_servers(self) -> tuple[StandServer, StandServer]:
        """Start the queue and the cache, at the same time."""
        password = create_password()
        servers = [
            Server(role.name, role, self._program, password, self.watchdog)
            for role in (QUEUE, CACHE)
        ]
        deadline = time.monotonic() + START_LIMIT_S
        for server in servers:
            server.wait(deadline)
        queue, cache = (_Process(server, self.watchdog) for server in servers)
        return queue, cache

    def another(self) -> StandServer:
        """A third server, started and empty."""
        server = Server("another", CACHE, self._program, create_password(), self.watchdog)
        server.wait(time.monotonic() + START_LIMIT_S)
        return _Process(server, self.watchdog)

    def new_exporter(self) -> Exporter | None:
        """A new exporter, if there is a program of it."""
        found = next(filter(None, map(shutil.which, _EXPORTERS)), None)
        return _ExporterProcess(found, self.watchdog) if found else None


class _Process(StandServer):
    """A server process."""

    def __init__(self, server: Server, watchdog: Watchdog) -> None:
        super().__init__()
        self._server = server
        self._watchdog = watchdog

    @property
    def endpoint(self) -> Endpoint:
        return self._server.endpoint

    @property
    def inside(self) -> tuple[str, int]:
        return self.endpoint.host, self.endpoint.port

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._watchdog.end(self._server.process, number)

    def start(self, *lines: str, wait: bool = True) -> None:
        self._server.launch(*lines, port=self.endpoint.port)
        if wait:
            self._server.wait(time.monotonic() + START_LIMIT_S)

    def signal(self, number: signal.Signals) -> None:
        self._server.process.send_signal(number)

    def make_folder(self, name: str) -> None:
        place = self._server.folder / name
        place.unlink(missing_ok=True)
        place.mkdir()

    def remove_folder(self, name: str) -> None:
        (self._server.folder / name).rmdir()


class _ExporterProcess(Exporter):
    """A process of a redis_exporter."""

    def __init__(self, program: str, watchdog: Watchdog) -> None:
        self._program = program
        self._watchdog = watchdog
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/metrics"

    def start(self, service: StandServer, password: str | None = None) -> None:
        secret = service.endpoint.password if password is None else password
        host, port = service.inside
        self._process = subprocess.Popen(  # noqa: S603  # a program that was looked up
            [self._program, "-web.listen-address", f"127.0.0.1:{self._port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **programs_environment(),
                "REDIS_ADDR": f"redis://{host}:{port}",
                "REDIS_PASSWORD": secret or "",
            },
            start_new_session=True,
        )
        self._watchdog.guard(self._process)

    def stop(self) -> None:
        self._watchdog.end(self._process, signal.SIGTERM)
