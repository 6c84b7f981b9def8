"""Prometheus and Grafana, their answers changed at random: a verdict, never a failure of ours."""

import io
import json
import random
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.examples import EXAMPLES, seeds, tried
from tests.monitoring.test_grafana import TOKEN, FakeGrafana
from tests.monitoring.test_grafana import ask as ask_grafana
from tests.monitoring.test_hostile import FakePrometheus, ask
from tests.support.fake_http import Answer, reply, serving

Fake = FakePrometheus | FakeGrafana

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1e300,
        10**400,
        "",
        "x" * 5_000,
        "NaN",
        "-Inf",
        "\x00",
        "{",
        "0s",
        "9" * 99,
    ),
    *([], {}, [[]], [None], {"a": None}, "2999-01-01T00:00:00Z", "2026-13-45T99:99:99Z", "a == b"),
)


def _changed(value: Any, by: random.Random, rate: float) -> Any:
    if by.random() < rate:
        return by.choice(ODD)
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if by.random() > rate / 2}
        return {name: _changed(item, by, rate) for name, item in kept.items()}
    if isinstance(value, list):
        items = [_changed(item, by, rate) for item in value if by.random() > rate / 2]
        return items * 2 if by.random() < rate else items
    return value


def _answer(fake: Fake, path: str, asked: Mapping[str, str]) -> Any:
    """What the fake would say."""
    body = io.BytesIO()
    nothing = lambda *_: None  # noqa: E731
    request = SimpleNamespace(
        headers={"Authorization": f"Bearer {TOKEN}"},
        send_response=nothing,
        send_header=nothing,
        end_headers=nothing,
        wfile=body,
    )
    fake(cast("BaseHTTPRequestHandler", request), path, asked)
    return json.loads(body.getvalue())


def _changing(fake: Fake, seed: int, rate: float) -> Answer:
    by = random.Random(seed)  # noqa: S311

    def answer(request: BaseHTTPRequestHandler, path: str, asked: Mapping[str, str]) -> None:
        reply(request, json.dumps(_changed(_answer(fake, path, asked), by, rate)))

    return answer


fewer = settings(
    tried,
    max_examples=max(20, EXAMPLES // 10),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
rates = st.sampled_from([0.001, 0.01, 0.1])


@fewer
@given(seed=seeds, rate=rates)
def test_a_changed_answer_of_prometheus_gives_a_verdict(
    tmp_path: Path, seed: int, rate: float
) -> None:
    with serving(_changing(FakePrometheus(tmp_path), seed, rate)) as url:
        verdicts = {verdict for verdict, _ in ask(tmp_path, url, timeout_s=2).values()}
    assert verdicts <= {"pass", "fail", "warn", "unknown"}


@fewer
@given(seed=seeds, rate=rates)
def test_a_changed_answer_of_grafana_gives_a_verdict(
    tmp_path: Path, seed: int, rate: float
) -> None:
    with serving(_changing(FakeGrafana(), seed, rate)) as url:
        verdict, _ = ask_grafana(tmp_path, url, timeout_s=2)
    assert verdict in {"pass", "fail", "warn", "unknown"}
