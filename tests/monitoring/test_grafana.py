"""Dashboards, against FAKE servers that follow Grafana's documented HTTP API: no real one here."""

import json
import re
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.alerts.dashboards import render_dashboards
from redis_runbook.alerts.implied import implied_rules
from redis_runbook.config.load import load
from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.fake_http import drip, flood, reply, reply_json, serving
from tests.support.monitoring_judged import judged
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("_little_memory")

TOKEN = "glsa_planted_0123456789"
SETTINGS: Mapping[str, Any] = {
    "defaultDatasource": "Metrics",
    "datasources": {
        "-- Grafana --": {"uid": "grafana", "type": "datasource"},
        "Logs": {"uid": "loki", "type": "loki"},
        "Metrics": {"uid": "prom", "type": "prometheus"},
    },
}


def panel(source: Any, expr: str = "up") -> dict[str, Any]:
    return {"type": "timeseries", "datasource": source, "targets": [{"expr": expr}]}


def board(*panels: Any, **rest: Any) -> dict[str, Any]:
    return {"panels": list(panels), **rest}


PROMETHEUS = {"type": "prometheus", "uid": "prom"}
PLAIN = board(panel(PROMETHEUS))


class FakeGrafana:
    """FAKE: Grafana's search, dashboards, settings, and its proxy to two data sources.

    `statuses` are HTTP statuses by a part of the path.
    """

    def __init__(
        self,
        boards: Mapping[str, Any] | None = None,
        statuses: Mapping[str, int] | None = None,
    ) -> None:
        self.boards = {"Redis Queue": PLAIN, "Redis Cache": PLAIN} if boards is None else boards
        self.statuses = statuses or {}
        self.queries: list[tuple[str, str]] = []

    def __call__(
        self, request: BaseHTTPRequestHandler, path: str, asked: Mapping[str, str]
    ) -> None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            reply_json(request, {"message": "Unauthorized"}, 401)
            return
        for part, status in self.statuses.items():
            if part in path:
                reply_json(request, {"message": f"no {TOKEN}"}, status)
                return
        if path == "/api/search":
            hits = [
                {"uid": title.replace(" ", "-"), "title": title, "type": "dash-db"}
                for title in (*self.boards, "Redis Queue (old)")
                if asked["query"].lower() in title.lower()
            ]
            reply_json(request, hits)
        elif found := re.fullmatch("/api/dashboards/uid/(.+)", path):
            reply_json(request, {"meta": {}, "dashboard": self.boards[found[1].replace("-", " ")]})
        elif path == "/api/frontend/settings":
            reply_json(request, SETTINGS)
        elif path == "/api/datasources/proxy/uid/prom/api/v1/query":
            self.queries.append(("prom", asked["query"]))
            reply_json(request, {"status": "success", "data": {"result": []}})
        elif path == "/api/datasources/uid/loki/health":
            self.queries.append(("loki", "health"))
            reply_json(request, {"status": "OK", "message": "fine"})
        else:
            reply_json(request, {"message": "not found"}, 404)


def ask(folder: Path, url: str, token: str = TOKEN, timeout_s: float = 5) -> tuple[str, str]:
    config = f'[grafana]\nurl = "{url}"\ntoken = "{token}"\ntimeout_s = {timeout_s}\n'
    verdict, sentence = judged(folder, config)["dashboards"]
    assert TOKEN not in sentence
    return verdict, sentence


def test_dashboards_whose_data_source_answers_pass(tmp_path: Path) -> None:
    grafana = FakeGrafana()
    with serving(grafana) as url:
        assert ask(tmp_path, url) == (
            "pass",
            "the data sources of Redis Queue, Redis Cache answer",
        )
    assert grafana.queries == [("prom", "up"), ("prom", "up")]


def generated() -> dict[str, Any]:
    config = load(None, {}, {}).config
    boards = map(json.loads, render_dashboards(config, implied_rules(config)).values())
    return {one["title"]: one for one in boards}


def imported(boards: Mapping[str, Any]) -> dict[str, Any]:
    """As Grafana's import leaves them: the input is replaced by what was chosen for it."""
    text = json.dumps(boards).replace("${DS_PROMETHEUS}", "prom")
    return json.loads(text)  # type: ignore[no-any-return]


