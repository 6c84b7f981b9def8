"""Connects to a server once, and classifies why that failed."""

import contextlib
import enum
import errno
import os
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final

import redis
from redis import exceptions

from redis_runbook.probes.probe import Probe
from redis_runbook.redact import printable
from redis_runbook.wire.background import in_background, when_late
from redis_runbook.wire.client import create_connection
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import (
    LOADING,
    MAX_CLIENTS_REACHED,
    find_cause,
    is_max_clients,
    was_closed,
)
from redis_runbook.wire.greeting import speaks_http, speaks_plaintext, speaks_tls

_DIAGNOSIS_S: Final = 0.5
_CERTIFICATE_REFUSED: Final = ("ALERT_UNKNOWN_CA", "CERTIFICATE")


class Problem(enum.StrEnum):
    """Why a server could not be reached."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TLS = "tls"
    CLIENT_CERTIFICATE = "client_certificate"
    AUTH = "auth"
    DENIED = "denied"
    LOADING = "loading"
    MAX_CLIENTS = "max_clients"
    CLOSED = "closed"
    NOT_REDIS = "not_redis"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFacts:
    """One attempt to connect, authenticate and PING.

    `problem` is None when it succeeded; otherwise `message` is a clause that says what happened.
    """

    address: str
    elapsed_ms: float
    problem: Problem | None = None
    message: str = ""

    @property
    def reachable(self) -> bool:
        """Whether PING was answered."""
        return self.problem is None


def reach(endpoint: Endpoint, *, timeout_s: float) -> ConnectionFacts:
    """Resolve, connect, authenticate and PING once; bounded by about `timeout_s` plus 1 s."""
    started = time.monotonic()
    problem, message = _attempt(endpoint, timeout_s)
    return ConnectionFacts(
        address=endpoint.address,
        elapsed_ms=(time.monotonic() - started) * 1000,
        problem=problem,
        message=message,
    )


def _attempt(endpoint: Endpoint, timeout_s: float) -> tuple[Problem | None, str]:
    if endpoint.scheme != "unix":
        unresolved = _resolve(endpoint.host, timeout_s)
        if unresolved:
            return Problem.DNS, unresolved
    connection = create_connection(endpoint, timeout_s=timeout_s)
    try:
        # redis-py bounds each step; a server that drips bytes would still get past that.
        with when_late(timeout_s + _DIAGNOSIS_S, connection.disconnect) as late:
            connection.connect()
            connection.send_command("PING")
            reply = _ping_reply(connection)
    except Exception as error:  # noqa: BLE001  # a hostile server can provoke any error
        given_up = exceptions.TimeoutError() if late.is_set() else error
        return _classify(given_up, endpoint, timeout_s)
    finally:
        with contextlib.suppress(redis.RedisError, OSError):
            connection.disconnect()
    if reply != b"PONG":
        return Problem.NOT_REDIS, "answered PING with something else: this is not Redis"
    return None, ""


def _ping_reply(connection: redis.Connection) -> object:
    """The reply to PING; a server that refuses writes answers PING with MISCONF, too."""
    try:
        return connection.read_response()
    except exceptions.ResponseError as error:
        if str(error).startswith("MISCONF"):
            return b"PONG"
        raise


def _resolve(host: str, timeout_s: float) -> str:
    """Why the name does not resolve, or "". In a thread, as the resolver has no timeout."""

    def resolve() -> str:
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, socket.gaierror) else "not a host name"
            return f"the name {host} does not resolve (DNS: {reason})"
        return ""

    try:
        return in_background(resolve).result(timeout_s)
    except TimeoutError:
        return f"the name {host} did not resolve within {timeout_s:g} s (DNS timed out)"


def _classify(error: Exception, endpoint: Endpoint, timeout_s: float) -> tuple[Problem, str]:
    """Classify an error: by the server's reply, else by TLS, else by the socket."""
    return (
        _from_reply(error, endpoint)
        or _from_tls(error, endpoint)
        or _from_socket(error, endpoint, timeout_s)
        or (Problem.NOT_REDIS, "something answers that is not Redis: its replies make no sense")
    )


def _from_reply(error: Exception, endpoint: Endpoint) -> tuple[Problem, str] | None:
    """Order matters: redis-py derives several of these from its ConnectionError."""
    text = str(error)
    if isinstance(error, exceptions.BusyLoadingError):
        return Problem.LOADING, LOADING
    if isinstance(error, exceptions.NoPermissionError):
        return Problem.DENIED, "the user has no permission for PING or SELECT (NOPERM)"
    if is_max_clients(error):
        return Problem.MAX_CLIENTS, MAX_CLIENTS_REACHED
    if isinstance(error, exceptions.AuthenticationError) or text.startswith("NOAUTH"):
        return Problem.AUTH, _why_not_authenticated(text, endpoint)
    if text.startswith("DENIED"):
        return Problem.DENIED, "is in protected mode and denies remote clients (DENIED)"
    if isinstance(error, exceptions.ResponseError):
        return Problem.ERROR, f"answers with an error: {printable(text, 120)}"
    return None


