"""`--metrics-file`: what Prometheus is told of a run, and what it is never told."""

import stat
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule import series
from redis_runbook.config.profiles import PROFILES
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.queues import ObservedQueue, QueuesFacts
from redis_runbook.probes.bullmq.workers import WorkerFacts
from redis_runbook.redact import Shown
from redis_runbook.reporting.prometheus import render
from redis_runbook.session.run import Run
from redis_runbook.session.run_record import make_record
from redis_runbook.verdict import ExitCode, Finding, Verdict
from tests.support import product
from tests.support.bullmq_facts import quiet, waiting
from tests.support.loading import as_loaded, configured
from tests.support.promtool import promtool
from tests.support.servers import Server, running

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXBsYW50ZWQ"
SECRET = "planted-secret"
HOSTILE = 'a"} 1\nb{\\ {{ $x }} ü🎉 \x1b[31m'
VALUES = {"pass": 0, "warn": 1, "unknown": 2, "fail": 3, "not_applicable": -1}

Metrics = dict[str, float]


def parsed(text: str) -> Metrics:
    """Every sample, by its series as our rules would write it."""
    found: Metrics = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = series(sample.name, dict(sorted(sample.labels.items())))
            assert name not in found
            found[name] = sample.value
    return found


def a_run(seen: dict[str, ObservedQueue] | None = None, **options: Any) -> Run:
    """A run that has seen these queues on `queue` and found nothing yet."""
    run = Run(as_loaded(configured(**options)), PROFILES["smoke"], environ={"API_TOKEN": SECRET})
    known = {("queue", QueuesFacts): QueuesFacts(seen)} if seen is not None else {}
    run.observation = SimpleNamespace(known=lambda *about: known.get(about))  # type: ignore[assignment]
    return run


def a_queue(facts: QueueFacts, **workers: Any) -> ObservedQueue:
    about: dict[str, Any] = {"known": True, "alive": True, **workers}
    return ObservedQueue(
        configured_as="bundle:render", first=facts, last=facts, workers=WorkerFacts(**about)
    )


def written_by(run: Run, *, healthy: bool) -> str:
    code = ExitCode.HEALTHY if healthy else ExitCode.BROKEN
    return render(replace(make_record(run), exit_code=code))


def metrics(run: Run, *, healthy: bool = True) -> Metrics:
    text = written_by(run, healthy=healthy)
    checked = promtool("check", "metrics", text=text)
    assert checked.returncode == 0, checked.stderr
    return parsed(text)


def found(check: str, verdict: Verdict, **about: Any) -> Finding:
    about = {"subject": Shown("queue"), **about}
    return Finding(check=Shown(check), verdict=verdict, message=Shown(""), **about)


# Queues


def latency(queue: ObservedQueue, **options: Any) -> float | None:
    run = a_run({"bundle:render": queue}, **options)
    name = 'redis_runbook_queue_latency_seconds{queue="bundle:render",service="queue"}'
    return metrics(run).get(name)


def test_the_latency_of_a_queue_is_how_long_its_oldest_job_waits_now() -> None:
    assert latency(a_queue(quiet(**waiting(7.5)))) == 7.5


def test_the_latency_of_an_idle_queue_is_zero() -> None:
    assert latency(a_queue(quiet())) == 0


@pytest.mark.parametrize(
    "facts",
    [
        quiet(**waiting(None)),
        quiet(counts={"waiting": None}),
        quiet(counts={"waiting": 3}),
        quiet(overdue_s=None),
    ],
)
def test_a_latency_that_is_not_known_is_absent_and_not_zero(facts: QueueFacts) -> None:
    assert latency(a_queue(facts)) is None


def test_a_queue_that_may_be_paused_has_no_latency_while_it_is() -> None:
    paused = a_queue(quiet(**waiting(60), paused=True))
    assert latency(paused) == 60
    assert latency(paused, queues={"bundle:render": {"paused_ok": True}}) is None


def test_depth_and_workers_are_absent_where_they_are_not_known() -> None:
    known, unknown = quiet(**waiting(1)), quiet(counts={"prioritized": None})
    told = metrics(a_run({"a": a_queue(known), "b": a_queue(unknown, known=False)}))
    own = {name: value for name, value in told.items() if "{queue=" in name}
    assert own == {
        'redis_runbook_queue_latency_seconds{queue="a",service="queue"}': 1,
        'redis_runbook_queue_depth{queue="a",service="queue"}': 1,
        'redis_runbook_queue_workers{queue="a",service="queue"}': 0,
    }


# Findings


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_value(verdict: Verdict) -> None:
    run = a_run()
    run.record(found("memory.evictions", verdict, service="queue"))
    name = (
        'redis_runbook_check{check="memory.evictions",follows_from="",service="queue",'
        'subject="queue",suppressed=""}'
    )
    assert metrics(run)[name] == VALUES[verdict]


def test_measured_values_are_told_in_the_units_of_prometheus() -> None:
    run = a_run()
    run.record(found("latency.round_trip", Verdict.PASS, service="queue", observed=12.5))
    run.record(found("memory.used_ratio", Verdict.FAIL, service="queue", observed=0.9))
    run.record(found("jwt_cache.populated", Verdict.PASS, service="cache", observed=7))
    run.record(found("jwt_cache.expires", Verdict.PASS, service="cache", observed=900))
    told = {name: value for name, value in metrics(run).items() if "_check{" not in name}
    assert {name: value for name, value in told.items() if "_run_" not in name} == {
        'redis_runbook_latency_p95_seconds{service="queue"}': 0.0125,
        'redis_runbook_memory_used_ratio{service="queue"}': 0.9,
        'redis_runbook_jwt_entries{service="cache"}': 7,
    }


