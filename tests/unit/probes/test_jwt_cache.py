"""The JWT cache probe, on replies that no real server would give."""

import contextlib
import dataclasses
import itertools
import json
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from redis_runbook.probes.jwt_cache import JwtCacheFacts, observe_jwt_cache
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, create_connection
from redis_runbook.wire.endpoint import parse_endpoint

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"


def observe_with(client: Client, **options: Any) -> JwtCacheFacts:
    defaults: dict[str, Any] = {"pattern": "jwt:*", "enough": 100, "budget_s": 30}
    facts = observe_jwt_cache(client, **{**defaults, **options})
    assert "eyJ" not in repr(facts) + json.dumps(dataclasses.asdict(facts))
    return facts


class FakeClient:
    """FAKE: answers SCAN with these replies, over and over, and PTTL from a table."""

    def __init__(self, *scans: Any, ttl_ms: dict[bytes, int] | None = None) -> None:
        self._scans = itertools.cycle(scans)
        self._ttl_ms = ttl_ms or {}

    def ask_all(self, *commands: tuple[Any, ...]) -> list[Any]:
        answers: dict[str, Callable[[tuple[Any, ...]], Any]] = {
            "DBSIZE": lambda _: 3,
            "SCAN": lambda _: next(self._scans),
            "PTTL": lambda command: self._ttl_ms.get(command[1], 1000),
        }
        return [answers[command[0]](command) for command in commands]


def fake(*scans: Any, **options: Any) -> Client:
    return cast("Client", FakeClient(*scans, **options))


def test_a_key_that_scan_gives_twice_counts_once() -> None:
    facts = observe_with(fake([b"7", [b"a", b"b", b"a"]], [b"0", [b"b", b"c"]]))
    assert (facts.live_entries, facts.ttl_sampled, facts.complete) == (3, 3, True)


def test_a_key_that_expires_meanwhile_is_not_live() -> None:
    client = fake([b"7", [b"a", b"b"]], [b"0", [b"c"]], ttl_ms={b"a": -2, b"b": -1, b"c": 500})
    facts = observe_with(client, enough=2)
    assert (facts.live_entries, facts.ttl_sampled, facts.without_ttl) == (2, 2, 1)
    assert (facts.ttl_min_s, facts.ttl_max_s) == (0.5, 0.5)


def test_a_cursor_that_never_ends_is_left_to_itself() -> None:
    facts = observe_with(fake([b"7", []]), max_calls=50)
    assert (facts.stopped, facts.calls, facts.live_entries) == ("budget", 50, 0)


def test_no_more_than_a_hundred_ttls_are_asked_for() -> None:
    keys = [b"%d" % number for number in range(250)]
    facts = observe_with(fake([b"1", keys[:80]], [b"0", keys[80:]]), enough=1000)
    assert (facts.live_entries, facts.ttl_sampled) == (250, 100)


@contextlib.contextmanager
def fake_server(answer: bytes) -> Iterator[Client]:
    """FAKE: a server that answers each command, whatever it is, with these bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                while connection.recv(65536):
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
    try:
        # Not `connected`, which names the connection: a garbled reply to that would end it.
        connection = create_connection(parse_endpoint(url), timeout_s=2)
        yield Client(connection, "cache")
        connection.disconnect()
    finally:
        listener.close()


GARBAGE = {
    "a number": b":7\r\n",
    "nil": b"$-1\r\n",
    "a status": b"+OK\r\n",
    "an error": b"-ERR unknown command 'SCAN', with args beginning with: '"
    + JWT.encode()
    + b"'\r\n",
    "an empty list": b"*0\r\n",
    "a list of one": b"*1\r\n$1\r\n0\r\n",
    "a cursor that is no number": b"*2\r\n$20\r\n" + JWT[:20].encode() + b"\r\n*0\r\n",
    "an endless cursor": b"*2\r\n$5000\r\n" + b"9" * 5000 + b"\r\n*0\r\n",
    "keys that are no list": b"*2\r\n$1\r\n0\r\n$1\r\na\r\n",
    "keys that are numbers": b"*2\r\n$1\r\n0\r\n*1\r\n:7\r\n",
    "keys that are errors": b"*2\r\n$1\r\n0\r\n*1\r\n-ERR " + JWT.encode() + b"\r\n",
    "no protocol": b"HTTP/1.1 400 " + JWT.encode() + b"\r\n",
    "no length": b"$" + JWT.encode() + b"\r\n",
    "a nest without end": b"*1\r\n" * 5000,
}


@pytest.mark.parametrize("case", GARBAGE)
def test_a_reply_of_another_shape_is_not_believed_nor_quoted(case: str) -> None:
    with fake_server(GARBAGE[case]) as client, pytest.raises(CannotLook) as caught:
        observe_with(client)
    assert re.search("makes no sense$|unknown shape$|is disabled on cache$", str(caught.value))
    assert "eyJ" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("ttl_ms", [-3, b"1000", None])
def test_a_ttl_of_another_shape_is_not_believed(ttl_ms: Any) -> None:
    with pytest.raises(CannotLook, match="the reply to PTTL has an unknown shape"):
        observe_with(fake([b"0", [b"a"]], ttl_ms={b"a": ttl_ms}))
