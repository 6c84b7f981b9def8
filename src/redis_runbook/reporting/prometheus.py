"""`--metrics-file`: what a run found, as a textfile for the node_exporter of Prometheus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from redis_runbook.judging.queue_latency import is_known
from redis_runbook.probes.bullmq.queues import ObservedQueue, QueuesFacts
from redis_runbook.redact import printable
from redis_runbook.session.run import Run
from redis_runbook.verdict import ExitCode, Finding, Verdict
from redis_runbook.wire import own_series as own
from redis_runbook.wire.files import write_whole

_VALUES: Final[Mapping[Verdict, int]] = {
    Verdict.PASS: own.PASS,
    Verdict.WARN: own.WARN,
    Verdict.UNKNOWN: own.UNKNOWN,
    Verdict.FAIL: own.FAIL,
    Verdict.NOT_APPLICABLE: own.NOT_APPLICABLE,
}
_LONGEST_LABEL: Final = 200
_MS_PER_S: Final = 1000


def write_metrics(run: Run, path: Path, *, reported: bool) -> list[str]:
    """Write the file, whole or not at all; a run is no success where its reports are not there.

    Returns:
        Why it could not be written, as a sentence; empty when it is there.
    """
    try:
        write_whole(path, render(run, healthy=reported and run.exit_code is ExitCode.HEALTHY))
    except OSError as error:
        return [f"cannot write {path}: {error.strerror}"]
    return []


def render(run: Run, *, healthy: bool) -> bytes:
    """The metrics of a run; a series is absent where its value is not known, never 0."""
    metrics = _Metrics(run)
    metrics.about_run(healthy=healthy)
    for finding in run.findings.values():
        metrics.about_finding(finding)
    for service in run.services:
        if queues := run.known(service.name, QueuesFacts):
            for title, queue in queues.by_name.items():
                metrics.about_queue(service.name, title, queue)
    return generate_latest(metrics.registry)


class _Metrics:
    """The gauges of one run, with labels that are redacted, printable and not long."""

    def __init__(self, run: Run) -> None:
        self.registry = CollectorRegistry()
        self._run = run
        service, queue = ["service"], ["service", "queue"]
        self._check = self._gauge(
            own.CHECK,
            "What a check concluded: 0 pass, 1 warn, 2 unknown, 3 fail, -1 not applicable",
            ["check", "service", "subject"],
        )
        self._waits = self._gauge(
            own.QUEUE_LATENCY, "How long the job has waited that waits longest; 0: none", queue
        )
        self._depth = self._gauge(own.QUEUE_DEPTH, "Jobs that could be processed now", queue)
        self._workers = self._gauge(own.QUEUE_WORKERS, "Workers that take jobs", queue)
        self._by_check = {
            "latency.round_trip": (
                self._gauge(own.LATENCY_P95, "p95 of a client's round trips in the run", service),
                1 / _MS_PER_S,
            ),
            "memory.used_ratio": (
                self._gauge(own.MEMORY_USED_RATIO, "Used memory, of what it may use", service),
                1,
            ),
            "jwt_cache.populated": (
                self._gauge(own.JWT_ENTRIES, "Live entries found in the JWT cache", service),
                1,
            ),
        }
        # The same samples; of a cache this is the check that the runbook's limit is for.
        self._by_check["latency.command_p95"] = self._by_check["latency.round_trip"]

    def about_run(self, *, healthy: bool) -> None:
        run, target = self._run, self._run.target
        labels = {"profile": run.profile.name, "target": target.kind if target else ""}
        ended = run.started_at.timestamp() + run.elapsed_s
        for name, meaning, value in (
            (own.RUN_DURATION, "How long the run took", run.elapsed_s),
            (own.RUN_TIMESTAMP, "When the run ended, in Unix time", ended),
            (own.RUN_SUCCESS, "1 where the run was healthy: exit code 0", int(healthy)),
        ):
            self._gauge(name, meaning, list(labels)).labels(**labels).set(value)

    def about_finding(self, finding: Finding) -> None:
        check, subject = self._text(finding.check), self._text(finding.subject)
        labels = check, finding.service or "", subject
        self._check.labels(*labels).set(_VALUES[finding.verdict])
        if finding.check in self._by_check and finding.observed is not None and finding.service:
            gauge, factor = self._by_check[finding.check]
            gauge.labels(finding.service).set(finding.observed * factor)

    def about_queue(self, service: str, title: str, queue: ObservedQueue) -> None:
        facts, labels = queue.last, (service, self._text(title))
        paused_ok = self._run.config.queue_limits(service, title).paused_ok
        wait_s = 0.0 if facts.longest_wait_s is None and is_known(facts) else facts.longest_wait_s
        if wait_s is not None and not (facts.paused and paused_ok):
            self._waits.labels(*labels).set(wait_s)
        if facts.counts.backlog is not None:
            self._depth.labels(*labels).set(facts.counts.backlog)
        if queue.workers.known:
            self._workers.labels(*labels).set(queue.workers.at_work)

    def _gauge(self, name: str, meaning: str, labels: list[str]) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)

    def _text(self, text: str) -> str:
        return printable(self._run.redact.document(text), _LONGEST_LABEL)
