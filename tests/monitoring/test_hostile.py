"""A Prometheus that is down, slow, shut or wrong: never a pass, always in time, and no secret."""

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.config.load import load
from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.fake_http import Answer, drip, flood, reply, reply_json, serving
from tests.support.monitoring_judged import Judged, judged
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("_little_memory")

TOKEN = "planted-token-0123456789"
PASSWORD = "planted-passw0rd"
LIMITS = "[services.queue.limits]\nqueue_latency_for_s = 60\n"
TIMEOUT_S = 5.0
HURRY_S = 0.5
IN_TIME_S = 5.0  # four answers that take all of that, and a busy machine


class FakePrometheus:
    """FAKE: a healthy Prometheus with our rules loaded; what a test changes is its own."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        file = folder / "fake.toml"
        file.write_text(LIMITS)
        self.rules = implied_rules(load(file, {}, {}).config)
        self.skew_s = 0.0
        self.health = "up"
        self.scraped_s_ago = 0.5
        self.evaluated_s_ago = 0.5
        self.value: Callable[[int], str | None] = lambda _: "0.01"
        self.age: Callable[[int], str | None] = lambda _: "0.5"
        self.no_series = False
        self.__dict__.update(changes)

    def __call__(
        self, request: BaseHTTPRequestHandler, path: str, asked: Mapping[str, str]
    ) -> None:
        now = time.time() + self.skew_s
        data: Any
        match path:
            case "/api/v1/query":
                data = {"resultType": "scalar", "result": [now, str(now)]}
            case "/api/v1/targets":
                data = {"activeTargets": [self._target(now)], "droppedTargets": []}
            case "/api/v1/rules":
                data = {"groups": [self._group(now)]}
            case "/api/v1/series":
                labels = {"job": "redis", "instance": "redis:9121"}
                gone = self.no_series and asked["match[]"] != "redis_up"
                data = [] if gone else [{"__name__": "x", **labels}]
            case "/api/v1/query_range":
                data = {"resultType": "matrix", "result": self._range(asked)}
            case _:
                reply_json(request, {"status": "error"}, 404)
                return
        reply_json(request, {"status": "success", "data": data})

    def _target(self, now: float) -> dict[str, Any]:
        return {
            "labels": {"job": "redis", "instance": "redis:9121"},
            "scrapePool": "redis",
            "scrapeUrl": f"http://user:{TOKEN}@redis:9121/metrics",
            "lastError": "" if self.health == "up" else f"dial redis://:{TOKEN}@redis: refused",
            "lastScrape": stamp(now - self.scraped_s_ago),
            "scrapeInterval": "5s",
            "health": self.health,
        }

    def _group(self, now: float) -> dict[str, Any]:
        return {
            "name": "ours",
            "interval": 5,
            "rules": [
                {
                    "type": "alerting",
                    "name": rule.name,
                    "query": rule.expr,
                    "duration": rule.for_s,
                    "labels": {"service": rule.service or ""},
                    "state": "inactive",
                    "health": "ok",
                    "lastEvaluation": stamp(now - self.evaluated_s_ago),
                    "alerts": [],
                }
                for rule in self.rules
            ],
        }

    def _range(self, asked: Mapping[str, str]) -> list[Any]:
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        count = int((end - start) / step) + 1
        series = self.age if "timestamp(" in asked["query"] else self.value
        values = [(start + number * step, series(number)) for number in range(count)]
        seen = [(moment, value) for moment, value in values if value is not None]
        return [{"metric": {"instance": "redis:9121"}, "values": seen}] if seen else []


def stamp(moment: float) -> str:
    """As Go writes it: to the nanosecond."""
    written = dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{written}123Z"


def ask(folder: Path, url: str, login: str = "", timeout_s: float = TIMEOUT_S) -> Judged:
    config = f'{LIMITS}\n[prometheus]\nurl = "{url}"\ntimeout_s = {timeout_s}\n{login}\n'
    ours = judged(folder, config)
    assert TOKEN not in str(ours)
    return ours


def in_time(folder: Path, url: str, login: str = "") -> Judged:
    began = time.monotonic()
    ours = ask(folder, url, login, HURRY_S)
    assert time.monotonic() - began < IN_TIME_S
    return ours


def verdicts(ours: Judged) -> set[str]:
    return {verdict for verdict, _ in ours.values()}


def test_the_fake_itself_passes(tmp_path: Path) -> None:
    with serving(FakePrometheus(tmp_path)) as url:
        ours = ask(tmp_path, url)
    assert verdicts(ours) == {"pass"}, ours


def shut(request: BaseHTTPRequestHandler, _path: str, _asked: Mapping[str, str]) -> None:
    given = request.headers.get("Authorization")
    reply(request, "no", 200 if given == "Bearer right" else 401)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda request, *_: drip(request), "gave no complete answer in 0.5 s"),
        (shut, "answered HTTP 401 (Unauthorized): set prometheus.token"),
        (lambda request, *_: reply(request, "no", 403), "answered HTTP 403 (Forbidden): set"),
        (lambda request, *_: reply(request, "no", 503), "answered HTTP 503 (Service Unavailable)"),
        (lambda request, *_: reply(request, "", 302, Location="/x"), "redirects are not followed"),
        (lambda request, *_: reply(request, "<html>hello</html>"), "that is not JSON"),
        (lambda request, *_: reply(request, ""), "that is not JSON"),
        (lambda request, *_: reply(request, "[" * 100_000), "that is not JSON"),
        (lambda request, *_: reply_json(request, {"status": "error"}), "JSON of another form"),
        (lambda request, *_: reply_json(request, [1]), "JSON of another form"),
        (lambda request, *_: flood(request), "more than 4 MiB"),
        (lambda request, *_: request.wfile.write(b"+PONG\r\n"), "not HTTP"),
    ],
    ids=[
        "slow",
        "401",
        "403",
        "503",
        "302",
        "html",
        "empty",
        "nested",
        "error",
        "list",
        "huge",
        "no-http",
    ],
)
def test_no_answer_is_unknown_with_the_reason_in_time(
    answer: Answer, words: str, tmp_path: Path
) -> None:
    with serving(answer) as url:
        ours = in_time(tmp_path, url, f'token = "{TOKEN}"')
    assert verdicts(ours) == {"unknown"}
    assert {words in sentence for _, sentence in ours.values()} == {True}, ours


def test_a_prometheus_that_is_down_is_unknown(tmp_path: Path) -> None:
    ours = ask(tmp_path, f"http://user:{TOKEN}@127.0.0.1:{free_port()}")
    assert verdicts(ours) == {"unknown"}
    assert "refused the connection" in ours["targets"][1]


@pytest.mark.parametrize(("skew_s", "words"), [(3600, "3600 s ahead"), (-3600, "3600 s behind")])
def test_an_hour_between_the_clocks_is_unknown(skew_s: float, words: str, tmp_path: Path) -> None:
    with serving(FakePrometheus(tmp_path, skew_s=skew_s)) as url:
        ours = ask(tmp_path, url)
    assert verdicts(ours) == {"unknown"}
    assert words in ours["targets"][1]


def test_an_answer_that_comes_late_ends_all_asking(tmp_path: Path) -> None:
    healthy = FakePrometheus(tmp_path)

    def slow_series(request: BaseHTTPRequestHandler, path: str, asked: Mapping[str, str]) -> None:
        (drip(request) if path.endswith("series") else healthy(request, path, asked))

    with serving(slow_series) as url:
        ours = in_time(tmp_path, url)
    assert verdicts(ours) == {"unknown"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda _: "NaN", "61 of 61 steps of the last 1m have no fresh value, or one"),
        (lambda _: "+Inf", "is no finite number"),
        (lambda number: "NaN" if number == 30 else "0.01", "1 of 61 steps"),
        (lambda _: None, "has recorded nothing"),
        (lambda number: None if 20 <= number < 30 else "0.01", "10 of 61 steps"),
        (lambda number: None if number < 20 else "99", "20 of 61 steps"),
        (lambda _: "zero", "61 of 61 steps"),
    ],
    ids=["nan", "infinite", "one-nan", "empty", "gap", "young", "no-numbers"],
)
def test_what_was_not_recorded_proves_nothing(
    value: Callable[[int], str | None], words: str, tmp_path: Path
) -> None:
    with serving(FakePrometheus(tmp_path, value=value)) as url:
        ours = ask(tmp_path, url)
    verdict, sentence = ours["queue/RedisQueueLatency"]
    assert verdict == "unknown"
    assert words in sentence


def test_a_time_without_scrapes_is_a_gap_though_prometheus_repeats_the_last_value(
    tmp_path: Path,
) -> None:
    ages = {number: str(5 + number - 20) for number in range(20, 50)}
    stalled = FakePrometheus(tmp_path, age=lambda number: ages.get(number, "0.5"))
    with serving(stalled) as url:
        ours = ask(tmp_path, url)
    verdict, sentence = ours["queue/RedisQueueLatency"]
    assert verdict == "unknown"
    assert "23 of 61 steps of the last 1m have no fresh value" in sentence


@pytest.mark.parametrize(
    ("over", "verdict", "words"),
    [
        (range(61), "fail", "is over 2 s at every step of the last 1m, at 3 s"),
        (range(1, 61), "warn", "60 of 61 steps of the last 1m are over 2 s, the last is 3 s"),
        (range(60), "warn", "60 of 61 steps of the last 1m are over 2 s, the last is 1 s"),
        (range(60, 61), "warn", "1 of 61 steps"),
        (range(10, 12), "pass", "2 of 61 steps"),
        (range(0), "pass", "0 of 61 steps"),
    ],
)
def test_over_for_the_whole_window_fails_and_in_part_warns(
    over: range, verdict: str, words: str, tmp_path: Path
) -> None:
    fake = FakePrometheus(tmp_path, value=lambda number: "3" if number in over else "1")
    with serving(fake) as url:
        ours = ask(tmp_path, url)
    assert ours["queue/RedisQueueLatency"][0] == verdict
    assert words in ours["queue/RedisQueueLatency"][1]


@pytest.mark.parametrize(
    ("changes", "check", "verdict", "words"),
    [
        (
            {"health": "down"},
            "targets",
            "fail",
            "redis redis:9121 is down (dial redis://[redacted]",
        ),
        ({"health": "unknown"}, "targets", "unknown", "1 scrape target was not scraped yet"),
        (
            {"scraped_s_ago": 600},
            "targets",
            "fail",
            "redis:9121 is up and overdue, scraped 600.0 s ago (every 5 s)",
        ),
        ({"evaluated_s_ago": 600}, "rules", "fail", "RedisMemory: was last evaluated 600 s ago"),
        ({"evaluated_s_ago": 600}, "alerts", "unknown", "silence proves nothing"),
        ({"no_series": True}, "rules", "fail", "can never fire: it reads redis_memory_max_bytes{"),
        ({"no_series": True}, "alerts", "unknown", "silence proves nothing"),
        ({"rules": ()}, "rules", "fail", "no rule alerts when redis_memory_used_bytes{"),
        ({"rules": ()}, "alerts", "unknown", "no rule alerts when"),
    ],
    ids=[str(number) for number in range(9)],
)
def test_a_watch_that_does_not_watch_is_told(
    changes: dict[str, Any], check: str, verdict: str, words: str, tmp_path: Path
) -> None:
    with serving(FakePrometheus(tmp_path, **changes)) as url:
        ours = ask(tmp_path, url)
    assert ours[check][0] == verdict
    assert words in re.sub(r"\b(599|60[0-4])\.\d s ago", "600.0 s ago", ours[check][1])


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ('token = "right"', "Bearer right"),
        ('username = "me"\npassword = "right"', "Basic bWU6cmlnaHQ="),
    ],
)
def test_a_login_is_sent(login: str, header: str, tmp_path: Path) -> None:
    healthy, seen = FakePrometheus(tmp_path), set()

    def look(request: BaseHTTPRequestHandler, path: str, asked: Mapping[str, str]) -> None:
        seen.add(request.headers.get("Authorization"))
        healthy(request, path.removeprefix("/below/it"), asked)

    with serving(look) as url:
        ours = ask(tmp_path, f"{url}/below/it/", login)
    assert verdicts(ours) == {"pass"}, ours
    assert seen == {header}


def test_no_report_of_a_run_holds_what_prometheus_leaks(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    fake = FakePrometheus(folder, health="down")
    with serving(fake) as url:
        address = url.removeprefix("http://")
        env = product.urls(healthy.url) | {
            "PROMETHEUS_URL": f"http://me:{PASSWORD}@{address}",
            "PROMETHEUS_TOKEN": TOKEN,
        }
        done = product.run(
            folder, "smoke", "--select", "monitoring", env=env,
            config=f'{LIMITS}[prometheus]\ntoken_env = "PROMETHEUS_TOKEN"',
        )  # fmt: skip
    assert done.code == 1, done.out
    assert done.verdicts["monitoring.targets[prometheus]"] == "fail"
    assert "[redacted]" in done.message("monitoring.targets[prometheus]")
    finding = done.finding("monitoring.windows[queue/RedisQueueLatency]")
    assert (finding["observed"], finding["limit"], finding["unit"]) == (0.01, 2.0, "s")
    assert TOKEN not in done.everything
    assert PASSWORD not in done.everything


EMPTY = b"{},"
TARGET = b'{"labels":{"job":"redis","a":"%b"},"health":"down","lastError":"x"},' % (b"y" * 300)
RULE = (
    b'{"type":"alerting","name":"n","query":"q","duration":0,"labels":{},"health":"ok",'
    b'"alerts":[{"state":"firing","labels":{}}]},'
)
SERIES = b'{"metric":{"a":"1"},"values":[[1,"1"]]},'


@pytest.mark.parametrize(
    ("begin", "element", "end"),
    [
        (b'{"status":"success","data":{"activeTargets":[', EMPTY, b"{}]}}"),
        (b'{"status":"success","data":{"activeTargets":[', TARGET, b"{}]}}"),
        (b'{"status":"success","data":{"groups":[', EMPTY, b"{}]}}"),
        (b'{"data":{"groups":[{"name":"g","interval":1,"rules":[', RULE * 2, RULE[:-1] + b"]}]}}"),
        (b'{"status":"', b"x", b'"}'),
        (b'{"status":"success","data":{"groups":[', b"1,", b"1]}}"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[', SERIES, b"{}]}}"),
        (b'{"status":"success","data":[', EMPTY, b"{}]}"),
        (b"[", EMPTY, b"{}]"),
        (b"", b"[", b""),
        (b"", b'{"data":', b""),
        (b'{"data":"', b"\\u0041", b'"}'),
    ],
    ids=[
        "targets",
        "long targets",
        "rules",
        "long rules",
        "status",
        "numbers",
        "series",
        "list",
        "dashboards",
        "deep",
        "objects",
        "text",
    ],
)
def test_json_that_is_too_much_takes_little_time_and_memory(
    begin: bytes, element: bytes, end: bytes, healthy: Server, folder: Path
) -> None:
    whole = begin + element * (((4 << 20) - 200) // len(element)) + end
    with serving(lambda request, _path, _asked: reply(request, whole)) as url:
        done, took_s = product.measured(
            folder,
            *("smoke", "--select", "monitoring"),
            env={**product.urls(healthy.url), "PROMETHEUS_URL": url, "GRAFANA_URL": url},
            config='[grafana]\ntoken = "a-token"\n',
        )
    assert "itself failed" not in done.everything
    assert done.verdicts["monitoring.rules[prometheus]"] == "unknown"
    assert took_s < 40
