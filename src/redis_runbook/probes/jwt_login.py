"""Logs in as the configuration says, by a program or an HTTP request; shows nothing of it."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis_runbook.config.commands import JwtLogin
from redis_runbook.probes.probe import Look
from redis_runbook.probes.programs import BEFORE_DEADLINE_S, observe_program
from redis_runbook.redact import Shown
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.files import read_text
from redis_runbook.wire.http import FetchError, FetchProblem, HttpRequest, http_request

NAME: Final = "the login"
_MAX_FILE_BYTES: Final = 65_536
_LEAST_S: Final = 0.1
_SUCCESS: Final = range(200, 300)
_HEADER: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x21-\x7e][\t\x20-\x7e]*)")
_NOT_ASKED: Final = frozenset({FetchProblem.DNS, FetchProblem.TLS, FetchProblem.UNREACHABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFacts:
    """Whether a login worked; `summary` is a clause about it ("exited with 0 after 0.4 s").

    `last_lines` are of a program that failed. What one writes that works may be a token.
    """

    succeeded: bool
    summary: str
    last_lines: Sequence[Shown] = ()


def log_in(look: Look) -> LoginFacts:
    """Log in once.

    Raises:
        CannotLook: the login could not be tried, which says nothing about it.
    """
    login = look.config.jwt_cache.login
    if login.run:
        ended = observe_program(look, login, NAME)
        last_lines = () if ended.succeeded else ended.last_lines
        return LoginFacts(succeeded=ended.succeeded, summary=ended.summary, last_lines=last_lines)
    url = look.target.login_url
    if url is None:
        raise CannotLook(f"{NAME} has no URL")
    request = HttpRequest(
        method=login.method,
        headers=_headers(login),
        body=_read(login.body_file, "body_file").encode() if login.body_file else None,
        accepted=_SUCCESS if login.expect_status is None else (login.expect_status,),
    )
    limit_s = max(_LEAST_S, min(login.timeout, look.time_left_s - BEFORE_DEADLINE_S))
    began = time.monotonic()
    try:
        http_request(url, request, timeout_s=limit_s)
    except FetchError as error:
        cut_short = error.problem is FetchProblem.TIMED_OUT and limit_s < login.timeout
        if cut_short or error.problem in _NOT_ASKED:
            raise CannotLook(f"{NAME} is not known to work: {url.origin} {error}") from None
        return LoginFacts(succeeded=False, summary=f"failed: {url.origin} {error}")
    summary = f"was answered after {time.monotonic() - began:.1f} s"
    return LoginFacts(succeeded=True, summary=summary)


def _headers(login: JwtLogin) -> dict[str, str]:
    headers: dict[str, str] = {}
    if login.headers_file:
        for number, line in enumerate(_read(login.headers_file, "headers_file").split("\n"), 1):
            if line.strip():
                headers |= [_header(line.rstrip(), number)]
    return headers


def _header(line: str, number: int) -> tuple[str, str]:
    header = _HEADER.fullmatch(line)
    if header is None:
        raise CannotLook(f"jwt_cache.login.headers_file: line {number} is not `Name: value`")
    return header[1], header[2]


def _read(file: str, key: str) -> str:
    try:
        return read_text(Path(file), max_bytes=_MAX_FILE_BYTES)
    except ValueError as error:
        raise CannotLook(f"jwt_cache.login.{key}: the file {error}") from None
