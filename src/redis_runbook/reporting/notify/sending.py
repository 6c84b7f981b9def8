"""Sends notifications in a process of its own, which is killed if it takes too long."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis_runbook.config.notify import Event
from redis_runbook.reporting.notify.message import Message
from redis_runbook.wire.process import programs_environment

LIMIT_S: Final = 10.0
"""For all notifications of a run together."""

_KILLED_LIMIT_S: Final = 1.0
_MODULE: Final = "redis_runbook.reporting.notify.apprise_process"
_NETWORK: Final = tuple(
    name
    for plain in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (plain, plain.lower())
)
_NEEDED: Final = (*_NETWORK, "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH")
_REASONS: Final[Mapping[str, str]] = {
    "unusable": "apprise takes no such URL",
    "failed": "apprise could not deliver it",
    "missing": "apprise is not installed or cannot be loaded",
}
"""What the process says of a notification that was not sent; more could hold a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message, with the URL that it goes to."""

    url: str = field(repr=False)
    event: Event
    message: Message


def send(outgoing: Sequence[Outgoing], *, limit_s: float = LIMIT_S) -> list[str]:
    """Send all side by side; returns for each why it was not sent, or an empty text.

    It takes `limit_s` and a second at most. URLs are written to the process, as its arguments and
    its environment can be read by others.
    """
    asked = [
        {
            "url": one.url,
            "type": {"broken": "failure", "unknown": "warning", "recovered": "success"}[one.event],
            "title": one.message.title,
            "body": one.message.body,
        }
        for one in outgoing
    ]
    try:
        process = subprocess.Popen(  # noqa: S603  # our own module
            # Not from the current folder, in which anybody's apprise.py may be.
            [sys.executable, "-P", "-m", _MODULE, str(limit_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**programs_environment(_NEEDED), "NETRC": os.devnull},
            start_new_session=True,
        )
    except OSError as error:
        return [f"Python could not be started again: {error.strerror}"] * len(asked)
    said, is_late = _said(process, json.dumps(asked).encode(), limit_s)
    results = _results(said)
    unsaid = f"nobody took it within {limit_s:g} s" if is_late else "apprise ended without a word"
    return [
        "" if results.get(place) == "sent" else _REASONS.get(results.get(place, ""), unsaid)
        for place in range(len(asked))
    ]


def _said(process: "subprocess.Popen[bytes]", asked: bytes, limit_s: float) -> tuple[bytes, bool]:
    """What the process has written until its end, and whether that had to be made."""
    is_late = False
    try:
        said, _ = process.communicate(asked, timeout=limit_s)
    except subprocess.TimeoutExpired:
        is_late = True
        said = b""
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    if is_late:
        try:
            said, _ = process.communicate(timeout=_KILLED_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            said = error.output or b""
    return said, is_late


def _results(said: bytes) -> dict[int, str]:
    """How each notification went, by its place: a line `0 sent` for each that has ended."""
    results = {}
    for line in said.decode(errors="replace").splitlines():
        place, _, result = line.partition(" ")
        if place.isdecimal() and result in {"sent", *_REASONS}:
            results[int(place)] = result
    return results
