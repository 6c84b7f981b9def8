"""Servers that send more than anybody asked for: an end in time, with little memory."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.redis.test_hostile import bulk, read_reply, replies
from tests.support import product
from tests.support.servers import Server, running

MOST_S = 40  # a run has a deadline of 30 s

Answer = Callable[[socket.socket], None]


def _flood(connection: socket.socket, begin: bytes, rest: bytes, megabytes: int = 300) -> None:
    connection.sendall(begin)
    chunk = rest * max(1, (1 << 20) // len(rest))
    for _ in range(megabytes):
        connection.sendall(chunk)


def endless_line(connection: socket.socket) -> None:
    """FAKE: a line without an end."""
    _flood(connection, b"+", b"x")


def endless_elements(connection: socket.socket) -> None:
    """FAKE: an array of as many elements as anybody reads."""
    _flood(connection, b"*1000000000\r\n", b":1\r\n")


def endless_strings(connection: socket.socket) -> None:
    """FAKE: the same, of strings in arrays of their own, which take more memory."""
    _flood(connection, b"*1000000000\r\n", b"*1\r\n$8\r\nabcdefgh\r\n", 40)


def endless_errors(connection: socket.socket) -> None:
    """FAKE: an array of errors, each of which becomes an object of some 2 kB."""
    _flood(connection, b"*1000000000\r\n", b"-\r\n", 1)


def large_texts(connection: socket.socket) -> None:
    """FAKE: texts that are not too long, one by one."""
    _flood(connection, b"*1000\r\n", b"$1048576\r\n%b\r\n" % (b"x" * 1_048_576))


def endless_text(connection: socket.socket) -> None:
    """FAKE: a text of a length that nobody needs."""
    _flood(connection, b"$1000000000\r\n", b"x")


def dripping(connection: socket.socket) -> None:
    """FAKE: a byte of a line every 0.1 s, so that no single read takes long."""
    connection.sendall(b"+")
    for _ in range(600):
        connection.sendall(b"x")
        time.sleep(0.1)


@contextlib.contextmanager
def answering(server: Server, name: bytes, answer: Answer) -> Iterator[str]:
    """FAKE: a real server's replies, but for one command, to which `answer` sends what it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def converse(connection: socket.socket) -> None:
        with (
            connection,
            contextlib.suppress(OSError),
            connection.makefile("rb") as asked,
            socket.create_connection(("127.0.0.1", server.port)) as behind,
            behind.makefile("rb") as real,
        ):
            while words := read_reply(asked):
                if words.split(b"\r\n")[2].upper() == name:
                    answer(connection)
                    return
                behind.sendall(words)
                connection.sendall(read_reply(real))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=converse, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        endless_line,
        endless_elements,
        endless_strings,
        endless_errors,
        large_texts,
        endless_text,
        dripping,
    ],
)
@pytest.mark.parametrize("name", [b"CLIENT", b"INFO", b"SLOWLOG"])
def test_a_run_ends_in_time_with_little_memory(
    name: bytes, answer: Answer, healthy: Server, folder: Path
) -> None:
    with answering(healthy, name, answer) as url:
        done, took_s = product.measured(
            folder,
            *("smoke", "--select", "connectivity.role", "latency.slowlog", "queue.depth"),
            env=product.urls(url, healthy.url),
        )
    assert "unknown" in done.verdicts.values()
    assert "itself failed" not in done.everything
    assert took_s < MOST_S


@pytest.mark.parametrize("answer", [endless_line, endless_elements, dripping])
def test_a_look_at_a_queue_ends_in_time_with_little_memory(
    answer: Answer, healthy: Server, folder: Path
) -> None:
    with answering(healthy, b"CLIENT", answer) as url:
        done, took_s = product.measured(folder, "queue", "show", "render", env=product.urls(url))
    assert done.code == 3
    assert took_s < MOST_S


@pytest.mark.parametrize(
    "given",
    [
        {b"INFO": bulk(b"a:1\r\n" * 1_500_000)},
        {b"INFO": bulk(b"".join(b"%d:1\r\n" % number for number in range(100_000)))},
        {b"CLIENT LIST": bulk(b"id=1 name=bull:cmVuZGVy db=0\n" * 280_000)},
        {b"SLOWLOG": b"*100000\r\n" + b"*4\r\n:1\r\n:1\r\n:1\r\n*1\r\n$1\r\na\r\n" * 100_000},
    ],
    ids=["info", "info-fields", "client-list", "slowlog"],
)
def test_a_reply_as_large_as_is_read_takes_little_memory(
    given: Mapping[bytes, bytes], healthy: Server, folder: Path
) -> None:
    with replies(healthy, given) as url:
        done, took_s = product.measured(
            folder,
            *("smoke", "--select", "connectivity.role", "latency.slowlog", "queue"),
            env=product.urls(url, healthy.url),
        )
    assert "itself failed" not in done.everything
    assert took_s < MOST_S


_WORKER = b"id=%d addr=127.0.0.1:%d name=bull:cmVuZGVy age=900 idle=90 flags=N db=0 cmd=bzpopmin"


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        ([_WORKER % (number, number) for number in range(10_000)], True),
        ([b"id=1 name=bull:cmVuZGVy db=0"] * 75_000, False),
    ],
    ids=["most", "more"],
)
def test_workers_are_told_apart_in_time_or_are_too_many(
    lines: list[bytes], *, known: bool, folder: Path
) -> None:
    """As many jobs are active as there are workers, so that each may have one."""
    with running() as server:
        raw = server.client()
        raw.hset("bull:render:meta", "version", "bullmq:5.81.5")
        raw.rpush("bull:render:active", *range(10_000))
        with replies(server, {b"CLIENT LIST": bulk(b"\n".join(lines))}) as url:
            done, took_s = product.measured(
                folder,
                *("smoke", "--select", "queue.paused", "queue.workers", "--deadline", "30"),
                env=product.urls(url, server.url),
            )
    assert done.verdicts["queue.paused[render]"] == "pass", done.message("queue.paused[render]")
    finding = done.finding("queue.workers[render]")
    assert ("of 10000 connected workers" in finding["message"]) is known, finding["message"]
    too_many = "more than 10000 connections have a name or fetch jobs"
    assert (too_many in finding["message"]) is not known, finding["message"]
    assert took_s < MOST_S


def test_a_client_whose_name_is_long_takes_little_memory(folder: Path) -> None:
    with running() as server, server.client() as client:
        client.hset("bull:render:meta", "version", "bullmq:5.81.5")
        client.client_setname("bull:cmVuZGVy" + ":w:" * 25_000)
        done, took_s = product.measured(
            folder, "smoke", "--select", "queue", env=product.urls(server.url)
        )
    assert "connected worker of render" in done.message("queue.workers[render]")
    assert took_s < MOST_S
