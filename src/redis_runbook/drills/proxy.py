"""A TCP proxy that holds back what a server sends."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

_HOST: Final = "127.0.0.1"
_CHUNK: Final = 1 << 16


@contextlib.contextmanager
def delaying(port: int, *, seconds: float) -> Iterator[int]:
    """The port of a proxy to `port`, for as long as the block lasts."""
    with socket.create_server((_HOST, 0)) as listener:
        threading.Thread(target=_accept, args=[listener, port, seconds], daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, seconds: float) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection((_HOST, port), timeout=None)
            for source, sink, delay_s in ((near, far, 0.0), (far, near, seconds)):
                threading.Thread(target=_pump, args=[source, sink, delay_s], daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
    with source, contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            time.sleep(delay_s)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
