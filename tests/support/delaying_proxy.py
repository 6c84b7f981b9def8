"""A TCP proxy in a process of its own that holds back the replies to PING, and knows how long.

`python -m tests.support.delaying_proxy PORT DELAYS_MS` listens on a free port, which it prints, and
forwards to PORT. The delays are used in turn. What each PING really took, in milliseconds from its
arrival to the moment its reply was handed to the kernel, is printed as JSON once standard input
ends.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

_PING = b"PING\r\n"
_PONG = b"+PONG\r\n"


@dataclass
class Pair:
    """A client's connection, the server's, and the PINGs of the one that the other still owes."""

    client: socket.socket
    server: socket.socket
    arrived: deque[float] = field(default_factory=deque)
    held: deque[tuple[float, float]] = field(default_factory=deque)
    """Replies that are held back: when each may go, and when its request arrived."""


class Proxy:
    def __init__(self, port: int, delays_ms: Sequence[float]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.took_ms: list[float] = []
        self._port = port
        self._delays = cycle(delays_ms)
        self._pairs: list[Pair] = []

    def serve(self) -> None:
        """Forward until standard input ends."""
        while True:
            now = time.perf_counter()
            due = min((pair.held[0][0] for pair in self._pairs if pair.held), default=now + 1)
            sockets = [one for pair in self._pairs for one in (pair.client, pair.server)]
            ready, _, _ = select.select(
                [sys.stdin, self.listener, *sockets], [], [], max(0.0, due - now)
            )
            if sys.stdin in ready:
                return
            if self.listener in ready:
                self._accept()
            for pair in list(self._pairs):
                if not self._forward(pair, ready):
                    self._pairs.remove(pair)
                    pair.client.close()
                    pair.server.close()

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self._port))
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append(Pair(client, server))

    def _forward(self, pair: Pair, ready: Sequence[object]) -> bool:
        now = time.perf_counter()
        if pair.client in ready:
            requests = pair.client.recv(1 << 16)
            if not requests:
                return False
            pair.arrived.extend([now] * requests.count(_PING))
            pair.server.sendall(requests)
        if pair.server in ready:
            replies = pair.server.recv(1 << 16)
            if not replies:
                return False
            for _ in range(replies.count(_PONG)):
                arrived = pair.arrived.popleft()
                pair.held.append((arrived + next(self._delays) / 1000, arrived))
            if others := replies.replace(_PONG, b""):
                pair.client.sendall(others)
        while pair.held and pair.held[0][0] <= time.perf_counter():
            _, arrived = pair.held.popleft()
            pair.client.sendall(_PONG)
            self.took_ms.append((time.perf_counter() - arrived) * 1000)
        return True


class Running:
    """The proxy's port, and what it measured once `finish` was called."""

    def __init__(self, port: int, delays_ms: Sequence[float]) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.delaying_proxy",
                str(port),
                json.dumps(list(delays_ms)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def finish(self) -> list[float]:
        """End it; how long each PING took."""
        out, _ = self._process.communicate(timeout=10)
        return json.loads(out) if out else []

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=10)


@contextmanager
def delaying(port: int, delays_ms: Sequence[float]) -> Iterator[Running]:
    """A proxy to that port of this machine for as long as the block lasts."""
    running = Running(port, delays_ms)
    try:
        yield running
    finally:
        running.stop()


if __name__ == "__main__":
    proxy = Proxy(int(sys.argv[1]), json.loads(sys.argv[2]))
    print(proxy.listener.getsockname()[1], flush=True)  # noqa: T201  # its one line of output
    proxy.serve()
    print(json.dumps(proxy.took_ms), flush=True)  # noqa: T201
