"""Saved evidence of a real exporter, a real Prometheus and its alerts, judged again."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from redis_runbook.redact import MASK
from tests.monitoring.test_prometheus import LIMITS, rules_of
from tests.support import product
from tests.support.exporters import Exporter
from tests.support.judging import assert_same, judge
from tests.support.prometheus_server import Targets, prometheus
from tests.support.servers import running, wait_until


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[product.Outcome]]:
    """Runs on two servers: the cache's memory is nearly full, which alerts, and it is no queue.

    In the second one, words of PromQL are secrets.
    """
    folder = tmp_path_factory.mktemp("judge")
    small = ("--maxmemory", "64mb", "--maxmemory-policy", "noeviction")
    with contextlib.ExitStack() as held:
        queue, cache = (held.enter_context(running(*small)) for _ in range(2))
        for number in range(9):
            cache.client().set(str(number), b"x" * (5 << 20))
        exporters = {"queue": Exporter(queue.url), "cache": Exporter(cache.url)}
        for one in exporters.values():
            held.callback(one.stop)
        targets: Targets = {
            "redis": [(one.address, {"service": name}) for name, one in exporters.items()]
        }
        server = held.enter_context(prometheus(targets, rules_of(LIMITS, folder)))

        def fires() -> bool:
            with contextlib.suppress(requests.HTTPError):  # it is not ready yet
                return server.state("RedisMemory", "cache") == "firing"
            return False

        wait_until(fires, 60)
        config = (
            f'{LIMITS}\n[prometheus]\nurl = "{server.url}"\n'
            f'[services.queue]\nexporter_url = "http://{exporters["queue"].address}/metrics"\n'
            f'[services.cache]\nexporter_url = "http://{exporters["queue"].address}/metrics"\n'
        )
        env = product.urls(queue.url, cache.url)
        words = {**env, "A_TOKEN": "memory", "B_TOKEN": "service"}
        yield [
            product.run(folder / "run", "smoke", env=env, config=config),
            product.run(folder / "words", "smoke", env=words, config=config),
        ]


@pytest.fixture(scope="module")
def run(runs: list[product.Outcome]) -> product.Outcome:
    """The first run."""
    return runs[0]


def test_all_that_watches_is_judged_the_same(run: product.Outcome, folder: Path) -> None:
    assert run.verdicts["monitoring.alerts[prometheus]"] == "fail"
    assert run.verdicts["monitoring.windows[cache/RedisMemory]"] == "fail"
    assert run.verdicts["monitoring.windows[queue/RedisMemory]"] == "pass"
    assert run.verdicts["exporter.truthful[queue]"] == "pass"
    assert run.verdicts["exporter.truthful[cache]"] == "fail"
    assert_same(judge(folder, run.files["evidence.json"]), run)


def test_so_is_promql_that_consists_of_secrets(runs: list[product.Outcome], folder: Path) -> None:
    run = runs[1]
    done = judge(folder, run.files["evidence.json"])
    assert (done.code, done.verdicts) == (run.code, run.verdicts)
    facts = json.loads(run.files["evidence.json"])["facts"]["monitoring"]
    queries = [rule["query"] for rule in facts["loaded_rules"]["rules"]]
    assert any("redis_memory_used_bytes" in query for query in queries)
    assert MASK not in "".join(queries)
    assert run.verdicts["monitoring.windows[cache/RedisMemory]"] == "fail"


def test_other_limits_hold_for_what_prometheus_recorded(run: product.Outcome, folder: Path) -> None:
    higher = "[services.cache.limits]\nmemory_ratio = 0.999\n"
    done = judge(folder, run.files["evidence.json"], config=higher)
    assert done.finding("monitoring.windows[cache/RedisMemory]")["limit"] == 0.999
    assert done.verdicts["monitoring.windows[cache/RedisMemory]"] == "pass"
    assert done.verdicts["memory.used_ratio[cache]"] == "pass"
    # The rules that are loaded have the limit of then.
    assert "has the limit 0.8" in done.message("monitoring.rules[prometheus]")
    longer = "[services.cache.limits]\ncommand_p95_for_s = 60\n"
    other = judge(folder / "longer", run.files["evidence.json"], config=longer)
    assert other.verdicts["monitoring.windows[cache/RedisCommandP95]"] == "unknown"
