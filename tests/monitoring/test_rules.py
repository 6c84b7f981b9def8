"""What Prometheus and a real exporter make of the alert rules, and the command that writes them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule import AlertRule, Growth, number
from redis_runbook.alerts.rule_file import render
from redis_runbook.config.model import Config
from redis_runbook.wire.own_series import is_ours
from tests.support import product
from tests.support.exporters import exporter
from tests.support.loading import configured
from tests.support.promtool import promtool, written
from tests.support.servers import running

RICH: dict[str, Any] = {
    "runbook_url": "https://reader:secret-word@wiki.example.org/{{redis",
    "services__queue__series": {"instance": 'redis://q"\\{{x}}:6379', "job": "redis"},
    "services__queue__memory_limit": "512MiB",
    "services__queue__replicas_min": 2,
    "services__cache__expected_role": "replica",
    "services__cache__limits__command_p95_for_s": 45.5,
    "services__cache__limits__command_p95_ms": 0.5,
    "queues": {
        'it\'s: {{ $value }} "x" \\ 🎉': {"latency_s": 9},
        "now": {"strict_now": True},
        "deep": {"depth": 5},
    },
}
"""A configuration that sets all that a rule depends on, to what is hard to write."""


# What promtool says


@pytest.mark.parametrize("options", [{}, RICH], ids=["default", "rich"])
def test_promtool_accepts_the_rules_and_their_generated_cases(
    options: dict[str, Any], tmp_path: Path
) -> None:
    rules = implied_rules(configured(**options))
    cases = written(tmp_path, rules)
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yml")
    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules)} rules found" in checked.stdout
    tested = promtool("test", "rules", cases)
    assert tested.returncode == 0, tested.stderr


def test_the_generated_cases_notice_any_other_threshold_comparison_or_duration(
    tmp_path: Path,
) -> None:
    files = [
        written(tmp_path, [wrong], cases_of=[right], name=str(at))
        for at, (right, wrong) in enumerate(_mutants(implied_rules(configured(**RICH))))
    ]
    assert len(files) > 70
    tested = promtool("test", "rules", *files)
    unnoticed = [one for one in tested.stdout.split("Unit Testing: ") if "SUCCESS" in one]
    assert unnoticed == []
    assert tested.returncode == 1


def _mutants(rules: Sequence[AlertRule]) -> Iterator[tuple[AlertRule, AlertRule]]:
    """Each rule as it is, beside one with something wrong that its cases must notice."""
    for one in rules:
        least = 1 if one.threshold == int(one.threshold) else one.threshold / 100
        yield one, replace(one, threshold=one.threshold + least)
        yield one, replace(one, threshold=one.threshold - least)
        if one.for_s:
            yield one, replace(one, for_s=one.for_s * 1.5)
            yield one, replace(one, for_s=0.0)


def assert_fires(folder: Path, config: Config, series: dict[str, str], *expected: str) -> None:
    """Exactly these fire (`RedisDown queue`) where Prometheus has seen `series` for 20 minutes."""
    (folder / "rules.yml").write_text(render(implied_rules(config)))
    firing = {
        "expr": 'count by (alertname, service) (ALERTS{alertstate="firing"})',
        "eval_time": "20m",
        "exp_samples": [{"labels": _alert(*one.split()), "value": 1} for one in expected],
    }
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    case = {"interval": "30s", "input_series": inputs, "promql_expr_test": [firing]}
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "30s", "tests": [case]}
    (folder / "case.yml").write_text(json.dumps(document))
    tested = promtool("test", "rules", folder / "case.yml")
    assert tested.returncode == 0, tested.stderr


def _alert(name: str, service: str = "") -> str:
    return f'{{alertname="{name}"' + (f',service="{service}"}}' if service else "}")


def healthy_stack(config: Config) -> dict[str, str]:
    """All that the rules read, as it is where all is well."""
    series: dict[str, str] = {}
    for one in implied_rules(config):
        for name, course in one.silent_cases[0].items():
            grows = course if isinstance(course, Growth) else Growth(0, start=course)
            series.setdefault(name, f"{number(grows.start)}+{number(grows.per_s * 30)}x60")
    return series


def test_a_healthy_stack_of_two_independent_masters_fires_nothing(tmp_path: Path) -> None:
    series = healthy_stack(configured())
    assert len([name for name in series if 'role="master"' in name]) == 2
    assert_fires(tmp_path, configured(), series)


def test_an_exporter_and_a_metrics_file_that_vanish_are_noticed(tmp_path: Path) -> None:
    series = healthy_stack(configured())
    assert series.pop('redis_up{service="cache"}')
    assert series.pop('redis_runbook_run_timestamp_seconds{target="live"}')
    assert_fires(tmp_path, configured(), series, "RedisUnwatched cache", "RedisRunbookMissing")


UNLIMITED = {
    'redis_memory_used_bytes{service="cache"}': "500000000+0x60",
    'redis_memory_max_bytes{service="cache"}': "0+0x60",
}


def test_a_maxmemory_of_zero_is_said_and_never_divided_by(tmp_path: Path) -> None:
    series = {**healthy_stack(configured()), **UNLIMITED}
    assert_fires(tmp_path, configured(), series, "RedisMemoryUnlimited cache")


@pytest.mark.parametrize(("limit", "alerts"), [("600MB", ["RedisMemory cache"]), ("700MB", [])])
def test_the_configured_memory_limit_stands_in_for_a_maxmemory_of_zero(
    limit: str, alerts: list[str], tmp_path: Path
) -> None:
    config = configured(services__cache__memory_limit=limit)
    assert_fires(tmp_path, config, {**healthy_stack(config), **UNLIMITED}, *alerts)


def test_series_are_selected_by_the_labels_that_the_configuration_names(tmp_path: Path) -> None:
    config = configured(services__cache__series={"instance": "redis://redis-cache:6379"})
    others = healthy_stack(configured())
    assert_fires(tmp_path, config, {**others, **healthy_stack(config)})
    assert_fires(tmp_path, config, others, "RedisUnwatched cache")


def test_a_real_exporter_gives_every_series_and_label_that_a_rule_reads() -> None:
    with (
        running() as master,
        running("--replicaof", "127.0.0.1", str(master.port)) as replica,
        exporter(master) as url,
    ):
        of_replica = f"{url.removesuffix('metrics')}scrape?target={replica.url}"
        texts = [requests.get(one, timeout=10).text for one in (url, of_replica)]
    families = list(text_string_to_metric_families("\n".join(texts)))
    names = {sample.name for family in families for sample in family.samples}
    wanted = {
        metric
        for one in implied_rules(configured(**RICH))
        for metric in one.metrics
        if not is_ours(metric)
    }
    assert len(wanted) > 10
    # The Debian package is too old for the copy of LATENCY HISTOGRAM; its rule is one of two.
    assert wanted - names <= {"redis_commands_latencies_usec_bucket"}
    told = [set(one.samples[0].labels) for one in families if one.name == "redis_instance_info"]
    assert len(told) == 2
    assert all({"role", "redis_mode", "maxmemory_policy"} <= labels for labels in told)


# The command


def test_the_command_prints_the_rules_or_writes_them_with_their_cases(folder: Path) -> None:
    printed = product.run(folder, "rules", config="exporter.enabled = false")
    assert printed.code == 0
    options = ["-o", "out/rules.yml", "--tests", "cases/rules.yml"]
    done = product.run(folder, "rules", *options)
    assert (done.code, done.err) == (0, "")
    assert (folder / "out/rules.yml").read_text() == printed.out
    tested = promtool("test", "rules", folder / "cases/rules.yml")
    assert tested.returncode == 0, tested.stderr


def test_the_command_follows_the_configuration(folder: Path) -> None:
    config = "[services.queue.limits]\nqueue_latency_s = 11\n[services.queue]\nseries = {job='a'}"
    done = product.run(folder, "rules", config=config)
    assert 'redis_runbook_queue_latency_seconds{service="queue"} > 11' in done.out
    assert 'redis_up{job="a"} == 0' in done.out


@pytest.mark.parametrize(
    ("arguments", "config", "problem"),
    [
        (["-o", "/dev/null/rules.yml"], "", "cannot write /dev/null/rules.yml: "),
        (["-o", "."], "", "cannot write .: "),
        (["--tests", "cases.yml"], "", "--tests needs -o FILE"),
        (["--config", "none.toml"], "", "none.toml: does not exist"),
        ([], "[services.queue]\nseries = {__name__ = 'x'}", "is not a Prometheus label"),
        ([], '[services.queue]\nseries = {job = "a\\nb"}', "control characters"),
    ],
)
def test_what_cannot_be_written_is_said_and_no_success(
    arguments: list[str], config: str, problem: str, folder: Path
) -> None:
    done = product.run(folder, "rules", *arguments, config=config)
    assert (done.code, done.out) == (4, "")
    assert problem in done.err
    assert "Traceback" not in done.err