def _from_tls(error: Exception, endpoint: Endpoint) -> tuple[Problem, str] | None:
    refused = _errno(error) == errno.ECONNREFUSED
    if endpoint.scheme == "redis" and not refused and speaks_tls(endpoint):
        return Problem.TLS, "speaks TLS on this port, and the URL says redis://: use rediss://"
    if endpoint.scheme != "rediss" or refused:
        return None
    certificate = find_cause(error, ssl.SSLCertVerificationError)
    if certificate:
        reason = printable(certificate.verify_message or "no reason", 120)
        return Problem.TLS, f"TLS: the certificate is not trusted ({reason})"
    if speaks_plaintext(endpoint):
        return Problem.TLS, "speaks plaintext on this port, and the URL says rediss:// (TLS)"
    if why := _about_client_certificate(error, endpoint):
        return Problem.CLIENT_CERTIFICATE, f"TLS handshake: the server {why}"
    tls = find_cause(error, ssl.SSLError)
    if isinstance(tls, ssl.SSLEOFError) and not speaks_http(endpoint):
        return Problem.TLS, (
            "closed the connection during the TLS handshake: its client slots are used up "
            "(maxclients), or it expects something else there"
        )
    if tls and not speaks_http(endpoint):
        return Problem.TLS, f"TLS handshake failed ({printable(tls.reason or 'no reason', 80)})"
    if find_cause(error, FileNotFoundError):
        return Problem.TLS, "TLS: a certificate or key file of the configuration is missing"
    return None


def _about_client_certificate(error: Exception, endpoint: Endpoint) -> str:
    """What the server has against our certificate, or that we have none; else nothing.

    With TLS 1.2 it ends the handshake; with 1.3 the handshake succeeds, and the first exchange
    after it meets an alert or the end of the connection.
    """
    tls = find_cause(error, ssl.SSLError)
    reason = (tls and tls.reason) or ""
    in_handshake = "connecting to" in str(error)
    ended = not in_handshake and (isinstance(tls, ssl.SSLEOFError) or was_closed(error))
    if endpoint.tls.cert_file:
        not_taken = "does not take the certificate of tls.cert_file"
        if any(word in reason for word in _CERTIFICATE_REFUSED):
            return f"{not_taken} ({reason})"
        return f"closes the connection after it, as if it {not_taken}" if ended else ""
    if "CERTIFICATE_REQUIRED" in reason:
        return "wants a client certificate: set tls.cert_file and tls.key_file"
    if ended or "ALERT_HANDSHAKE_FAILURE" in reason:
        how = "closes the connection after it" if ended else "refuses the handshake"
        return f"{how}, as if it wants a client certificate: set tls.cert_file and tls.key_file"
    return ""


def _from_socket(
    error: Exception, endpoint: Endpoint, timeout_s: float
) -> tuple[Problem, str] | None:
    if isinstance(error, exceptions.TimeoutError):
        if "connecting" in str(error):
            return Problem.TIMED_OUT, f"no TCP connection within {timeout_s:g} s (timed out)"
        return Problem.TIMED_OUT, (
            f"accepts connections but did not answer within {timeout_s:g} s (timed out: frozen, "
            "paused by CLIENT PAUSE, or blocked by a long command)"
        )
    number = _errno(error)
    reason = os.strerror(number) if number else ""
    if number == errno.ECONNREFUSED:
        return Problem.REFUSED, "connection refused: nothing listens there"
    if endpoint.scheme == "unix" and number in {errno.ENOENT, errno.EACCES}:
        return Problem.REFUSED, f"the socket cannot be opened ({reason})"
    if number in {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}:
        return Problem.UNREACHABLE, f"no route to the host ({reason})"
    if endpoint.scheme != "unix" and speaks_http(endpoint):
        return Problem.NOT_REDIS, "something answers that is not Redis: it speaks HTTP"
    if isinstance(error, exceptions.InvalidResponse):
        return None
    if isinstance(error, exceptions.ConnectionError | OSError):
        return Problem.CLOSED, "accepts the connection and closes it"
    return None


def _why_not_authenticated(text: str, endpoint: Endpoint) -> str:
    if endpoint.password is None:
        return "a password is required and none is set (NOAUTH)"
    if "without any password" in text or "no password is set" in text:
        return "a password is set in the URL, but the server has none for the default user (AUTH)"
    return "wrong user name or password (WRONGPASS)"


def _errno(error: Exception) -> int | None:
    cause = find_cause(error, OSError)
    return cause.errno if cause else None


PROBES: Final = (
    Probe(
        name="connection",
        facts=ConnectionFacts,
        look=lambda look: reach(look.endpoint, timeout_s=look.service.limits.connect_s),
        lane="reach",
    ),
)
