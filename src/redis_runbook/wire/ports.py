"""Ports of this machine."""

import socket
from typing import Final

_HOST: Final = "127.0.0.1"


def free_port() -> int:
    """A port that is free now; another process may take it first."""
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        return int(listener.getsockname()[1])
