"""FAKE HTTP APIs for tests: they answer what they are told, or misbehave."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = Callable[[BaseHTTPRequestHandler, str, dict[str, str]], None]
"""Answers a request, given its path and its parameters."""


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """FAKE: a server that lets `answer` do as it likes; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with contextlib.suppress(OSError):
                answer(self, parts.path, parameters)

        do_POST = do_GET  # noqa: N815  # as the library calls it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def reply(
    request: BaseHTTPRequestHandler, body: bytes | str, status: int = 200, **headers: str
) -> None:
    raw = body.encode() if isinstance(body, str) else body
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(raw)))
    request.end_headers()
    request.wfile.write(raw)


def reply_json(request: BaseHTTPRequestHandler, value: Any, status: int = 200) -> None:
    reply(request, json.dumps(value), status)


def drip(request: BaseHTTPRequestHandler, seconds: float = 8) -> None:
    """A byte at a time, in time for every socket timeout."""
    request.send_response(200)
    request.end_headers()
    for _ in range(int(seconds / 0.1)):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.1)


def flood(request: BaseHTTPRequestHandler, mebibytes: int = 32) -> None:
    """Much more than anybody asked for, and valid JSON so far."""
    request.send_response(200)
    request.end_headers()
    request.wfile.write(b'{"status":"success","data":[')
    for _ in range(mebibytes):
        request.wfile.write(b" " * (1 << 20))
