"""One HTTP request, bounded in time and in size; its errors contain no credentials."""

import concurrent.futures
import contextlib
import enum
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from redis_runbook.redact import printable
from redis_runbook.wire.background import IMPORTING, in_background
from redis_runbook.wire.http_url import HttpUrl

if TYPE_CHECKING:
    from redis_runbook.wire.http_connections import Connections

BODY_LIMIT_BYTES: Final = 4 << 20
_CHUNK_BYTES: Final = 64 << 10
_OK: Final = (200,)


class FetchProblem(enum.StrEnum):
    """Why a URL gave no usable answer."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMED_OUT = "timed_out"
    CLOSED = "closed"
    NOT_HTTP = "not_http"
    STATUS = "status"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_METRICS = "not_metrics"
    NO_SAMPLES = "no_samples"
    AMBIGUOUS = "ambiguous"
    NOT_API = "not_api"


class FetchError(Exception):
    """There is no usable answer; the text is a clause whose subject is the URL ("answered …")."""

    def __init__(self, problem: FetchProblem, clause: str, *, status: int | None = None) -> None:
        """Create the error; `clause` contains nothing that the server sent."""
        super().__init__(clause)
        self.problem = problem
        self.status = status


class Fetch(Protocol):
    """A function that fetches a body: `http_get`, or `SharedGets` for URLs of several probes."""

    def __call__(self, url: HttpUrl, *, timeout_s: float) -> bytes:
        """The body; raises FetchError."""


class SharedGets:
    """Fetches each URL once, in the first thread that wants it; all threads share the answer."""

    def __init__(self) -> None:
        """Start without answers."""
        self._lock = threading.Lock()
        self._answers: dict[HttpUrl, concurrent.futures.Future[bytes]] = {}

    def __call__(self, url: HttpUrl, *, timeout_s: float) -> bytes:
        """The body; raises FetchError."""
        with self._lock:
            is_first = url not in self._answers
            answer = self._answers.setdefault(url, concurrent.futures.Future())
        if is_first:
            try:
                answer.set_result(http_get(url, timeout_s=timeout_s))
            except BaseException as error:
                answer.set_exception(error)
                raise
        with contextlib.suppress(TimeoutError):
            return answer.result(timeout=timeout_s)
        raise _late(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What is sent beside a URL and its login, and the statuses that are an answer to it."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    accepted: Container[int] = _OK


_METRICS: Final = HttpRequest(headers={"Accept": "text/plain;version=0.0.4,*/*;q=0.1"})


def http_get(url: HttpUrl, *, timeout_s: float) -> bytes:
    """The body of a `200 OK`; raises as `http_request`."""
    return http_request(url, _METRICS, timeout_s=timeout_s)


def http_request(url: HttpUrl, request: HttpRequest, *, timeout_s: float) -> bytes:
    """The body of an answer with an accepted status, undecoded.

    It ends within `timeout_s`, whatever the server does. Name resolution has no timeout, and a
    server that sends its headers slowly renews each socket timeout, so another thread does the
    request. At the deadline its connection is cut, which ends it; one that still resolves or
    connects ends once that does. Redirects are not followed and proxies are not used;
    `REQUESTS_CA_BUNDLE` is respected.

    Raises:
        FetchError: there is no such answer, or its body is too large.
    """
    with IMPORTING:  # it takes 0.1 s, for this probe only
        from redis_runbook.wire.http_connections import Connections  # noqa: PLC0415

    connections, deadline = Connections(), time.monotonic() + timeout_s

    def exchange() -> bytes:
        try:
            return _exchange(connections, url, request, timeout_s, deadline)
        except FetchError:
            raise
        except Exception as error:  # noqa: BLE001  # a hostile server can provoke any error
            raise _classify(error, timeout_s) from None

    with contextlib.suppress(TimeoutError):
        return in_background(exchange, name="http_get").result(timeout=timeout_s)
    connections.abort()
    raise _late(timeout_s)


def _exchange(
    connections: "Connections",
    url: HttpUrl,
    asked: HttpRequest,
    timeout_s: float,
    deadline: float,
) -> bytes:
    # No Session: it would use proxies and .netrc, and read the whole body of a redirect.
    from requests import Request  # noqa: PLC0415
    from requests.auth import HTTPBasicAuth  # noqa: PLC0415

    credentials = url.credentials and HTTPBasicAuth(*(part.encode() for part in url.credentials))
    # Not compressed: the size would have to be bounded before and after decompression.
    headers = {"User-Agent": "redis-runbook", **asked.headers, "Accept-Encoding": "identity"}
    if url.token:
        headers["Authorization"] = f"Bearer {url.token}"
    request = Request(
        asked.method, url.location, headers=headers, data=asked.body, auth=credentials
    ).prepare()
    with contextlib.closing(connections):
        verify = url.ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or True
        response = connections.adapter.send(request, stream=True, timeout=timeout_s, verify=verify)
        with contextlib.closing(response):
            if response.status_code not in asked.accepted:
                raise _unwanted_status(response.status_code)
            body = bytearray()
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
                body += chunk
                if len(body) > BODY_LIMIT_BYTES:
                    raise FetchError(
                        FetchProblem.TOO_LARGE,
                        f"answered with more than {BODY_LIMIT_BYTES >> 20} MiB",
                    )
                if time.monotonic() >= deadline:
                    raise _late(timeout_s)
    return bytes(body)


def _unwanted_status(status: int) -> FetchError:
    meaning = http.client.responses.get(status, "an unknown status")
    advice = ""
    if 300 <= status < 400:  # noqa: PLR2004  # the redirects
        advice = "; redirects are not followed: set the final URL"
    return FetchError(
        FetchProblem.STATUS, f"answered HTTP {status} ({meaning}){advice}", status=status
    )


def _late(timeout_s: float) -> FetchError:
    return FetchError(FetchProblem.TIMED_OUT, f"gave no complete answer in {timeout_s:.2g} s")


def _classify(error: Exception, timeout_s: float) -> FetchError:
    """Classify an error by the original exception, which the libraries wrap several times."""
    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if caused_by(ssl.SSLError):
        reasons = [cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)]
        reason = printable(reasons[0].verify_message, 120) if reasons else "the handshake failed"
        return FetchError(FetchProblem.TLS, f"cannot be trusted over TLS: {reason}")
    if caused_by(socket.gaierror, UnicodeError):
        return FetchError(FetchProblem.DNS, "has a host name that does not resolve (DNS)")
    if caused_by(ConnectionRefusedError):
        return FetchError(FetchProblem.REFUSED, "refused the connection")
    if caused_by(TimeoutError):
        return _late(timeout_s)
    if caused_by(ConnectionError, http.client.IncompleteRead):
        return FetchError(FetchProblem.CLOSED, "closed the connection before its answer was whole")
    if caused_by(http.client.HTTPException):
        return FetchError(FetchProblem.NOT_HTTP, "answered with something that is not HTTP")
    numbers = (cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno)
    reason = next(map(os.strerror, numbers), type(error).__name__)
    return FetchError(FetchProblem.UNREACHABLE, f"cannot be asked: {reason}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all errors that it wraps; urllib3 has them in `reason`, requests in `args`."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
            pending += cause.args
