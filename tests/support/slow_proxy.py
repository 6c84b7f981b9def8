"""A TCP proxy that passes on what a server sends no faster than it is told."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

_CHUNK: Final = 4096
_MOST: Final = 1 << 16


class SlowProxy:
    """`bytes_per_s` may change at any time; None is as fast as it goes."""

    def __init__(self, port: int) -> None:
        self.bytes_per_s: float | None = None
        self._far = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._far))
                self._open += [near, far]
                for source, sink, slow in ((near, far, False), (far, near, True)):
                    threading.Thread(
                        target=self._pump, args=(source, sink), kwargs={"slow": slow}, daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, *, slow: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                rate = self.bytes_per_s if slow else None
                if not (data := source.recv(_CHUNK if rate else _MOST)):
                    break
                sink.sendall(data)
                if rate:
                    time.sleep(len(data) / rate)
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def slow_proxy(port: int) -> Iterator[SlowProxy]:
    """A proxy to that port of this machine for as long as the block lasts."""
    proxy = SlowProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
