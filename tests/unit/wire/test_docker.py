"""What is asked of a Docker daemon, and believed of what it answers: of FAKE ones."""

import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.docker.answers import Info, Inspected
from redis_runbook.wire.docker.client import Docker
from redis_runbook.wire.docker.engine import Engine
from redis_runbook.wire.lines import LONGEST, Line
from tests.support.fake_docker import FakeDocker, frame
from tests.support.fake_http import drip, reply, serving


@pytest.mark.parametrize(
    ("host", "machine"),
    [
        ("", ""),
        ("unix:///nowhere/docker.sock", ""),
        ("unix://nowhere/docker.sock", ""),
        ("tcp://127.0.0.1:1", ""),
        ("tcp://[::1]:1", ""),
        ("tcp://localhost:1", ""),
        ("10.0.0.7:1", "10.0.0.7"),
        ("https://far.example:2376", "far.example"),
    ],
)
def test_the_machine_of_a_daemon_is_this_one_or_has_a_name(
    monkeypatch: pytest.MonkeyPatch, host: str, machine: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert Docker(limit_s=5).machine == machine


def connected() -> tuple[Engine, Inspected]:
    """The daemon, and its container."""
    engine = Engine(limit_s=5)
    (container,) = engine.by_name("redis-1")
    return engine, container


def newest_of(daemon: FakeDocker, texts: list[bytes]) -> tuple[list[Line], bool]:
    """What the 5000 newest lines are, and whether there are more."""
    daemon.log = [(daemon.started_at + 1, text) for text in texts]
    engine, container = connected()
    return engine.log(container, since=daemon.started_at, newest=5_000)


@pytest.mark.parametrize(
    ("count", "length", "lines", "more"),
    [
        (4_999, 10, 4_999, False),
        (5_000, 10, 5_000, False),
        (5_001, 10, 5_000, True),
        (400, 9_000, 50, True),
        (600, 9_000, 50, True),
        (600, 4_000, 500, True),
    ],
)
def test_of_a_log_of_long_lines_fewer_are_the_newest(
    daemon: FakeDocker, count: int, length: int, lines: int, *, more: bool
) -> None:
    texts = [b"%d %s" % (number, b"x" * length) for number in range(count)]
    found, is_more = newest_of(daemon, texts)
    assert (len(found), is_more) == (lines, more)
    assert [line.text.split()[0] for line in found] == [b"%d" % at for at in range(count)][-lines:]


def test_lines_that_are_much_longer_than_any_are_not_looked_at(daemon: FakeDocker) -> None:
    with pytest.raises(CannotLook, match="its newest 50 lines are longer than 2 MiB"):
        newest_of(daemon, [b"x" * 50_000] * 60)


def test_of_all_lines_since_a_time_the_first_2_mib_are_looked_at(daemon: FakeDocker) -> None:
    since = daemon.started_at - 0.5
    daemon.log = [(since + at, b"%d %s" % (at, b"x" * 9_000)) for at in range(-5, 400)]
    engine, container = connected()
    lines, more = engine.log(container, since=since + 0.5)
    assert (lines[0].text.split()[0], more) == (b"1", True)
    assert 200 < len(lines) < 250
    daemon.log = daemon.log[-99:]
    lines, more = engine.log(container, since=since + 0.5)
    assert (len(lines), more) == (99, False)


@pytest.mark.parametrize("rest", [[b"and its rest\n"], [b"y" * LONGEST, b"and its rest\n"]])
def test_the_parts_of_a_line_that_docker_split_are_one(
    daemon: FakeDocker, rest: list[bytes]
) -> None:
    stamp = b"2026-11-25T03:00:00.5Z "
    texts = [b"x" * LONGEST, *rest, b"one\n", b"unfinished", b"two\n"]
    frames = [frame(stamp + text) for text in texts]
    other = frame(stamp + b"of standard error\n", kind=2)
    body = b"".join([frames[0], other, *frames[1:]])
    engine, container = connected()
    daemon.instead = lambda request, _path, _asked: reply(request, body)
    lines, more = engine.log(container, since=daemon.started_at, newest=100)
    first, *others = [line.text for line in lines]
    assert first == b"x" * LONGEST + b"".join(rest).rstrip()
    assert (others, more) == ([b"of standard error", b"one", b"unfinished", b"two"], False)
    newest, more = engine.log(container, since=daemon.started_at, newest=len(frames))
    assert ([line.text for line in newest], more) == (others, True)


def test_a_log_that_ends_within_a_frame_is_not_all_of_it(daemon: FakeDocker) -> None:
    stamp = b"2026-11-25T03:00:00.5Z "
    torn = b"\x01\x00\x00\x00\xff\xff\xff\xff" + stamp + b"FATAL"
    body = frame(stamp + b"one\n") + torn
    engine, container = connected()
    daemon.instead = lambda request, _path, _asked: reply(request, body)
    for newest in (None, 100):
        lines, more = engine.log(container, since=daemon.started_at, newest=newest)
        assert ([line.text for line in lines], more) == ([b"one", b"FATAL"], True)


def test_the_log_of_a_terminal_is_plain_lines(daemon: FakeDocker) -> None:
    daemon.inspected = {"Config": {"Tty": True}}
    lines, more = newest_of(daemon, [b"one", b"two"])
    assert ([line.text for line in lines], more) == ([b"one", b"two"], False)


@pytest.mark.parametrize("ahead_s", [-7_200.0, 7_200.0])
def test_a_daemons_clock_may_be_wrong(daemon: FakeDocker, ahead_s: float) -> None:
    daemon.ahead_s = ahead_s
    now = time.time()
    daemon.log = [(now - 30, b"before"), (now - 10, b"since")]
    daemon.events = [(now - 610, "die"), (now - 20, "oom")]
    engine, container = connected()
    assert engine.our_time(container.state.started_at) == pytest.approx(daemon.started_at, abs=1)
    (line,), _ = engine.log(container, since=now - 20)
    assert line.text == b"since"
    assert line.at == pytest.approx(now - 10, abs=1)
    ((action, at),) = engine.events(container)
    assert action == "oom"
    assert at == pytest.approx(now - 20, abs=1)
    assert engine.keeps_log_since(container, now - 29)


def test_of_too_many_events_those_that_were_read_count(daemon: FakeDocker) -> None:
    daemon.events = [(time.time() - 5, "die")] * 12_000
    engine, container = connected()
    assert 8_000 < len(list(engine.events(container))) < 12_000


def test_of_a_compose_service_20_containers_are_looked_at(daemon: FakeDocker) -> None:
    once = {"Id": "abc", "Labels": {"com.docker.compose.oneoff": "True"}}
    daemon.listed = [*[{"Id": "abc"}] * 20, once]
    engine, _ = connected()
    assert len(engine.by_compose("docugen", "worker")) == 20
    daemon.listed.append({"Id": "abc"})
    with pytest.raises(CannotLook, match="21 containers are more than the 20 that are looked at"):
        engine.by_compose("docugen", "worker")


def test_a_redirect_is_not_followed(daemon: FakeDocker) -> None:
    followed: list[str] = []

    def elsewhere(_: BaseHTTPRequestHandler, path: str, __: dict[str, str]) -> None:
        followed.append(path)

    with serving(elsewhere) as url:
        daemon.instead = lambda request, path, _: reply(request, "", 302, Location=url + path)
        with pytest.raises(CannotLook, match="answers 302"):
            Engine(limit_s=5)
    assert followed == []


@pytest.mark.parametrize("more", ['"' + "x" * (1 << 20) + '"', "[" + "1," * 130_000 + "1]"])
def test_an_answer_has_a_limit(daemon: FakeDocker, more: str) -> None:
    text = '{"SystemTime": "2026-01-01T00:00:00Z", "More": ' + more + "}"
    daemon.instead = lambda request, *_: reply(request, text)
    with pytest.raises(CannotLook, match="answers with too much"):
        Engine(limit_s=5)


def test_a_slow_answer_is_given_up_and_its_connection_closed(daemon: FakeDocker) -> None:
    gone = threading.Event()

    def slowly(request: BaseHTTPRequestHandler, *_: object) -> None:
        try:
            drip(request)
        except OSError:
            gone.set()

    daemon.instead = slowly
    began = time.monotonic()
    with pytest.raises(CannotLook, match=r"did not answer within 0\.3 s"):
        Docker(limit_s=0.3).get("/info", Info)
    assert time.monotonic() - began < 2
    assert gone.wait(2)


@pytest.mark.usefixtures("daemon")
def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    connected()
