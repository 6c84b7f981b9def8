"""Every way of not reaching a server: named exactly, in time, and without touching its twin."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.servers import Server, running, wait_for_port, wait_until

LIMIT_S = 12
HELD: list[redis.Redis] = []
ARGUMENTS = ("--select", "connectivity", "memory", "jwt_cache")
Broken = Callable[[Path], contextlib.AbstractContextManager[str]]


@contextlib.contextmanager
def refused(_: Path) -> Iterator[str]:
    yield f"redis://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def no_such_name(_: Path) -> Iterator[str]:
    yield "redis://no-such-host.invalid:6379"


@contextlib.contextmanager
def wrong_password(_: Path) -> Iterator[str]:
    with running("--requirepass", "the-right-one") as server:
        yield f"redis://:the-wrong-one@127.0.0.1:{server.port}"


@contextlib.contextmanager
def missing_password(_: Path) -> Iterator[str]:
    with running("--requirepass", "the-right-one") as server:
        yield server.url


@contextlib.contextmanager
def password_where_none_is_wanted(_: Path) -> Iterator[str]:
    with running() as server:
        yield f"redis://:needless-password@127.0.0.1:{server.port}"


@contextlib.contextmanager
def no_permission(_: Path) -> Iterator[str]:
    with running() as server:
        yield server.user("shy", "shy-password", "-@all", "+info")


@contextlib.contextmanager
def loading(_: Path) -> Iterator[str]:
    with running("--enable-debug-command", "yes") as server:
        client = server.client(socket_timeout=60)
        client.execute_command("DEBUG", "POPULATE", 50_000, "key", 100)
        client.save()
        server.stop()
        server.options += (
            *("--key-load-delay", "1000"),
            *("--loading-process-events-interval-bytes", "1024"),
        )
        server.start(wait=False)
        wait_for_port(server.port)
        yield server.url


@contextlib.contextmanager
def frozen(_: Path) -> Iterator[str]:
    with running() as server:
        server.freeze()
        yield server.url


@contextlib.contextmanager
def silent(_: Path) -> Iterator[str]:
    """Accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def dripping(_: Path) -> Iterator[str]:
    """Answers one byte of an endless reply every 0.2 s, so that no single read times out."""
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.sendall(b"$1000000\r\n")
            while not stop.wait(0.2):
                peer.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=[listener], daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()


