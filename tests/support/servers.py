"""Real servers for tests: started on a free port, ended by their process id."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_runbook.wire.ports import free_port
from tests.support.requirements import installed

REDIS = "redis-server"


class Server:
    """One server process in a folder of its own."""

    def __init__(self, program: str, *options: str, tls: bool = False) -> None:
        self.program = installed(program)
        self.options = options
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="runbook-test-"))
        self.tls = tls
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        port = ("--port", "0", "--tls-port") if self.tls else ("--port",)
        self.process = subprocess.Popen(
            [self.program, *port, str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", str(self.folder), *self.options],
            stdout=(self.folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            # Ignored, as it is here: then a file that may not grow is a failed write, and no end.
            restore_signals=False,
        )  # fmt: skip
        if wait:
            wait_for_port(self.port)
            if not self.tls:
                wait_until(lambda: not _first_answer(self.port).startswith(b"-LOADING"))

    def client(self, **options: Any) -> redis.Redis:
        defaults: dict[str, Any] = {"socket_timeout": 10, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(port=self.port, **{**defaults, **options})

    def user(self, name: str, password: str, *rules: str) -> str:
        """Add an ACL user and return the URL that it connects with."""
        self.client().acl_setuser(name, enabled=True, reset=True)
        self.client().execute_command("ACL", "SETUSER", name, f">{password}", *rules)
        return f"redis://{name}:{password}@127.0.0.1:{self.port}"

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def limit_files(self, size: int | None) -> None:
        """Let no file of it grow over `size` bytes, as on a full disk, or let them again."""
        _, most = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        limits = (most if size is None else size, most)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limits)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.thaw()
        self.process.kill()
        self.process.wait(timeout=10)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running(*options: str, program: str = REDIS, tls: bool = False) -> Iterator[Server]:
    """A server with these options for as long as the block lasts."""
    server = Server(program, *options, tls=tls)
    try:
        yield server
    finally:
        server.remove()


def wait_for_port(port: int, limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise AssertionError(f"nothing listens on port {port} after {limit_s} s")


def _first_answer(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(b"DBSIZE\r\n")  # refused while loading, and no test counts it
        return connection.recv(64)


def wait_until(condition: object, limit_s: float = 10) -> None:
    """Wait until a callable returns something true."""
    deadline = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not true after {limit_s} s"
        time.sleep(0.02)
