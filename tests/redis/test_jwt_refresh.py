"""`jwt_cache.refreshes`: real logins fill a real cache, or do not, or others do."""

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from redis_runbook.config.commands import JwtLogin
from redis_runbook.config.model import JwtCache, ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.probes import jwt_refresh
from redis_runbook.probes.jwt_refresh import (
    JwtRefreshFacts,
    look_at_jwt_refresh,
    observe_expiries,
)
from redis_runbook.probes.probe import Look
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.http_url import parse_http_url
from redis_runbook.wire.ports import free_port
from tests.support import fake_http, fake_tcp, product
from tests.support.requirements import installed
from tests.support.servers import Server, running

pytestmark = pytest.mark.usefixtures("_little_memory")

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
NAME = "jwt_cache.refreshes[cache]"
ONLY = ("smoke", "--select", "jwt_cache.refreshes")


@pytest.fixture
def cache() -> Iterator[Server]:
    with running() as server:
        for number in range(10):
            server.client().set(f"jwt:{JWT}{number}", "x", ex=1000)
        yield server


def cli(server: Server, *command: str) -> list[str]:
    return [installed("redis-cli"), "-p", str(server.port), *command]


def login_by(*run: str, more: str = "") -> str:
    return f"[jwt_cache.login]\nrun = {json.dumps(run)}\n{more}\n"


def observe(
    server: Server, quiet_s: float = 0.2, left_s: float = 60, url: str = "", **login: Any
) -> JwtRefreshFacts:
    """What the probe sees of it. FAKE: there is no run around it."""
    settings = ServiceSettings.model_validate({"role": "cache"})
    endpoint, until = parse_endpoint(server.url), time.monotonic() + left_s

    class Looking(SimpleNamespace):
        @property
        def time_left_s(self) -> float:
            return until - time.monotonic()

    look = Looking(
        config=SimpleNamespace(jwt_cache=JwtCache(login=JwtLogin(url=url or None, **login))),
        target=SimpleNamespace(login_url=parse_http_url(url) if url else None),
        service=Service(name="cache", settings=settings, endpoint=endpoint),
        endpoint=endpoint,
        stop=threading.Event(),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwt_refresh, "_QUIET_S", quiet_s)
        facts = look_at_jwt_refresh(cast("Look", look))
    assert "eyJ" not in repr(facts) + json.dumps(dataclasses.asdict(facts))
    return facts


@contextlib.contextmanager
def others(server: Server, every_s: float) -> Iterator[None]:
    """Other users, whose entries come all the time."""
    ended = threading.Event()

    def work() -> None:
        client, number = server.client(), 0
        while not ended.wait(every_s):
            client.set(f"jwt:other{number}", "x", ex=1000)
            number += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


# A run


def test_a_login_that_makes_an_entry_passes_and_shows_no_token(cache: Server, folder: Path) -> None:
    """Nor what the login printed, which may be one that nobody knows."""
    script = f"redis-cli -p {cache.port} setex jwt:{JWT} 60 x; echo planted-opaque-token"
    env = product.urls(cache.url)
    done = product.run(folder, *ONLY, env=env, config=login_by("sh", "-c", script))
    assert done.verdicts == {NAME: "pass"}
    assert "1 entry of jwt:* on cache was new or renewed" in done.message(NAME)
    assert "none in the 2.0 s watched without a login" in done.message(NAME)
    assert "eyJ" not in done.everything
    assert "planted" not in done.everything


def test_a_login_that_fails_says_why_and_one_that_is_missing_is_unknown(
    cache: Server, folder: Path
) -> None:
    env = product.urls(cache.url)
    refused = login_by("sh", "-c", f"echo token={JWT}; echo not allowed >&2; exit 4")
    done = product.run(folder / "refused", *ONLY, env=env, config=refused)
    assert (done.code, done.verdicts) == (1, {NAME: "fail"})
    assert done.message(NAME).startswith("the login exited with 4 after 0.")
    assert done.finding(NAME)["evidence"]["last lines"] == ["token=[redacted]", "not allowed"]
    assert "eyJ" not in done.everything
    missing = product.run(folder / "missing", *ONLY, env=env, config=login_by("nosuchprogram"))
    assert (missing.code, missing.verdicts) == (3, {NAME: "unknown"})
    assert "the login cannot be started: nosuchprogram" in missing.message(NAME)