@contextlib.contextmanager
def http(_: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def tls_expected_plaintext_found(_: Path) -> Iterator[str]:
    with running() as server:
        yield f"rediss://127.0.0.1:{server.port}"


@contextlib.contextmanager
def plaintext_expected_tls_found(folder: Path) -> Iterator[str]:
    with tls_server(folder) as server:
        yield f"redis://127.0.0.1:{server.port}"


@contextlib.contextmanager
def untrusted_certificate(folder: Path) -> Iterator[str]:
    with tls_server(folder) as server:
        yield f"rediss://127.0.0.1:{server.port}"


@contextlib.contextmanager
def too_many_clients(_: Path) -> Iterator[str]:
    with running("--maxclients", "1") as server:
        wait_until(lambda: holds(server))
        yield server.url


def holds(server: Server) -> bool:
    """Whether a client of ours has the only place; it stays open for as long as the server."""
    with contextlib.suppress(redis.RedisError):
        HELD.append(server.client(single_connection_client=True))
        return bool(HELD[-1].ping())
    return False


@contextlib.contextmanager
def no_client_certificate_1_2(folder: Path) -> Iterator[str]:
    with tls_server(folder, "--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.2") as server:
        yield f"rediss://localhost:{server.port}"


@contextlib.contextmanager
def no_client_certificate_1_3(folder: Path) -> Iterator[str]:
    with tls_server(folder, "--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.3") as server:
        yield f"rediss://localhost:{server.port}"


@contextlib.contextmanager
def too_many_clients_over_tls(folder: Path) -> Iterator[str]:
    """No word of it reaches who is turned away: it is before the handshake."""
    with tls_server(folder, "--maxclients", "1") as server, socket.socket() as holder:
        holder.connect(("127.0.0.1", server.port))
        with trusting(folder).wrap_socket(holder, server_hostname="localhost") as held:
            wait_until(lambda: b"PONG" in asked(held))
            yield f"rediss://localhost:{server.port}"


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


def asked(connection: ssl.SSLSocket) -> bytes:
    connection.sendall(b"PING\r\n")
    return connection.recv(64)


@contextlib.contextmanager
def tls_server(folder: Path, *options: str) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with running(
        "--tls-cert-file", str(folder / "cert.pem"), "--tls-key-file", str(folder / "key.pem"),
        "--tls-ca-cert-file", str(folder / "cert.pem"), "--tls-auth-clients", "no", *options,
        tls=True,
    ) as server:  # fmt: skip
        yield server


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (refused, "connection refused"),
        (no_such_name, "does not resolve (DNS"),
        (wrong_password, "wrong user name or password"),
        (missing_password, "a password is required and none is set"),
        (password_where_none_is_wanted, "the server has none for the default user"),
        (no_permission, "NOPERM"),
        (loading, "LOADING"),
        (frozen, "did not answer within 2 s"),
        (silent, "did not answer within 2 s"),
        (dripping, "did not answer within 2 s"),
        (http, "it speaks HTTP"),
        (tls_expected_plaintext_found, "speaks plaintext on this port"),
        (plaintext_expected_tls_found, "speaks TLS on this port"),
        (untrusted_certificate, "the certificate is not trusted"),
        (too_many_clients, "max number of clients"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_unreachable_queue_is_named_exactly_and_leaves_the_cache_alone(
    broken: Broken, words: str, healthy: Server, folder: Path
) -> None:
    with broken(folder) as url:
        started = time.monotonic()
        done = product.run(folder, "smoke", *ARGUMENTS, env=product.urls(url, healthy.url))
        took_s = time.monotonic() - started
    verdicts = done.verdicts
    assert done.code == 1
    assert took_s < LIMIT_S
    assert verdicts["connectivity.reachable[queue]"] == "fail"
    assert words in done.message("connectivity.reachable[queue]")
    others = {name: verdict for name, verdict in verdicts.items() if name.endswith("[queue]")}
    del others["connectivity.reachable[queue]"]
    assert set(others.values()) == {"unknown"}
    assert done.message("memory.used_ratio[queue]").startswith("queue is not reachable (")
    assert verdicts["connectivity.reachable[cache]"] == "pass"
    assert verdicts["memory.used_ratio[cache]"] == "pass"


@pytest.mark.quiet
def test_a_whole_run_against_a_frozen_queue_is_over_in_time(healthy: Server, folder: Path) -> None:
    with frozen(folder) as url:
        started = time.monotonic()
        done = product.run(folder, "smoke", env=product.urls(url, healthy.url))
        took_s = time.monotonic() - started
    assert done.code == 1
    assert took_s < LIMIT_S
    assert done.verdicts["latency.command_p95[cache]"] == "pass"
    assert done.message("latency.round_trip[queue]").startswith("queue is not reachable (")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (no_client_certificate_1_2, "refuses the handshake, as if it wants a client certificate"),
        (no_client_certificate_1_3, "wants a client cert"),  # by an alert, or without one
        (too_many_clients_over_tls, "during the TLS handshake: its client slots are used up"),
    ],
)
def test_what_a_trusted_server_has_against_us_is_said(
    broken: Broken, words: str, folder: Path
) -> None:
    config = f'[services.queue.tls]\nca_file = "{folder}/cert.pem"\n'
    with broken(folder) as url:
        arguments = ("smoke", "--select", "connectivity.reachable")
        done = product.run(folder, *arguments, env=product.urls(url), config=config)
    assert done.verdicts["connectivity.reachable[queue]"] == "fail"
    assert words in done.message("connectivity.reachable[queue]")


def test_a_client_certificate_is_taken_or_said_not_to_be(folder: Path) -> None:
    files = 'cert_file = "{0}/cert.pem"\nkey_file = "{0}/key.pem"\n'
    with tls_server(folder, "--tls-auth-clients", "yes") as server, tls_server(folder / "other"):
        env = product.urls(f"rediss://localhost:{server.port}")
        reached = {}
        for whose in (folder, folder / "other"):
            config = "".join(
                f'[services.{name}.tls]\nca_file = "{folder}/cert.pem"\n{files.format(whose)}'
                for name in ("queue", "cache")
            )
            arguments = ("smoke", "--select", "connectivity.reachable")
            reached[whose] = product.run(folder, *arguments, env=env, config=config)
    name = "connectivity.reachable[queue]"
    assert reached[folder].verdicts[name] == "pass"
    assert "does not take the certificate" in reached[folder / "other"].message(name)


def test_a_trusted_certificate_is_reached(folder: Path) -> None:
    with tls_server(folder) as server:
        done = product.run(
            folder,
            *("smoke", "--select", "connectivity"),
            env=product.urls(f"rediss://localhost:{server.port}"),
            config="".join(
                f'[services.{name}.tls]\nca_file = "{folder}/cert.pem"\n'
                for name in ("queue", "cache")
            ),
        )
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
    assert done.verdicts["connectivity.writable[queue]"] == "pass"


def test_a_unix_socket_is_reached(folder: Path) -> None:
    with running("--unixsocket", "redis.sock") as server:
        server.client().ping()
        url = f"unix://{server.folder}/redis.sock"
        done = product.run(folder, "smoke", "--select", "connectivity", env=product.urls(url))
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
