"""What Prometheus says and what we say of it agree; what it cannot say is never a pass."""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.rule_file import render
from redis_runbook.config.load import load
from tests.support import product
from tests.support.exporters import Exporter
from tests.support.monitoring_judged import Judged, judged
from tests.support.prometheus_server import PrometheusServer, Targets, prometheus
from tests.support.servers import Server, running, wait_until

LIMITS = """
[services.queue.limits]
queue_latency_for_s = 3
[services.cache.limits]
command_p95_for_s = 3
[exporter]
missing_for_s = 3
"""


@dataclass
class Stack:
    """Two servers, an exporter for each, a textfile of ours, and the Prometheus that sees all."""

    queue: Server
    cache: Server
    exporters: dict[str, Exporter]
    textfile: Path
    prometheus: PrometheusServer
    folder: Path

    @property
    def config(self) -> str:
        return f'{LIMITS}\n[prometheus]\nurl = "{self.prometheus.url}"\n'

    def judged(self) -> Judged:
        return judged(self.folder, self.config)


@contextlib.contextmanager
def textfile_exporter(file: Path) -> Iterator[str]:
    """FAKE: a node_exporter that has nothing but one textfile."""

    class Textfile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(file.read_bytes() if file.exists() else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Textfile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def rules_of(config: str, folder: Path) -> str:
    file = folder / "rules.toml"
    file.write_text(config)
    return render(implied_rules(load(file, {}, {}).config))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    textfile = folder / "runbook.prom"
    with contextlib.ExitStack() as held:
        queue = held.enter_context(
            running(
                "--maxmemory", "64mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes"
            )
        )
        cache = held.enter_context(
            running("--maxmemory", "64mb", "--maxmemory-policy", "noeviction",
                    "--enable-debug-command", "yes")
        )  # fmt: skip
        queue.client().xadd("bull:render:events", {"event": "added"})
        queue.client().hset("bull:render:meta", "opts.maxLenEvents", "10")
        exporters = {"queue": Exporter(queue.url), "cache": Exporter(cache.url)}
        for one in exporters.values():
            held.callback(one.stop)
        node = held.enter_context(textfile_exporter(textfile))
        targets: Targets = {
            "redis": [(one.address, {"service": name}) for name, one in exporters.items()],
            "node": [(node, {})],
        }
        server = held.enter_context(prometheus(targets, rules_of(LIMITS, folder)))
        made = Stack(queue, cache, exporters, textfile, server, folder)
        leave_metrics(made)
        wait_until(lambda: server.has('redis_runbook_latency_p95_seconds{service="cache"}'), 20)
        yield made


def leave_metrics(stack: Stack) -> None:
    """A real run that leaves our textfile, with what it measured."""
    done = product.run(
        stack.folder / "run", "smoke", "--metrics-file", str(stack.textfile), "--read-only",
        "--select", "queue", "latency",
        env=product.urls(stack.queue.url, stack.cache.url), config=LIMITS,
    )  # fmt: skip
    assert stack.textfile.exists(), done.out + done.err


def states(stack: Stack, wanted: str) -> set[str]:
    """The alerts about services that are in that state by Prometheus itself."""
    return {
        f"{rule['labels']['service']}/{rule['name']}"
        for group in stack.prometheus.ask("rules")["groups"]
        for rule in group["rules"]
        if rule["state"] == wanted and "service" in rule["labels"]
    }


def agreed(stack: Stack, expected: dict[str, str], *, firing: set[str]) -> Judged:
    """Wait until Prometheus has these alerts firing, and we say the expected; both must be so."""
    wait_until(lambda: states(stack, "firing") == firing, 30)
    seen: list[Judged] = []

    def as_expected() -> bool:
        seen.append(stack.judged())
        return all(seen[-1][name][0] == verdict for name, verdict in expected.items())

    with contextlib.suppress(AssertionError):
        wait_until(as_expected, 10)
    assert as_expected(), seen[-1]
    assert states(stack, "firing") == firing
    ours = seen[-1]
    assert (ours["alerts"][0] == "fail") == bool(firing), ours["alerts"]
    windows = {name for name in ours if "/" in name}
    assert {name for name in windows if ours[name][0] == "fail"} == windows & firing
    return ours


def judged_while(stack: Stack, state: str, alerts: set[str]) -> Judged:
    """What we say while Prometheus has these alerts, and no other, in that state."""
    seen: list[Judged] = []

    def judged_in_between() -> bool:
        before, ours = states(stack, state), stack.judged()
        seen.append(ours)
        return before == alerts == states(stack, state)

    wait_until(judged_in_between, 10)
    return seen[-1]


HEALTHY = dict.fromkeys(
    ["targets", "rules", "alerts", "queue/RedisQueueLatency", "queue/RedisMemory",
     "cache/RedisCommandP95", "cache/RedisMemory"], "pass",
)  # fmt: skip


def test_a_healthy_stack_passes_and_no_alert_is_active(stack: Stack) -> None:
    ours = agreed(stack, HEALTHY, firing=set())
    assert "3 scrape targets are up" in ours["targets"][1]
    assert "4 alerts of the runbook" in ours["rules"][1]


def test_memory_over_80_percent_fires_there_and_fails_here(stack: Stack) -> None:
    client = stack.cache.client()
    for number in range(54):
        client.set(f"big:{number}", "x" * 1_000_000)
    try:
        ours = agreed(
            stack,
            {**HEALTHY, "alerts": "fail", "cache/RedisMemory": "fail"},
            firing={"cache/RedisMemory"},
        )
        done = product.run(
            stack.folder / "witnesses", "smoke", "--select", "memory.used_ratio", "monitoring",
            env=product.urls(stack.queue.url, stack.cache.url), config=stack.config,
        )  # fmt: skip
    finally:
        client.flushall()
    for witness in ("monitoring.alerts[prometheus]", "monitoring.windows[cache/RedisMemory]"):
        assert done.finding(witness)["follows_from"] == "memory.used_ratio[cache]"
        assert f"    also: {witness}" in done.out
        assert re.search(rf"follow from it: .*?{re.escape(witness)}", done.html, re.DOTALL)
    assert "(3 fail, " in done.out
    assert ours["alerts"][1] == "firing: cache/RedisMemory"
    assert "is over 80.0 %" in ours["cache/RedisMemory"][1]
    agreed(stack, HEALTHY, firing=set())


def test_slow_commands_are_pending_then_fire_there_and_warn_then_fail_here(stack: Stack) -> None:
    slow = threading.Event()

    def sleep() -> None:
        with stack.cache.client() as client:
            while not slow.is_set():
                client.execute_command("DEBUG", "SLEEP", "0.12")

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        leave_metrics(stack)
    finally:
        slow.set()
        thread.join()
    pending = judged_while(stack, "pending", {"cache/RedisCommandP95"})
    assert pending["alerts"][0] == "warn"
    assert pending["cache/RedisCommandP95"][0] == "warn"
    ours = agreed(
        stack,
        {**HEALTHY, "alerts": "fail", "cache/RedisCommandP95": "fail"},
        firing={"cache/RedisCommandP95"},
    )
    assert "at every step of the last 3s" in ours["cache/RedisCommandP95"][1]
    leave_metrics(stack)
    agreed(stack, HEALTHY, firing=set())


def test_a_dead_target_fires_there_and_fails_here(stack: Stack) -> None:
    stack.exporters["cache"].stop()
    try:
        ours = agreed(
            stack,
            {
                **HEALTHY,
                "targets": "fail",
                "alerts": "fail",
                "cache/RedisMemory": "unknown",
            },
            firing={"cache/RedisUnwatched"},
        )
    finally:
        stack.exporters["cache"].start()
    assert "connection refused" in ours["targets"][1]
    assert "its series have no value (an exporter is down" in ours["cache/RedisMemory"][1]
    agreed(stack, HEALTHY, firing=set())


def test_a_stopped_server_fires_there_and_fails_here(stack: Stack) -> None:
    stack.cache.stop()
    try:
        agreed(stack, {"targets": "pass", "alerts": "fail"}, firing={"cache/RedisDown"})
    finally:
        stack.cache.start()
    agreed(stack, HEALTHY, firing=set())


def test_a_prometheus_that_stood_still_knows_nothing_and_leaves_a_gap(stack: Stack) -> None:
    os.kill(stack.prometheus.process.pid, signal.SIGSTOP)
    try:
        still_until = time.monotonic() + 6
        ours = judged(stack.folder, f"{stack.config}timeout_s = 1\n")
        assert {verdict for verdict, _ in ours.values()} == {"unknown"}
        assert "gave no complete answer in 1 s" in ours["alerts"][1]
        time.sleep(max(0.0, still_until - time.monotonic()))
    finally:
        os.kill(stack.prometheus.process.pid, signal.SIGCONT)
    # Prometheus itself repeats the last value all through the gap.
    wait_until(lambda: stack.prometheus.has("up"), 5)
    ours = stack.judged()
    assert ours["queue/RedisQueueLatency"][0] == "unknown", ours
    assert "have no fresh value" in ours["queue/RedisQueueLatency"][1]
    agreed(stack, HEALTHY, firing=set())


OPERATORS_OWN = """
groups:
- name: by hand
  rules:
  - record: instance:redis_memory:ratio
    expr: redis_memory_used_bytes / redis_memory_max_bytes
  - alert: Full
    expr: instance:redis_memory:ratio * 100 > 80
  - alert: Waiting
    expr: max by (service, queue) (redis_runbook_queue_latency_seconds) > 2
    for: 3s
  - alert: Slow
    expr: redis_runbook_latency_p95_seconds{service=~"cache|other"} * 1000 >= 50
    for: 3s
"""

WRONG = """
groups:
- name: wrong
  rules:
  - alert: Full
    expr: redis_memory_used_bytes{service="queue"} / redis_memory_max_bytes > 0.9
  - alert: RedisMemory
    expr: redis_memory_used_byte{service="cache"} / redis_memory_max_bytes > 0.8
  - alert: Waiting
    expr: redis_runbook_queue_latency_seconds > 2
    for: 5m
"""

FAILING = """
groups:
- name: failing
  rules:
  - alert: Full
    expr: redis_memory_used_bytes / on () redis_memory_max_bytes > 0.8
  - alert: Waiting
    expr: 2 < label_replace(redis_runbook_queue_latency_seconds, "a", "$1", "b", "c[")
    for: 3s
  - alert: Slow
    expr: redis_runbook_latency_p95_seconds{service="queue"} > 0.05
    for: 3s
"""


def test_rules_are_known_by_what_they_compute_and_each_fault_has_its_words(stack: Stack) -> None:
    try:
        stack.prometheus.load(OPERATORS_OWN)
        ours = stack.judged()
        assert ours["rules"][0] == "pass", ours["rules"]
        assert ours["alerts"][0] == "pass", ours["alerts"]

        stack.prometheus.load(WRONG)
        ours = stack.judged()
        assert ours["rules"][0] == "fail"
        assert ours["alerts"][0] == "unknown"
        for words in (
            "queue/RedisMemory: Full has the limit 0.9, the runbook 0.8",
            "queue/RedisQueueLatency: Waiting waits for 300 s, the runbook for 3 s",
            "cache/RedisMemory: computes something else: redis_memory_used_byte{",
            'cache/RedisMemory: can never fire: it reads redis_memory_used_byte{service="cache"}',
            "cache/RedisCommandP95: no rule alerts when redis_runbook_latency_p95_seconds{",
        ):
            assert words in ours["rules"][1]

        stack.prometheus.load(FAILING)
        ours = stack.judged()
        assert ours["rules"][0] == "fail"
        assert (
            "cache/RedisMemory: Full fails to evaluate: found duplicate series" in ours["rules"][1]
        )
        assert "cache/RedisCommandP95: no rule alerts when" in ours["rules"][1]
        assert "whether Waiting amounts to it cannot be told" in ours["alerts"][1]
    finally:
        stack.prometheus.load(rules_of(LIMITS, stack.folder))
        agreed(stack, {"rules": "pass"}, firing=set())


def test_a_whole_run_tells_what_prometheus_says(stack: Stack) -> None:
    env = product.urls(stack.queue.url, stack.cache.url) | {"PROMETHEUS_URL": stack.prometheus.url}
    done = product.run(
        stack.folder / "whole", "smoke", "--read-only", "--select", "monitoring",
        env=env, config=LIMITS,
    )  # fmt: skip
    assert done.code == 0, done.out
    assert done.verdicts == {
        "monitoring.targets[prometheus]": "pass",
        "monitoring.rules[prometheus]": "pass",
        "monitoring.alerts[prometheus]": "pass",
        "monitoring.windows[queue/RedisQueueLatency]": "pass",
        "monitoring.windows[queue/RedisMemory]": "pass",
        "monitoring.windows[cache/RedisCommandP95]": "pass",
        "monitoring.windows[cache/RedisMemory]": "pass",
        "monitoring.dashboards[grafana]": "not_applicable",
    }
    assert done.finding("monitoring.windows[cache/RedisMemory]")["service"] == "cache"
    assert "set GRAFANA_URL" in done.message("monitoring.dashboards[grafana]")