def test_a_login_by_http_shows_neither_body_nor_headers(cache: Server, folder: Path) -> None:
    asked: list[tuple[str, str, bytes]] = []

    def answer(request: BaseHTTPRequestHandler, _path: str, _asked: object) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        asked.append((request.command, request.headers["Authorization"], body))
        cache.client().set(f"jwt:{JWT}", "x", ex=60)
        fake_http.reply(request, f'{{"access_token":"{JWT}","other":"planted-answer"}}', 201)

    folder.mkdir()
    (folder / "body.json").write_text('{"password":"planted-body"}')
    (folder / "headers").write_text("Authorization: Bearer planted-header\n\nX-Other: a b\n")
    with fake_http.serving(answer) as url:
        config = (
            "[jwt_cache.login]\nurl_env = 'LOGIN_URL'\n"
            "body_file = './body.json'\nheaders_file = './headers'\n"
        )
        env = {**product.urls(cache.url), "LOGIN_URL": f"{url}/login?key=planted-query"}
        done = product.run(folder, *ONLY, env=env, config=config)
        assert f"logins for the login at {url}" in done.out.splitlines()[0]
    assert done.verdicts == {NAME: "pass"}, done.out
    assert asked == [("POST", "Bearer planted-header", b'{"password":"planted-body"}')]
    assert "planted" not in done.everything
    assert "eyJ" not in done.everything


def test_a_login_url_that_is_not_set_is_said_and_a_wrong_one_refused(
    cache: Server, folder: Path
) -> None:
    config, env = "[jwt_cache.login]\nurl_env = 'LOGIN_URL'\n", product.urls(cache.url)
    done = product.run(folder, *ONLY, env=env, config=config)
    assert done.message(NAME) == "no URL of the login is set: set LOGIN_URL"
    wrong = product.run(folder, *ONLY, env={**env, "LOGIN_URL": "planted://x"}, config=config)
    assert wrong.code == 4
    assert "LOGIN_URL: the URL must start with http://" in wrong.err
    assert "planted" not in wrong.everything


def test_a_server_that_dies_meanwhile_is_unknown(cache: Server, folder: Path) -> None:
    done = product.run(
        folder,
        *ONLY,
        env=product.urls(cache.url),
        config=login_by("sh", "-c", f"redis-cli -p {cache.port} shutdown nosave; true"),
    )
    assert (done.code, done.verdicts) == (3, {NAME: "unknown"})
    assert "Traceback" not in done.everything


# The cache


def test_a_new_entry_and_a_renewed_one_are_seen(cache: Server) -> None:
    new = observe(cache, run=cli(cache, "set", "jwt:new", "x", "ex", "10"))
    assert (new.succeeded, new.changed, new.others, new.entries) == (True, 1, 0, 11)
    again = observe(cache, run=cli(cache, "expire", "jwt:new", "11"))
    assert (again.changed, again.others, again.entries) == (1, 0, 11)
    now_expires = cache.client().set("jwt:unending", "x")
    assert now_expires
    assert observe(cache, run=cli(cache, "expire", "jwt:unending", "11")).changed == 1


def test_an_entry_that_comes_a_while_after_the_login_is_waited_for(cache: Server) -> None:
    late = f"(sleep 1; redis-cli -p {cache.port} setex jwt:late 60 x) & exec setsid true"
    seen = observe(cache, timeout=1.5, run=["sh", "-c", late])
    assert seen.changed == 0  # what a login leaves behind ends with it
    timer = threading.Timer(1.2, lambda: cache.client().set("jwt:late", "x", ex=60))
    timer.start()
    seen = observe(cache, quiet_s=0.2, run=["true"])
    timer.join()
    assert seen.changed == 1
    # So long was watched for entries of others, too.
    assert seen.quiet_s >= seen.appeared_s - 0.1 > 0.2


@pytest.mark.parametrize("command", ["get jwt:a", "set other:a x", "del jwt:a", "persist jwt:a"])
def test_a_cache_that_stays_as_it_was_is_seen(cache: Server, command: str) -> None:
    cache.client().set("jwt:a", "x", ex=1000)
    seen = observe(cache, timeout=0.5, run=cli(cache, *command.split()))
    is_longer = command.startswith("persist")
    assert (seen.succeeded, seen.changed) == (True, int(is_longer))
    assert seen.watched_s >= 0.5 or is_longer


def test_entries_of_others_are_told_apart(cache: Server) -> None:
    with others(cache, every_s=0.1):
        seen = observe(cache, quiet_s=1, run=["true"])
    assert seen.changed > 0
    assert seen.others >= 5
    with others(cache, every_s=0.7):  # fewer than come while nobody logs in at first
        seen = observe(cache, quiet_s=0.05, run=["sleep", "1.5"])
    assert seen.changed > 0
    assert seen.others > 0


def test_entries_whose_expiry_cannot_change_are_counted(cache: Server) -> None:
    cache.client().set("jwt:unending", "x")
    cache.client().set(b"jwt:" + b"long" * 20_000, "x", ex=60)
    seen = observe(cache, timeout=0.2, run=cli(cache, "set", "jwt:unending", "y"))
    assert (seen.changed, seen.unending) == (0, 2)


