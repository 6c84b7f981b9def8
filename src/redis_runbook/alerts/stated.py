"""The alerts on what the runbook states: queue latency, command duration and memory.

Command duration has two, by our own samples and by the server's.
Queue latency is only in our own series; no exporter measures it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from redis_runbook.alerts.rule import (
    JUST_OVER,
    JUST_UNDER,
    AboutService,
    AlertRule,
    Growth,
    Samples,
    number,
    series,
)
from redis_runbook.check import percent
from redis_runbook.probes.prometheus.promql import quoted
from redis_runbook.wire import own_series as own


class RunbookAlerts(AboutService):
    """The runbook's alerts about one service."""

    def rules(self) -> Iterator[AlertRule]:
        """The runbook's alerts for the service's role."""
        watched = self.config.exporter.enabled
        if self.settings.role_spec.has_queues:
            yield from self._queue_latency()
        if "latency.command_p95" in self.settings.role_spec.checks:
            yield self._command_p95()
            if watched:
                yield self._command_p95_on_server()
        if watched:
            yield self._memory()

    @property
    def _p95_s(self) -> float:
        return self.settings.limits.command_p95_ms / 1000

    def _queue_latency(self) -> Iterator[AlertRule]:
        """One rule for the service's limit, and one for each queue that has a limit of its own."""
        usual = self.settings.limits.queue_latency_s, self.settings.limits.queue_latency_for_s
        special = {}
        for queue in self.config.queues:
            limits = self.config.queue_limits(self.name, queue)
            limit = limits.latency_s, 0.0 if limits.strict_now else limits.latency_for_s
            if limit != usual:
                special[queue] = limit
        others = [f"queue!={quoted(queue)}" for queue in special]
        yield self._latency_of(None, *usual, others=others)
        for queue, limit in special.items():
            yield self._latency_of(queue, *limit)

    def _latency_of(
        self, queue: str | None, limit_s: float, for_s: float, *, others: Sequence[str] = ()
    ) -> AlertRule:
        labels = {"service": self.name} | ({"queue": queue} if queue else {})
        sample = series(own.QUEUE_LATENCY, labels)
        return self.alert(
            "RedisQueueLatency",
            "queue.latency",
            queue=queue,
            value=series(own.QUEUE_LATENCY, labels, *others),
            looked=series(own.CHECK, {"check": "queue.latency", "service": self.name}),
            comparison=">",
            threshold=limit_s,
            for_s=for_s,
            unit="s",
            of_runbook=True,
            summary=f"a job of {{{{ $labels.queue }}}} on {self.name} has waited "
            f"{{{{ $value | humanizeDuration }}}} (limit {limit_s:g} s)",
            firing_cases=[{sample: limit_s * JUST_OVER}],
            silent_cases=[{sample: limit_s}],
        )

    def _command_p95(self) -> AlertRule:
        sample = series(own.LATENCY_P95, {"service": self.name})
        return self._p95_rule(
            "RedisCommandP95",
            sample,
            "a client",
            firing_cases=[{sample: self._p95_s * JUST_OVER}],
            silent_cases=[{sample: self._p95_s}],
        )

    def _command_p95_on_server(self) -> AlertRule:
        """A rule on the exporter's copy of LATENCY HISTOGRAM; Redis 6 and old exporters lack it.

        `redis_latency_percentiles_usec` will not do: it covers all the time since the server
        started, so that the last minutes hardly change it.
        """
        bucket = "commands_latencies_usec_bucket"

        def spread(within_limit: int) -> Samples:
            """10,000 commands a second: so many within the limit, all within twice the limit."""
            limit_us = self._p95_s * 1e6
            counts = {number(limit_us): within_limit, number(2 * limit_us): 10_000, "+Inf": 10_000}
            return {
                self.exported(bucket, 'cmd="get"', f'le="{edge}"'): Growth(count)
                for edge, count in counts.items()
            }

        return self._p95_rule(
            "RedisCommandP95OnServer",
            f"histogram_quantile(0.95, sum by (le) (rate({self.exported(bucket)}[2m]))) / 1000000",
            "the server",
            firing_cases=[spread(9_499)],
            silent_cases=[spread(9_501)],
        )

    def _p95_rule(self, name: str, value: str, who: str, **cases: Any) -> AlertRule:
        return self.alert(
            name,
            "latency.command_p95",
            value=value,
            comparison=">",
            threshold=self._p95_s,
            for_s=self.settings.limits.command_p95_for_s,
            unit="s",
            of_runbook=True,
            summary=f"p95 of command duration on {self.name} is "
            f"{{{{ $value | humanizeDuration }}}}, as {who} sees it "
            f"(limit {self.settings.limits.command_p95_ms:g} ms)",
            **cases,
        )

    def _memory(self) -> AlertRule:
        """Of maxmemory or the configured memory_limit, whichever is less; never of a zero.

        The machine's memory, which our own check knows too, is not in it: exporters tell that only
        where they are asked to (`redis_total_system_memory_bytes`).
        """
        limit, reserve = self.settings.limits.memory_ratio, self.settings.memory_limit
        used, most = self.exported("memory_used_bytes"), self.exported("memory_max_bytes")
        bound = f"clamp_max({most} > 0, {reserve:d}) or {most} + {reserve:d}" if reserve else ""
        small, size = float(min(reserve or 1e6, 1e6)), float(reserve or 1e6)
        unlimited = {used: size * limit * JUST_OVER, most: 0.0}
        too_large = {used: size * limit * JUST_OVER, most: 2 * size}
        within = {used: small * limit * JUST_UNDER, most: small}
        return self.alert(
            "RedisMemory",
            "memory.used_ratio",
            value=f"{used} / ({bound or f'{most} > 0'})",
            comparison=">",
            threshold=limit,
            unit="ratio",
            of_runbook=True,
            summary=f"{self.name} uses {{{{ $value | humanizePercentage }}}} of the memory that "
            f"it may use (limit {percent(limit)})",
            firing_cases=[
                {used: small * limit * JUST_OVER, most: small},
                *([unlimited, too_large] if reserve else []),
            ],
            silent_cases=[within, *([] if reserve else [unlimited])],
        )
