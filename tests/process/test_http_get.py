"""A fetch ends at its deadline, and leaves nothing behind that works or waits."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from redis_runbook.wire.http import FetchError, FetchProblem, http_get
from redis_runbook.wire.http_url import parse_http_url
from tests.support import fake_tcp
from tests.support.servers import wait_until

pytestmark = pytest.mark.usefixtures("_little_memory")


def fetching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "http_get"]


@pytest.mark.parametrize(
    ("answer", "scheme"),
    [
        (fake_tcp.endless_trailers, "http"),
        (fake_tcp.endless_continue, "http"),
        (fake_tcp.drip_headers, "http"),
        (fake_tcp.drip_body, "http"),
        (fake_tcp.drip_chunks, "http"),
        (fake_tcp.silence, "http"),
        (fake_tcp.silence, "https"),
        (fake_tcp.drip_handshake, "https"),
    ],
)
def test_at_its_deadline_a_fetch_closes_its_socket_and_its_thread_ends(
    answer: Callable[[socket.socket], None], scheme: str
) -> None:
    gone = threading.Event()

    def until_gone(connection: socket.socket) -> None:
        try:
            answer(connection)
            while connection.recv(1 << 16):
                pass
        finally:
            gone.set()

    with fake_tcp.fake(until_gone) as url:
        started = time.monotonic()
        with pytest.raises(FetchError) as caught:
            http_get(parse_http_url(url.replace("http", scheme, 1)), timeout_s=1)
        assert time.monotonic() - started < 3
        wait_until(lambda: not fetching(), limit_s=2)
        assert gone.wait(2)
    assert caught.value.problem is FetchProblem.TIMED_OUT


def test_a_fetch_that_is_answered_leaves_no_thread_and_no_socket() -> None:
    with fake_tcp.fake(fake_tcp.reply("redis_up 1\n")) as url:
        assert http_get(parse_http_url(url), timeout_s=5) == b"redis_up 1\n"
    wait_until(lambda: not fetching(), limit_s=2)
