"""Bodies, expressions, configurations and URLs that were changed at random."""

import contextlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import load
from redis_runbook.judging.data_kept import compare
from redis_runbook.probes.exporter.metrics import read_samples
from redis_runbook.probes.prometheus.promql import parse as parse_expression
from redis_runbook.reporting.previous import parse_record
from redis_runbook.session.baseline import parse, render
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.http import FetchError
from redis_runbook.wire.http_url import parse_http_url
from tests.fuzz.examples import changed, seeds, tried
from tests.support.check_cases import BASELINE, INVENTORY
from tests.support.places import ROOT

METRICS = b"""# HELP redis_up a
# TYPE redis_up gauge
redis_up{addr="redis://h:1"} 1
redis_instance_info{redis_version="7.0.15",role="master",run_id="abc",tcp_port="6379"} 1
redis_exporter_last_scrape_error{err="dial tcp: refused"} 0
redis_memory_used_bytes 1.5e+06 1700000000000
"""
WANTED = ("redis_up", "redis_instance_info", "redis_exporter_last_scrape_error")
EXPRESSIONS = (
    'redis_memory_used_bytes{a="b",c=~"d|e"} / redis_memory_max_bytes > 0.8',
    "histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m]))) > 2 and on (a) group_left (b) y",
    "absent(redis_up == 1) or -1 ^ 2 % 3 unless bool(1) offset 5m",
)
RUNBOOK = (ROOT / "runbook.toml").read_text()
SNAPSHOT = render(BASELINE)
SAMPLE = (ROOT / "reports" / "sample" / "results.json").read_text()


def _mangled(text: bytes, seed: int) -> bytes:
    by = random.Random(seed)  # noqa: S311
    pieces = [bytes([byte]) for byte in text]
    for _ in range(by.randrange(1, 12)):
        at = by.randrange(len(pieces))
        pieces[at] = bytes([by.randrange(256)]) if by.random() < 0.5 else b""
        if by.random() < 0.3:
            pieces[at:at] = pieces[by.randrange(len(pieces)) :][: by.randrange(40)]
    return b"".join(pieces)


@tried
@given(seeds)
def test_a_body_of_an_exporter(seed: int) -> None:
    with contextlib.suppress(FetchError):
        read_samples(_mangled(METRICS, seed), WANTED, deadline=time.monotonic() + 1)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@tried
@given(seed=seeds)
def test_an_expression(expression: str, seed: int) -> None:
    with contextlib.suppress(ValueError):
        parse_expression(_mangled(expression.encode(), seed).decode(errors="replace"))


@settings(tried, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_a_configuration(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "runbook.toml"
    file.write_bytes(_mangled(RUNBOOK.encode(), seed))
    with contextlib.suppress(ConfigError):
        load(file, {}, {})


@tried
@given(st.dictionaries(st.text(max_size=30), st.text(max_size=60), max_size=5), seeds)
def test_an_environment(environ: dict[str, str], seed: int) -> None:
    name = _mangled(b"REDIS_RUNBOOK_SERVICES__QUEUE__LIMITS__CONNECT_S", seed).decode(
        errors="replace"
    )
    value = _mangled(b'["1", 2.5, "redis://a:b@c:1/0"]', seed).decode(errors="replace")
    with contextlib.suppress(ConfigError):
        load(None, {**environ, name: value, "REDIS_RUNBOOK_CONFIG": ""}, {})


@tried
@given(seeds)
def test_the_results_of_a_run_before(seed: int) -> None:
    with contextlib.suppress(ValueError):
        parse_record(_mangled(SAMPLE.encode(), seed).decode(errors="replace"))


@tried
@given(seeds)
def test_a_snapshot_of_before(seed: int) -> None:
    with contextlib.suppress(ValueError):
        baseline = parse(_mangled(SNAPSHOT.encode(), seed).decode(errors="replace"))
        for before in baseline.services.values():
            for keeps_data in (True, False):
                assert compare(before, INVENTORY, keeps_data=keeps_data).evidence is not None


@tried
@given(
    seeds,
    st.sampled_from(["rediss://u:p%40@[::1]:6379/0?a=b", "http://u:p@h:9121/x?target=redis://h"]),
)
def test_a_url(seed: int, url: str) -> None:
    text = _mangled(url.encode(), seed).decode(errors="replace")
    for parse_url in (parse_endpoint, parse_http_url):
        with contextlib.suppress(ValueError):
            parse_url(text)


def test_a_change_is_one() -> None:
    """What changes replies does change them, in every way: else nothing here would be tested."""
    reply = [b"a", [1, b"b"], None]
    made = {repr(changed(reply, random.Random(seed), 0.3)) for seed in range(200)}  # noqa: S311
    assert len(made) > 50
    assert repr(reply) in made