def test_without_a_whole_view_nobody_is_logged_in(cache: Server, tmp_path: Path) -> None:
    pipeline = cache.client().pipeline(transaction=False)
    for number in range(20_001):
        pipeline.set(f"jwt:many{number}", "x", ex=1000)
    pipeline.execute()
    with pytest.raises(CannotLook, match=r"cache has more than 20,000 entries of jwt:\*"):
        observe(cache, run=["touch", str(tmp_path / "login")])
    assert not list(tmp_path.iterdir())
    with (
        connected(parse_endpoint(cache.url), "cache", timeout_s=5) as client,
        pytest.raises(CannotLook, match="cache has more than 3,000 keys"),
    ):
        observe_expiries(client, "none:*", "cache", max_calls=3)
    with (
        connected(parse_endpoint(cache.url), "cache", timeout_s=5) as client,
        pytest.raises(CannotLook, match=r"an entry of token=\[redacted\] cannot be seen"),
    ):
        observe_expiries(client, "token=planted:*", "cache", max_calls=3)


def test_a_key_without_a_name_is_an_entry_too() -> None:
    with running() as server:
        server.client().set("", "x", ex=60)
        with connected(parse_endpoint(server.url), "cache", timeout_s=5) as client:
            assert len(observe_expiries(client, "*", "cache")) == 1


def test_a_run_that_is_about_to_end_is_unknown(cache: Server) -> None:
    with pytest.raises(CannotLook, match="the run ended before the JWT cache was watched"):
        observe(cache, left_s=0.6, run=["true"])
    with pytest.raises(CannotLook, match="the login was killed after"):
        observe(cache, left_s=1.5, run=["sleep", "5"])


# The request


def answered(cache: Server, status: int, **login: Any) -> JwtRefreshFacts:
    """FAKE: a login that fills the cache, whatever it answers."""

    def answer(request: BaseHTTPRequestHandler, _path: str, _asked: object) -> None:
        cache.client().set("jwt:new", "x", ex=60)
        fake_http.reply(request, "planted", status, Location="http://127.0.0.1:1/elsewhere")

    with fake_http.serving(answer) as url:
        return observe(cache, url=url, **{"timeout": 1, **login})


@pytest.mark.parametrize(
    ("status", "expected", "reason"),
    [
        (204, None, ""),
        (401, None, "answered HTTP 401 (Unauthorized)"),
        (302, None, "redirects are not followed"),
        (302, 302, ""),
        (200, 201, "answered HTTP 200 (OK)"),
    ],
)
def test_a_login_is_judged_by_its_status(
    cache: Server, status: int, expected: int | None, reason: str
) -> None:
    seen = answered(cache, status, expect_status=expected)
    assert (seen.succeeded, seen.changed) == (not reason, 0 if reason else 1)
    assert reason in seen.login


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (fake_tcp.silence, "gave no complete answer in 0.4 s"),
        (fake_tcp.drip_headers, "gave no complete answer in 0.4 s"),
        (fake_tcp.endless_trailers, "gave no complete answer in 0.4 s"),
    ],
)
def test_a_login_that_never_ends_fails_in_time(cache: Server, answer: Any, reason: str) -> None:
    with fake_tcp.fake(answer) as url:
        seen = observe(cache, url=url, timeout=0.4)
    assert (seen.succeeded, reason in seen.login) == (False, True)


def test_a_login_that_floods_fails_and_nobody_there_too(cache: Server) -> None:
    with fake_http.serving(lambda request, *_: fake_http.flood(request)) as url:
        seen = observe(cache, url=url)
    assert "answered with more than 4 MiB" in seen.login
    seen = observe(cache, url=f"http://127.0.0.1:{free_port()}")
    assert (seen.succeeded, "refused the connection" in seen.login) == (False, True)


def test_a_login_that_is_never_asked_is_unknown(cache: Server, tmp_path: Path) -> None:
    with pytest.raises(CannotLook, match=r"does not resolve \(DNS\)"):
        observe(cache, url="http://nosuchhost.invalid")
    with fake_tcp.fake(fake_tcp.silence) as url, pytest.raises(CannotLook, match="is not known"):
        observe(cache, url=url, left_s=1.4)
    file = tmp_path / "headers"
    with pytest.raises(CannotLook, match="headers_file: the file does not exist"):
        observe(cache, url="http://127.0.0.1:1", headers_file=str(file))
    for line in ("planted", "planted : x", "Name: planted\x00", "Name:\nplanted: \x1b", "Name: ä"):
        file.write_text(f"Fine: yes\n{line}\n")
        with pytest.raises(CannotLook, match=r"headers_file: line \d is not `Name: value`") as why:
            observe(cache, url="http://127.0.0.1:1", headers_file=str(file))
        assert "planted" not in str(why.value)
