"""FAKE Docker daemons: what they tell of their containers is what a test makes of them."""

import contextlib
import datetime as dt
import json
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.support.fake_http import Answer, reply, reply_json, serving

Log = Sequence[tuple[float, bytes]]
"""When each line was logged, and its text."""


class FakeDocker:
    """FAKE: a daemon with one container, of the id `abc` and the name `redis-1`.

    `log` are the lines that it has kept, `events` what befell the container: by this machine's
    clock, which the daemon's is `ahead_s` of. `inspected` is what it tells of the container, by
    parts; `listed` are the containers of any compose service, `instead` answers in its place.
    """

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.log: Log = ()
        self.events: Sequence[tuple[float, str]] = ()
        self.started_at = time.time() - 100
        self.inspected: dict[str, Any] = {}
        self.listed: list[dict[str, Any]] = []
        self.instead: Answer | None = None

    def answer(self, request: BaseHTTPRequestHandler, path: str, asked: dict[str, str]) -> None:
        """Answer a request."""
        if self.instead:
            self.instead(request, path, asked)
        elif path == "/info":
            reply_json(request, {"SystemTime": self._told(time.time())})
        elif path == "/events":
            reply(request, "\n".join(self._events(float(asked["since"]), float(asked["until"]))))
        elif path == "/containers/json":
            reply_json(request, self.listed)
        elif path.endswith("/logs"):
            reply(request, b"".join(self._lines(float(asked["since"]), asked["tail"])))
        else:
            reply_json(request, self._container())

    def _container(self) -> dict[str, Any]:
        told = {
            "Id": "abc",
            "Name": "/redis-1",
            "State": {"Status": "running", "StartedAt": self._told(self.started_at)},
            "HostConfig": {"LogConfig": {"Type": "json-file"}},
            "Config": {},
        }
        return {**told, **self.inspected}

    def _events(self, since: float, until: float) -> Iterator[str]:
        for at, action in self.events:
            if since <= at + self.ahead_s <= until:
                nano = int((at + self.ahead_s) * 1_000_000_000)
                yield json.dumps({"Action": action, "timeNano": nano})

    def _lines(self, since: float, tail: str) -> Iterator[bytes]:
        kept = [(at, text) for at, text in self.log if at + self.ahead_s >= since]
        for at, text in kept if tail == "all" else kept[-int(tail) :]:
            line = f"{self._told(at)} ".encode() + text + b"\n"
            tty = self.inspected.get("Config", {}).get("Tty")
            yield line if tty else frame(line)

    def _told(self, at: float) -> str:
        return dt.datetime.fromtimestamp(at + self.ahead_s, dt.UTC).isoformat()


def frame(text: bytes, kind: int = 1) -> bytes:
    """A part of what a container printed, as Docker multiplexes it."""
    return bytes([kind, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


@contextlib.contextmanager
def fake_docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDocker]:
    """FAKE: the daemon at DOCKER_HOST."""
    daemon = FakeDocker()
    with serving(daemon.answer) as url:
        monkeypatch.setenv("DOCKER_HOST", url.replace("http://", "tcp://"))
        yield daemon
