"""A server that takes what apprise posts to `json://` URLs, and keeps it."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.fake_http import Answer, reply, serving

TOKEN = "tok3n-of-the-hook-4711"


class Receiver:
    """What was posted, and where to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.url = ""
        self.answer: Answer = lambda request, *_: reply(request, "ok")

    @property
    def titles(self) -> list[str]:
        return [str(one["title"]) for one in self.got]

    def take(self, request: BaseHTTPRequestHandler, path: str, parameters: dict[str, str]) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.paths.append(path)
        self.answer(request, path, parameters)


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """On 127.0.0.1; its URL has a token."""
    found = Receiver()
    with serving(found.take) as url:
        found.url = f"{url.replace('http', 'json', 1)}/hooks/{TOKEN}"
        yield found


def hanging() -> tuple[Answer, threading.Event]:
    """An answer that never comes, until the event is set."""
    ended = threading.Event()

    def hang(_: object, __: str, ___: dict[str, str]) -> None:
        ended.wait(60)

    return hang, ended
