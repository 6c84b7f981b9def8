"""The connections of one HTTP fetch, which another thread can end at any moment."""

import contextlib
import socket
import struct
import threading
from typing import Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: whoever still sends learns by a reset that nobody reads it."""


class Connections:
    """What a fetch talks through: `adapter` opens its connections, and `abort` ends them all.

    A socket timeout begins anew with each byte, and a server may send bytes for ever. So whoever
    waits for the fetch ends the connection beneath it, in whatever state: TLS handshake, header,
    body or trailer. The thread that reads from it is then at the end of its input.
    """

    def __init__(self) -> None:
        """Prepare; nothing is opened yet."""
        self.adapter: Final = HTTPAdapter(max_retries=0)
        self.adapter.poolmanager.pool_classes_by_scheme = _pools(self)
        self._lock = threading.Lock()
        self._aborted = False
        self._sockets: list[socket.socket] = []

    def keep(self, opened: socket.socket) -> None:
        """Remember a socket that was just connected; ends it if the fetch was aborted already.

        A duplicate, as TLS takes the socket itself away from whoever holds it.
        """
        with self._lock:
            self._sockets.append(opened.dup())
            late = self._aborted
        if late:
            self.abort()

    def abort(self) -> None:
        """End what is open, whoever uses it, and whatever is opened from now on."""
        with self._lock:
            self._aborted = True
            for sock in self._sockets:
                with contextlib.suppress(OSError):  # the server was first
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    sock.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Give back what is no longer used."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for sock in sockets:
            sock.close()
        self.adapter.close()


def _pools(connections: Connections) -> dict[str, type[HTTPConnectionPool]]:
    """The pools of urllib3, whose connections are remembered from before a TLS handshake on."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            opened = super()._new_conn()
            connections.keep(opened)
            return opened

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            opened = super()._new_conn()
            connections.keep(opened)
            return opened

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}
