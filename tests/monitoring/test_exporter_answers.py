"""What the exporter probe makes of FAKE servers: unusable, endless, slow and hostile answers."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from redis_runbook.probes.exporter.scrape import ExporterFacts
from redis_runbook.wire import http as http_get_module
from redis_runbook.wire.http import (
    FetchProblem,
    SharedGets,
)
from redis_runbook.wire.http_url import HttpUrl
from redis_runbook.wire.ports import free_port
from tests.support.exporter_facts import JWT, PASSWORD, TIMEOUT_S, metrics, observe
from tests.support.fake_tcp import (
    drip_body,
    drip_chunks,
    drip_headers,
    endless,
    endless_redirect,
    fake,
    many_lines,
    reply,
    silence,
)
from tests.support.servers import wait_until

pytestmark = pytest.mark.usefixtures("_little_memory")

SLACK_S = 2  # on an idle machine 0.02; the faults below last longer than both together


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
        ({"redis_memory_max_bytes": "1"}, "maxmemory: 1 byte by the exporter, 0 bytes by INFO"),
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
        "it watches another instance: run id unreadable, port unknown; "
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