@pytest.mark.parametrize("way", [imported, dict], ids=["imported", "provisioned"])
def test_the_dashboards_that_we_generate_pass(
    way: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grafana = FakeGrafana(way(generated()))
    with serving(grafana) as url:
        verdict, sentence = ask(tmp_path, url)
    assert verdict == "pass", sentence
    assert [source for source, _ in grafana.queries] == ["prom", "prom"]
    assert grafana.queries[0][1].startswith("redis_runbook_queue_latency_seconds{")


@pytest.mark.parametrize(
    ("board", "verdict", "words"),
    [
        (board(panel(None)), "pass", ""),
        (board(panel("Metrics")), "pass", ""),
        (board(panel("default")), "pass", ""),
        (board(panel({"type": "loki", "uid": "loki"})), "pass", ""),
        (board({"panels": [panel(PROMETHEUS)], "type": "row"}), "pass", ""),
        (
            board(
                panel({"uid": "$source"}),
                templating={
                    "list": [{"name": "source", "type": "datasource", "current": {"value": "prom"}}]
                },
            ),
            "pass",
            "",
        ),
        (board(), "fail", 'no panel of "Redis Queue" asks for anything'),
        (board({"type": "text"}), "fail", "asks for anything"),
        (board(panel("-- Grafana --")), "fail", 'no panel of "Redis Queue" asks a data source'),
        (board(panel("Gone")), "fail", '"Redis Queue" asks the data source Gone, which is not'),
        (board(panel({"uid": "${DS_X}"})), "fail", "asks ${DS_X}, which nothing stands for"),
        (
            board(
                panel({"uid": "$s"}),
                templating={"list": [{"name": "s", "type": "datasource", "query": "mimir"}]},
            ),
            "fail",
            "asks a mimir, and Grafana has none",
        ),
        (
            board(panel({"type": "prometheus", "uid": "gone"})),
            "fail",
            'the data source gone of "Redis Queue" is not there: Grafana answered HTTP 404',
        ),
    ],
    ids=["default", "name", "default-name", "loki", "row", "variable", "empty", "text", "built-in",
         "gone", "input", "no-such-type", "404"],
)  # fmt: skip
def test_panels_say_in_many_ways_whom_they_ask(
    board: dict[str, Any], verdict: str, words: str, tmp_path: Path
) -> None:
    with serving(FakeGrafana({"Redis Queue": board, "Redis Cache": PLAIN})) as url:
        found = ask(tmp_path, url)
    assert found[0] == verdict, found
    assert words in found[1]


def test_a_query_without_variables_is_preferred(tmp_path: Path) -> None:
    grafana = FakeGrafana(
        {
            "Redis Queue": board(panel(PROMETHEUS, "rate(x[$__interval])"), panel(PROMETHEUS, "y")),
            "Redis Cache": board(panel(PROMETHEUS, 'x{a="$a"}')),
        }
    )
    with serving(grafana) as url:
        assert ask(tmp_path, url)[0] == "pass"
    assert [query for _, query in grafana.queries] == ["y", "vector(1)"]


@pytest.mark.parametrize(
    ("part", "status", "verdict", "words"),
    [
        ("search", 403, "unknown", "answered HTTP 403 (Forbidden): set grafana.token"),
        ("search", 500, "unknown", "answered HTTP 500"),
        ("dashboards", 403, "unknown", 'the dashboard "Redis Queue" is not for this user'),
        ("dashboards", 404, "fail", 'the dashboard "Redis Queue" is not there'),
        ("proxy", 401, "unknown", 'data source prom of "Redis Queue" is for those who log in'),
        ("proxy", 403, "unknown", "is not for this user"),
        ("proxy", 404, "fail", "is not there"),
        ("proxy", 502, "fail", "is not answered: Grafana answered HTTP 502 (Bad Gateway)"),
        ("proxy", 400, "fail", "is not answered: Grafana answered HTTP 400"),
    ],
)
def test_what_grafana_refuses_is_told_apart(
    part: str, status: int, verdict: str, words: str, tmp_path: Path
) -> None:
    with serving(FakeGrafana(statuses={part: status})) as url:
        found = ask(tmp_path, url)
    assert found[0] == verdict, found
    assert words in found[1]


def test_a_missing_dashboard_fails(tmp_path: Path) -> None:
    with serving(FakeGrafana({"Redis Cache": PLAIN})) as url:
        verdict, sentence = ask(tmp_path, url)
    assert verdict == "fail"
    assert sentence == 'there is no dashboard "Redis Queue" that its user may see'


def test_a_wrong_token_is_unknown(tmp_path: Path) -> None:
    with serving(FakeGrafana()) as url:
        verdict, sentence = ask(tmp_path, url, token="glsa_wrong")
    assert verdict == "unknown"
    assert "answered HTTP 401 (Unauthorized): set grafana.token" in sentence


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda request, *_: drip(request), "gave no complete answer in 0.5 s"),
        (lambda request, *_: reply(request, "<html>login</html>"), "that is not JSON"),
        (lambda request, *_: reply_json(request, {"a": 1}), "JSON of another form"),
        (lambda request, *_: flood(request), "more than 4 MiB"),
    ],
    ids=["slow", "html", "form", "huge"],
)
def test_no_answer_is_unknown_with_the_reason_in_time(
    answer: Callable[..., None], words: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    with serving(answer) as url:
        verdict, sentence = ask(tmp_path, url, timeout_s=0.5)
    assert time.monotonic() - began < 4
    assert verdict == "unknown"
    assert words in sentence


def test_a_grafana_that_is_down_is_unknown(tmp_path: Path) -> None:
    verdict, sentence = ask(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert verdict == "unknown"
    assert "refused the connection" in sentence


def test_a_run_asks_grafana_and_shows_no_token(healthy: Server, folder: Path) -> None:
    with serving(FakeGrafana(statuses={"proxy": 502})) as url:
        env = product.urls(healthy.url) | {"GRAFANA_URL": url, "GRAFANA_TOKEN": TOKEN}
        done = product.run(folder, "smoke", "--select", "monitoring", env=env)
    assert done.code == 1, done.out
    assert done.verdicts["monitoring.dashboards[grafana]"] == "fail"
    assert done.verdicts["monitoring.targets[prometheus]"] == "not_applicable"
    assert "set PROMETHEUS_URL" in done.message("monitoring.targets[prometheus]")
    assert TOKEN not in done.everything


def test_without_a_dashboard_nothing_is_said_to_answer(tmp_path: Path) -> None:
    with serving(lambda request, *_: reply_json(request, [])) as url:
        found = judged(tmp_path, f'[grafana]\nurl = "{url}"\ndashboards = []\n')
    assert found["dashboards"] == (
        "not_applicable",
        "no dashboard is configured: [grafana] dashboards is empty",
    )
