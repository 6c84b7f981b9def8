"""Why a connection failed, in words that follow a service's name."""

import errno
import os
from typing import Final, TypeVar

from redis import exceptions

from redis_runbook.redact import printable

MAX_CLIENTS_REACHED: Final = "refuses clients: max number of clients reached"
LOADING: Final = "is LOADING its dataset from disk into memory"
_LONGEST_ERROR: Final = 120
_E = TypeVar("_E", bound=BaseException)


def why_it_failed(error: Exception) -> str:
    """`stopped answering (no reply in time)`: what the server said, else what the socket said.

    For a service that has answered before. Nothing of it quotes a key: the server's own errors
    are about the connection.
    """
    if is_max_clients(error):
        return MAX_CLIENTS_REACHED
    if isinstance(error, exceptions.BusyLoadingError):
        return LOADING
    if isinstance(error, exceptions.AuthenticationError | exceptions.ResponseError):
        return f"answers with an error: {printable(str(error), _LONGEST_ERROR)}"
    reason = _of_socket(error)
    return f"stopped answering ({reason})" if reason else "stopped answering"


def is_max_clients(error: Exception) -> bool:
    """Whether the server turned the connection away because of its `maxclients`."""
    return "max number of clients" in str(error)


def find_cause(error: BaseException | None, kind: type[_E]) -> _E | None:
    """The error, or the first of those that led to it, of that kind."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def was_closed(error: Exception) -> bool:
    """Whether the other side ended the connection, in whatever way."""
    cause = find_cause(error, OSError)
    ended = {errno.ECONNRESET, errno.EPIPE}
    return "closed by server" in str(error) or (cause is not None and cause.errno in ended)


def _of_socket(error: Exception) -> str:
    if isinstance(error, exceptions.TimeoutError):
        return "no reply in time"
    if was_closed(error):
        return "it closed the connection"
    cause = find_cause(error, OSError)
    number = cause.errno if cause else None
    return os.strerror(number).lower() if number in errno.errorcode and number else ""