def test_what_could_not_be_measured_is_absent_and_not_zero() -> None:
    run = a_run()
    for check in ("latency.round_trip", "memory.used_ratio", "jwt_cache.populated"):
        run.record(found(check, Verdict.UNKNOWN, service="cache"))
    told = [name for name in metrics(run) if "_check{" not in name and "_run_" not in name]
    assert told == []


@pytest.mark.parametrize("text", [HOSTILE, SECRET, JWT, "\udcff", "x" * 5_000])
def test_a_hostile_name_breaks_nothing_and_no_secret_is_told(text: str) -> None:
    run = a_run({text: a_queue(quiet(**waiting(7)))})
    run.record(found("queue.latency", Verdict.FAIL, service="queue", subject=text))
    written = written_by(run, healthy=False)
    told = parsed(written)
    assert len([name for name in told if name.startswith("redis_runbook_check{")]) == 1
    assert 7 in {value for name, value in told.items() if "latency_seconds" in name}
    assert SECRET not in written
    assert JWT not in written
    assert "\x1b" not in written
    assert len(written) < 5_000
    assert promtool("check", "metrics", text=written).returncode == 0


# Whole runs


def test_a_run_leaves_one_series_for_each_finding(healthy: Server, folder: Path) -> None:
    env = product.urls(healthy.url)
    before = time.time()
    done = product.run(folder, "smoke", "--metrics-file", "runbook.prom", env=env)
    told = parsed((folder / "runbook.prom").read_text())
    assert done.verdicts
    for name, verdict in done.verdicts.items():
        about = done.finding(name)
        labels = {key: about[key] or "" for key in ("check", "follows_from", "service", "subject")}
        labels["suppressed"] = ""
        assert told[series("redis_runbook_check", labels)] == VALUES[verdict]
    assert len([name for name in told if "_check{" in name]) == len(done.verdicts)
    run = '{profile="smoke",target="live"}'
    assert told[f"redis_runbook_run_success{run}"] == int(done.code == 0) == 0
    assert 0 < told[f"redis_runbook_run_duration_seconds{run}"] < 60
    assert before < told[f"redis_runbook_run_timestamp_seconds{run}"] <= time.time()
    assert {path.name for path in folder.iterdir()} == {"reports", "runbook.prom"}
    assert stat.S_IMODE((folder / "runbook.prom").stat().st_mode) & stat.S_IRGRP


@pytest.mark.parametrize(
    "option", [("--metrics-file", "x.txt"), ("--output", "prometheus=x.txt")], ids=" ".join
)
def test_a_name_that_node_exporter_does_not_read_is_said(
    option: tuple[str, str], healthy: Server, folder: Path
) -> None:
    arguments = ("smoke", "--select", "connectivity.role", *option)
    done = product.run(folder, *arguments, env=product.urls(healthy.url))
    assert done.err == "x.txt: node_exporter reads only files that end in .prom\n"
    assert done.code == 0
    assert "redis_runbook_check" in (folder / "x.txt").read_text()


@pytest.mark.parametrize("file", ["x.prom", "/dev/null", "/dev/stdout"])
def test_a_name_that_ends_in_prom_and_a_device_are_no_matter(
    file: str, healthy: Server, folder: Path
) -> None:
    arguments = ("smoke", "--select", "connectivity.role", "--metrics-file", file)
    done = product.run(folder, *arguments, env=product.urls(healthy.url))
    assert (done.code, done.err) == (0, "")


def test_a_throwaway_target_is_not_called_live(folder: Path) -> None:
    done = product.run(folder, "smoke", "--target", "embedded", "--metrics-file", "runbook.prom")
    told = parsed((folder / "runbook.prom").read_text())
    assert done.code == 0
    assert told['redis_runbook_run_success{profile="smoke",target="embedded"}'] == 1


def test_what_our_rules_read_is_what_a_run_writes() -> None:
    ours = {
        metric
        for rule in implied_rules(configured(exporter__enabled=False))
        for metric in rule.metrics
    }
    run = a_run({"a": a_queue(quiet())})
    run.record(found("latency.command_p95", Verdict.PASS, service="cache", observed=1))
    assert ours <= {name.partition("{")[0] for name in metrics(run)}


@pytest.mark.parametrize("file", ["no/such/folder/x.prom", ".", "/dev/full/x"])
def test_a_file_that_cannot_be_written_is_said_and_never_a_success(file: str, folder: Path) -> None:
    arguments = ["--target", "embedded", "--select", "memory.evictions", "--metrics-file", file]
    done = product.run(folder, "smoke", *arguments)
    assert done.code == 3
    assert f"cannot write {file}: " in done.err
    assert "Traceback" not in done.everything
    assert {path.name for path in folder.iterdir()} == {"reports"}


def test_a_broken_invariant_outranks_a_file_that_cannot_be_written(folder: Path) -> None:
    with running("--maxmemory-policy", "allkeys-lru") as server:
        done = product.run(
            folder,
            "smoke",
            "--select=memory.eviction_policy",
            "--metrics-file=no/such/folder/x.prom",
            env=product.urls(server.url),
        )
    assert done.code == 1
    assert "cannot write no/such/folder/x.prom: " in done.err


def test_a_run_whose_reports_cannot_be_written_is_no_success(folder: Path) -> None:
    arguments = [
        "--target",
        "embedded",
        "--select",
        "memory.evictions",
        "--report-dir",
        "/dev/null",
    ]
    done = product.run(folder, "smoke", *arguments, "--metrics-file", "x.prom")
    assert done.code == 3
    told = parsed((folder / "x.prom").read_text())
    assert told['redis_runbook_run_success{profile="smoke",target="embedded"}'] == 0
