"""Servers that answer nonsense, errors, or not at all: said by name, at once."""

import contextlib
import io
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.servers import Server, running, wait_until

ROLE = ("smoke", "--select", "connectivity.role")


# Hostile servers


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


class Replies(socketserver.ThreadingTCPServer):
    """A fake: a real server's replies, but for some commands, whose replies are given.

    A command is `CLIENT`, or `CLIENT LIST` with its first argument.
    """

    daemon_threads = True

    def __init__(
        self, port: int, given: Mapping[bytes, bytes], delays_s: Mapping[bytes, float]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Replies)
        self.behind = port
        self.given = given
        self.delays_s = delays_s

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server_address[1]}"


class _Replies(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = cast("Replies", self.server)
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", server.behind)) as behind,
            behind.makefile("rb") as real,
        ):
            while words := read_reply(self.rfile):
                command = words.upper().split(b"\r\n")[2:5:2]
                name, with_argument = command[0], b" ".join(command)
                time.sleep(server.delays_s.get(name, 0))
                given = server.given.get(with_argument, server.given.get(name))
                if given is None:
                    behind.sendall(words)
                self.wfile.write(read_reply(real) if given is None else given)


def read_reply(file: io.BufferedIOBase) -> bytes:
    line = file.readline()
    if line[:1] == b"$" and line != b"$-1\r\n":
        return line + file.read(int(line[1:]) + 2)
    if line[:1] == b"*":
        return line + b"".join(read_reply(file) for _ in range(int(line[1:])))
    return line


@contextlib.contextmanager
def replies(
    server: Server, given: Mapping[bytes, bytes], delays_s: Mapping[bytes, float] | None = None
) -> Iterator[str]:
    """The URL of a fake before the server."""
    with Replies(server.port, given, delays_s or {}) as fake:
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        yield fake.url
        fake.shutdown()


@pytest.mark.parametrize("reply", [b"*1\r\n" * 10_000, b":x\r\n", b"?\r\n"], ids=["deep", "x", "?"])
@pytest.mark.parametrize("command", [b"INFO", b"CLIENT", b"SET", b"SLOWLOG"])
def test_replies_that_make_no_sense_are_said_at_once(
    command: bytes, reply: bytes, healthy: Server, folder: Path
) -> None:
    checks = ("connectivity.role", "connectivity.writable", "latency.slowlog")
    started = time.monotonic()
    with replies(healthy, {command: reply}) as url:
        done = product.run(folder, "smoke", "--select", *checks, env=product.urls(url, healthy.url))
    assert time.monotonic() - started < 8
    assert done.code == (0 if command == b"SLOWLOG" else 3)  # of an advisory check
    unknown = {name for name, verdict in done.verdicts.items() if verdict == "unknown"}
    assert unknown
    assert all(name.endswith("[queue]") for name in unknown)
    assert "queue sent a reply that makes no sense" in {done.message(name) for name in unknown}
    assert "itself failed" not in done.everything
    assert "Traceback" not in done.everything


def test_an_error_with_a_quoted_secret_leaves_the_results_readable(
    healthy: Server, folder: Path
) -> None:
    with replies(healthy, {b"PING": b'-ERR token="hunter2" said\r\n'}) as url:
        done = product.run(
            folder, "smoke", "--select", "connectivity.reachable", env=product.urls(url)
        )
    assert done.code == 1
    assert 'token="[redacted]" said' in done.message("connectivity.reachable[queue]")
    assert "hunter2" not in done.everything


def test_disabled_commands_are_named(folder: Path) -> None:
    renamed = [word for name in ("CONFIG", "SLOWLOG") for word in ("--rename-command", name, "")]
    with running(*renamed) as server:
        done = product.run(
            folder, "smoke", "--select", "persistence", "latency.slowlog",
            env=product.urls(server.url),
        )  # fmt: skip
    assert done.message("persistence.saving[queue]").endswith("CONFIG GET is disabled on queue")
    assert done.message("latency.slowlog[queue]") == "SLOWLOG GET is disabled on queue"
    assert "stopped answering" not in done.everything


def test_an_error_is_not_taken_for_the_end_of_the_connection(healthy: Server, folder: Path) -> None:
    with replies(healthy, {b"INFO": b"-ERR not now\r\n"}) as url:
        done = product.run(folder, *ROLE, env=product.urls(url, healthy.url))
    assert done.message("connectivity.role[queue]") == "queue answers with an error: not now"


def test_a_cluster_is_healthy_where_it_is_expected(folder: Path) -> None:
    config = "".join(
        f'[services.{name}]\nrole = "{name}"\nexpected_mode = "cluster"\n'
        for name in ("queue", "cache")
    )
    options = ("--cluster-enabled", "yes", "--cluster-port")
    with (
        running(*options, str(free_port())) as server,
        running(*options, str(free_port())) as other,
    ):
        bus = other.options[-1]
        for node, first, last in ((server, 0, 8191), (other, 8192, 16383)):
            node.client().execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        server.client().execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, bus)
        wait_until(
            lambda: "'cluster_state': 'ok'" in str(server.client().execute_command("CLUSTER INFO")),
            30,
        )
        done = product.run(
            folder,
            *("smoke", "--select", "connectivity.role", "connectivity.writable"),
            env=product.urls(server.url),
            config=config,
        )
    assert set(done.verdicts.values()) == {"pass"}, done.out
