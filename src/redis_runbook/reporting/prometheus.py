"""`--metrics-file`: the findings of a run as a textfile for the node_exporter."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from redis_runbook.record import QueueRecord, RunRecord
from redis_runbook.redact import Shown, shortened
from redis_runbook.verdict import ExitCode, Finding, Verdict
from redis_runbook.wire import own_series as own

_VALUES: Final[Mapping[Verdict, int]] = {
    Verdict.PASS: own.PASS,
    Verdict.WARN: own.WARN,
    Verdict.UNKNOWN: own.UNKNOWN,
    Verdict.FAIL: own.FAIL,
    Verdict.NOT_APPLICABLE: own.NOT_APPLICABLE,
}
_MAX_LABEL: Final = 200
_MS_PER_S: Final = 1000


def render(record: RunRecord) -> str:
    """The metrics of a run; a series with an unknown value is absent, never 0."""
    metrics = _Metrics()
    metrics.about_run(record)
    for finding in record.findings:
        metrics.about_finding(finding)
    for queue in record.queues:
        metrics.about_queue(queue)
    return generate_latest(metrics.registry).decode()


class _Metrics:
    """The gauges of one run, with printable labels of bounded length."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        service, queue = ["service"], ["service", "queue"]
        self._check = self._gauge(
            own.CHECK,
            "What a check concluded: 0 pass, 1 warn, 2 unknown, 3 fail, -1 not applicable",
            ["check", "service", "subject", own.FOLLOWS_FROM, own.SUPPRESSED],
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
        # The same samples, but a cache has its limit in this check.
        self._by_check["latency.command_p95"] = self._by_check["latency.round_trip"]

    def about_run(self, record: RunRecord) -> None:
        labels = {"profile": record.profile, "target": record.target or ""}
        healthy = record.exit_code is ExitCode.HEALTHY
        for name, meaning, value in (
            (own.RUN_DURATION, "How long the run took", record.elapsed_s),
            (
                own.RUN_TIMESTAMP,
                "When the run ended, in Unix time",
                record.ended_at.timestamp(),
            ),
            (own.RUN_SUCCESS, "1 where the run was healthy: exit code 0", int(healthy)),
        ):
            self._gauge(name, meaning, list(labels)).labels(**labels).set(value)

    def about_finding(self, finding: Finding) -> None:
        check, subject = _label(finding.check), _label(finding.subject)
        cause = _label(finding.follows_from) if finding.follows_from else ""
        suppressed = "true" if finding.suppressed else ""
        labels = check, finding.service or "", subject, cause, suppressed
        self._check.labels(*labels).set(_VALUES[finding.verdict])
        if finding.check in self._by_check and finding.observed is not None and finding.service:
            gauge, factor = self._by_check[finding.check]
            gauge.labels(finding.service).set(finding.observed * factor)

    def about_queue(self, queue: QueueRecord) -> None:
        labels = queue.service, _label(queue.name)
        for gauge, value in (
            (self._waits, queue.longest_wait_s),
            (self._depth, queue.backlog),
            (self._workers, queue.workers_at_work),
        ):
            if value is not None:
                gauge.labels(*labels).set(value)

    def _gauge(self, name: str, meaning: str, labels: list[str]) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)


def _label(text: Shown) -> Shown:
    return shortened(text, _MAX_LABEL)
