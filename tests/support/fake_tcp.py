"""FAKE servers that answer whatever they are told, over a plain socket."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def fake(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """FAKE: a TCP server that reads what it is asked and lets `answer` do as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.recv(65536):
                answer(connection)

    def accept() -> None:
        while not closing.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=converse, args=[connection], daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
    finally:
        closing.set()
        with contextlib.suppress(OSError), socket.create_connection(listener.getsockname(), 1):
            pass
        accepting.join(2)  # else it would go on with the next listener that gets this descriptor
        listener.close()


def reply(body: bytes | str, status: str = "200 OK", *headers: str) -> Callable[[Any], None]:
    """FAKE: an HTTP answer."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *headers]
    head = "\r\n".join([*lines, "", ""]).encode()
    return lambda connection: connection.sendall(head + raw)


def drip(connection: socket.socket, text: bytes) -> None:
    """FAKE: six seconds of a byte at a time."""
    for byte in text[:60]:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"a 1\n" * (1 << 18))


def endless_redirect(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 301 Go\r\nLocation: /\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x" * (1 << 20))


def many_lines(connection: socket.socket) -> None:
    """Just under the size limit, and more than can be parsed in the time."""
    reply("a 1\n" * 1_000_000)(connection)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    drip(connection, b"redis_up 1\n" * 100)


def drip_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"1\r\n#\r\n" * 200)


def drip_headers(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X-Header: value\r\n" * 100)


def silence(connection: socket.socket) -> None:
    connection.recv(1)


def endless_trailers(connection: socket.socket) -> None:
    """FAKE: a body that is whole, and header lines after it for as long as anybody reads them."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    for _ in range(100_000):
        connection.sendall(b"X-Trailer: value\r\n" * 1000)


def endless_continue(connection: socket.socket) -> None:
    for _ in range(100_000):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def drip_handshake(connection: socket.socket) -> None:
    """FAKE: a TLS record, a byte at a time."""
    drip(connection, b"\x16\x03\x03\x40\x00\x02" + b"x" * 100)
