"""Asks a Docker daemon, or what speaks its API (Podman): GET only, bounded in bytes and in time."""

import contextlib
import math
import os
import time
from collections.abc import Iterator
from typing import Final, TypeVar
from urllib.parse import urlsplit

import docker
import requests
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env, parse_host
from pydantic import BaseModel, ValidationError

from redis_runbook.redact import NO_TEXT, Shown, harmless, printable, without_credentials
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import in_background
from redis_runbook.wire.json import has_too_many_elements

TROUBLE: Final = (DockerException, requests.RequestException)
"""What the docker SDK raises."""
DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_VERSION: Final = "1.41"
"""Given so that nothing is asked for it. The paths have no version, which means the daemon's."""
_MAX_JSON_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 64 << 10
_OK: Final = 200
_NOT_FOUND: Final = 404
_M = TypeVar("_M", bound=BaseModel)


def explain(error: Exception) -> str:
    """What the daemon or the SDK said, in one line."""
    text = error.explanation if isinstance(error, APIError) else str(error)
    return harmless(text or "") or type(error).__name__


def is_forbidden(error: Exception) -> bool:
    """Whether this user may not open the daemon's socket."""
    return "Permission denied" in str(error)


def _shown(host: str) -> Shown:
    try:
        return without_credentials(host)
    except ValueError:
        return harmless("DOCKER_HOST")


def _machine(host: str) -> Shown:
    """The name of the machine at which the daemon is reached; empty if it is this one."""
    parts = urlsplit(parse_host(host))
    name = parts.hostname if parts.scheme in {"http", "https", "ssh"} else None
    return printable(name) if name and name not in _LOOPBACK else NO_TEXT


class NotFoundError(Exception):
    """The daemon knows nothing at that path."""


class Docker:
    """One daemon: `DOCKER_HOST`, else the local socket; all requests together have one limit."""

    def __init__(self, *, limit_s: float) -> None:
        """Prepare a connection; DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are respected.

        Raises:
            CannotLook: DOCKER_HOST or the TLS settings cannot be used.
        """
        host = os.environ.get("DOCKER_HOST", "").strip() or DEFAULT_HOST
        self.shown: Final[Shown] = _shown(host)
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s

        def connect() -> docker.APIClient:
            return docker.APIClient(
                version=_VERSION, timeout=math.ceil(limit_s), **kwargs_from_env()
            )

        try:
            # In the background, as ssh:// connects here, and knows no limit.
            self._api = in_background(connect).result(limit_s)
        except TimeoutError:
            raise self._late() from None
        except Exception:  # noqa: BLE001  # the SDK raises what it happens to raise
            # Its text has the value, of which nobody knows where a password is.
            raise CannotLook(
                "DOCKER_HOST cannot be used, or not with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"
            ) from None
        self.machine: Final[Shown] = _machine(host)
        self._api.trust_env = False  # no proxy, no .netrc

    def get(self, path: str, answer: type[_M], **parameters: str) -> _M:
        """Get a JSON answer.

        Raises:
            CannotLook: there is none, or it has another form.
            NotFoundError: the daemon knows nothing at that path.
        """
        body, cut = self.read(path, max_bytes=_MAX_JSON_BYTES, **parameters)
        if cut or has_too_many_elements(body):
            raise CannotLook(f"the Docker daemon at {self.shown} answers with too much")
        return self.parsed(body, answer)

    def parsed(self, body: bytes, answer: type[_M]) -> _M:
        """Parse JSON; raises CannotLook if it has another form."""
        try:
            return answer.model_validate_json(body)
        except ValidationError:
            raise CannotLook(f"what answers at {self.shown} is no Docker daemon") from None

    def read(self, path: str, *, max_bytes: int, **parameters: str) -> tuple[bytes, bool]:
        """Get an answer up to `max_bytes`, and whether it was longer; raises as `get`."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise self._late()
        try:
            # In the background, as a timeout of a socket begins anew with each byte.
            return in_background(
                lambda: self._read(path, parameters, max_bytes, left_s), name="docker"
            ).result(left_s)
        except (TimeoutError, requests.Timeout):
            raise self._late() from None
        except (CannotLook, NotFoundError):
            raise
        except Exception as error:  # noqa: BLE001  # a hostile daemon can provoke any error
            if is_forbidden(error):
                reason = f"this user may not talk to the Docker daemon at {self.shown}"
            else:
                reason = f"no Docker daemon answers at {self.shown}"
            raise CannotLook(reason) from None

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _read(
        self, path: str, parameters: dict[str, str], max_bytes: int, left_s: float
    ) -> tuple[bytes, bool]:
        response = self._api.get(
            f"{self._api.base_url}{path}",
            params=parameters,
            stream=True,
            timeout=left_s,
            allow_redirects=False,
        )
        with contextlib.closing(response):
            if response.status_code == _NOT_FOUND:
                raise NotFoundError
            if response.status_code != _OK:
                raise CannotLook(self._refusal(response))
            body = bytearray()
            for chunk in self._chunks(response):
                body += chunk
                if len(body) > max_bytes:
                    return bytes(body[:max_bytes]), True
            return bytes(body), False

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            yield chunk
            if time.monotonic() >= self._deadline:
                raise self._late()

    def _refusal(self, response: requests.Response) -> str:
        said = next(self._chunks(response), b"").decode(errors="replace")
        return f"the Docker daemon at {self.shown} answers {response.status_code}: {harmless(said)}"

    def _late(self) -> CannotLook:
        return CannotLook(
            f"the Docker daemon at {self.shown} did not answer within {self._limit_s:g} s"
        )
