"""What a port speaks, whatever it should: plain Redis, HTTP or TLS; in 0.5 s a step at most."""

import contextlib
import socket
import ssl
from typing import Final

from redis_runbook.wire.endpoint import Endpoint

_LIMIT_S: Final = 0.5
_SERVER_NAME: Final = "redis-runbook"


def speaks_plaintext(endpoint: Endpoint) -> bool:
    """Whether a plain inline PING gets a Redis reply."""
    return _first_bytes(endpoint, b"PING\r\n")[:1] in {b"+", b"-"}


def speaks_http(endpoint: Endpoint) -> bool:
    """Whether an HTTP request gets an HTTP answer."""
    return _first_bytes(endpoint, b"HEAD / HTTP/1.0\r\n\r\n").startswith(b"HTTP/")


def _first_bytes(endpoint: Endpoint, greeting: bytes) -> bytes:
    """What comes back for `greeting`, in one piece of at most 64 bytes; nothing on any error."""
    with contextlib.suppress(OSError), _raw_socket(endpoint) as plain:
        plain.sendall(greeting)
        return plain.recv(64)
    return b""


def speaks_tls(endpoint: Endpoint) -> bool:
    """Whether a TLS handshake succeeds, whoever's certificate it is; nothing is sent through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError), _raw_socket(endpoint) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=_SERVER_NAME):
                return True
        except ssl.SSLError as error:
            # Asking for a client certificate is also speaking TLS.
            return "CERTIFICATE_REQUIRED" in str(error) or "ALERT" in str(error)
    return False


def _raw_socket(endpoint: Endpoint) -> socket.socket:
    raw = socket.create_connection((endpoint.host, endpoint.port), timeout=_LIMIT_S)
    raw.settimeout(_LIMIT_S)
    return raw
