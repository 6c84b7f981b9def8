"""A reply is bounded before it fills the memory."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from redis.exceptions import InvalidResponse

from redis_runbook.wire import resp as bounded_parser
from redis_runbook.wire.client import create_connection
from redis_runbook.wire.endpoint import Endpoint, parse_endpoint
from redis_runbook.wire.resp import MAX_LOGIN_BYTES


@pytest.mark.parametrize(
    "endless", [b"$1000000000000\r\n", b"+", b"*1000000000\r\n"], ids=["text", "line", "list"]
)
def test_a_reply_without_end_is_refused_before_it_fills_the_memory(
    endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAKE: a server that begins a reply of a terabyte and sends on for as long as it may."""
    monkeypatch.setattr(bounded_parser, "MAX_CONNECTION_BYTES", 1 << 20)

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.sendall(endless)
            while True:
                peer.sendall(b"$1\r\nx\r\n" * 10_000 if endless[:1] == b"*" else b"x" * 100_000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        endpoint = parse_endpoint(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        connection = create_connection(endpoint, timeout_s=5)
        connection.connect()
        connection.send_command("PING")
        with pytest.raises(InvalidResponse, match="larger than anything"):
            connection.read_response()
        connection.disconnect()


@pytest.mark.parametrize("number", [-(1 << 63), (1 << 63) - 1, 10**30, 10**400])
def test_an_integer_has_64_bits(number: int) -> None:
    """FAKE: a server that answers with one integer, in a list."""

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"*1\r\n:%d\r\n" % number)
            peer.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        endpoint = parse_endpoint(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        connection = create_connection(endpoint, timeout_s=5)
        connection.connect()
        fits = -(1 << 63) <= number < 1 << 63
        with contextlib.nullcontext() if fits else pytest.raises(InvalidResponse, match="64 bits"):
            assert connection.read_response() == [number]
        connection.disconnect()


@contextlib.contextmanager
def _answering(reply: bytes) -> Iterator[Endpoint]:
    """FAKE: a server that sends one answer, whatever it is asked."""

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(1000)
            peer.sendall(reply)
            peer.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        yield parse_endpoint(f"redis://:password@127.0.0.1:{listener.getsockname()[1]}")


def test_nobody_needs_many_words_to_let_somebody_in() -> None:
    long = MAX_LOGIN_BYTES
    with _answering(b"$%d\r\n%s\r\n" % (long, b"x" * long)) as endpoint:
        connection = create_connection(endpoint, timeout_s=5)
        with pytest.raises(InvalidResponse, match="larger than anything"):
            connection.connect()
