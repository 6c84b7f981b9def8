"""What both sides of a connection say of the p95, in one ruling."""

import importlib
from dataclasses import replace

import pytest

from redis_runbook.check import Advised, Broken, Held, Judge, Outcome
from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.probes.latency.histogram import (
    Durations,
    Traffic,
)
from redis_runbook.redact import Shown
from tests.support.check_cases import latency


def durations(n: int, low_ms: float, high_ms: float | None) -> Durations:
    return Durations(n=n, p95_low_ms=low_ms, p95_high_ms=high_ms)


def traffic_of(n: int, low_ms: float, high_ms: float | None, **slowest: Durations) -> Traffic:
    total = durations(n, low_ms, high_ms)
    return Traffic(
        total=total,
        by_command=[(Shown(name), of) for name, of in (slowest or {"get": total}).items()],
    )


@pytest.mark.parametrize(
    ("client_ms", "served", "outcome", "words"),
    [
        (1, Traffic(), Held, "; the server had no other traffic"),
        (
            1,
            traffic_of(900, 0.008, 0.016),
            Held,
            "; the server's own p95 is at most 0.016 ms (n 900)",
        ),
        (1, traffic_of(900, 33.8, 67.6), Held, "that of GET at most 67.6 ms (n 900)"),  # may be 40
        (
            1,
            traffic_of(200, 67.6, 135.2),
            Advised,
            "the server's own p95 is at most 135.2 ms (n 200)",
        ),
        (1, traffic_of(200, 536.9, None), Advised, "the server's own p95 is over 536.9 ms (n 200)"),
        (1, traffic_of(199, 67.6, 135.2), Held, "at most 135.2 ms (n 199)"),  # too few
        (60, Traffic(), Broken, "the server had no other traffic"),
        (60, Traffic(missing="why"), Broken, "is not available, client side only: why"),
        (60, traffic_of(9, 0.008, 0.016), Broken, ": the server is fast, so network or client"),
        (60, traffic_of(9, 33.8, 67.6), Broken, ": the server is slow"),
        (
            60,
            traffic_of(9_999, 0.008, 0.016, keys=durations(9, 135.2, 270.5)),
            Broken,
            "at most 0.016 ms (n 9999), that of KEYS at most 270.5 ms (n 9): the server is slow",
        ),
    ],
)
def test_a_ruling_on_p95_takes_both_sides_into_account(
    client_ms: float, served: Traffic, outcome: type[Outcome], words: str
) -> None:
    settings = ServiceSettings.model_validate({"role": "cache"})
    check = importlib.import_module("redis_runbook.checks.test_latency")
    facts = replace(latency(client_ms, client_ms), traffic=served)
    service, judge = Service(name="cache", settings=settings, endpoint=None), Judge()
    with pytest.raises(outcome) as ended:
        check.test_command_p95(service, facts, judge)
    ruling = ended.value.ruling
    assert ended.type is outcome
    assert words in ruling.message
    assert ruling.observed == client_ms
    assert ("slowest commands, by the server" in ruling.evidence) == bool(served.by_command)
