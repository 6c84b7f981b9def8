"""The alerts for checks that the runbook states no alert for, on the series of a redis_exporter."""

from collections.abc import Iterator
from typing import Any

from redis_runbook.alerts.rule import (
    JUST_OVER,
    JUST_UNDER,
    AboutService,
    AlertRule,
    Growth,
    ratio_samples,
)
from redis_runbook.check import percent


class ExporterAlerts(AboutService):
    """The alerts about one service, on the series of its exporter."""

    def rules(self) -> Iterator[AlertRule]:
        """All of these rules; none if the exporter is disabled."""
        if self.config.exporter.enabled:
            yield from self._reachability()
            yield from self._identity()
            yield from self._clients()
            yield from self._memory()
            yield from self._persistence()

    def _reachability(self) -> Iterator[AlertRule]:
        """Alerts if the service is down, or its exporter does not watch it."""
        name, up = self.name, self.exported("up")
        yield self._value_is(
            "RedisDown",
            "connectivity.reachable",
            "up",
            bad=0,
            good=1,
            summary=f"the exporter cannot reach {name}, or cannot log in",
        )
        yield self._value_is(
            "RedisLoading",
            "connectivity.reachable",
            "loading_dump_file",
            bad=1,
            good=0,
            summary=f"{name} is loading its data and refuses commands",
        )
        yield self.alert(
            "RedisUnwatched",
            "exporter.reachable",
            value=f"absent({up})",
            comparison="==",
            threshold=1,
            for_s=self.config.exporter.missing_for_s,
            summary=f"there is no redis_up of {name}: its exporter is down, is not scraped, or "
            "does not know the service",
            firing_cases=[{}],
            silent_cases=[{up: 1}],
        )
        error = self.exported("exporter_last_scrape_error")
        yield self._value_is(
            "RedisScrapeError",
            "exporter.reachable",
            "exporter_last_scrape_error",
            bad=1,
            good=0,
            value=f"({error} unless ignoring (err) {up} == 0)",
            summary=f"the exporter reaches {name} and cannot read it",
        )

    def _identity(self) -> Iterator[AlertRule]:
        """Alerts if the server has another role or mode than the configuration expects."""
        expected = self.settings
        role = {"replica": "slave"}.get(expected.expected_role, expected.expected_role)
        for name, label, wanted, other in (
            ("RedisRole", "role", role, "slave" if role == "master" else "master"),
            ("RedisMode", "redis_mode", expected.expected_mode, "another"),
        ):
            yield self._label_differs(
                name,
                "connectivity.role",
                label,
                wanted,
                other,
                summary=f"{self.name} has the {label} {{{{ $labels.{label} }}}}, not {wanted}",
            )

    def _clients(self) -> Iterator[AlertRule]:
        limit = self.settings.limits.clients_ratio
        here, most = self.exported("connected_clients"), self.exported("config_maxclients")
        yield self.alert(
            "RedisClients",
            "connectivity.clients",
            value=f"{here} / ({most} > 0)",
            comparison=">=",
            threshold=limit,
            unit="ratio",
            summary=f"{self.name} has {{{{ $value | humanizePercentage }}}} of the clients that "
            f"it takes (limit {percent(limit)})",
            firing_cases=[ratio_samples(here, most, limit * JUST_OVER)],
            silent_cases=[ratio_samples(here, most, limit * JUST_UNDER)],
        )
        rejected = self.exported("rejected_connections_total")
        yield self.alert(
            "RedisClientsRejected",
            "connectivity.clients",
            value=f"increase({rejected}[5m])",
            comparison=">",
            threshold=0,
            summary=f"{self.name} has rejected clients in the last 5 minutes",
            firing_cases=[{rejected: Growth(0.001)}],
            silent_cases=[{rejected: 7}],
        )

    def _memory(self) -> Iterator[AlertRule]:
        """Alerts if memory is unlimited, or keys of a queue may be or were evicted."""
        name = self.name
        if not self.settings.role_spec.may_evict:
            yield self._label_differs(
                "RedisEvictionPolicy",
                "memory.eviction_policy",
                "maxmemory_policy",
                "noeviction",
                "allkeys-lru",
                summary=f"{name} may evict jobs: its policy is {{{{ $labels.maxmemory_policy }}}}",
            )
            yield self._value_is(
                "RedisEvictions",
                "memory.evictions",
                "evicted_keys_total",
                comparison=">",
                threshold=0,
                bad=1,
                good=0,
                summary=f"keys were evicted from {name} ({{{{ $value }}}}): jobs may be lost",
            )
        if self.settings.memory_limit is None:
            yield self._value_is(
                "RedisMemoryUnlimited",
                "memory.used_ratio",
                "memory_max_bytes",
                bad=0,
                good=1,
                severity="warning",
                summary=f"maxmemory is 0 on {name}: no alert can tell when its memory is full",
            )

    def _persistence(self) -> Iterator[AlertRule]:
        """Alerts if saving failed, or replication is broken."""
        name, replicas = self.name, self.settings.replicas_min
        yield self._value_is(
            "RedisSaveFailed",
            "persistence.saving",
            "rdb_last_bgsave_status",
            bad=0,
            good=1,
            summary=f"the last RDB save of {name} failed",
        )
        for alert, metric, what in (
            ("RedisAofWriteFailed", "aof_last_write_status", "write"),
            ("RedisAofRewriteFailed", "aof_last_bgrewrite_status", "rewrite"),
        ):
            status, enabled = self.exported(metric), self.exported("aof_enabled")
            yield self.alert(
                alert,
                "persistence.saving",
                value=f"({status} and {enabled} == 1)",
                comparison="==",
                threshold=0,
                summary=f"the last AOF {what} of {name} failed",
                firing_cases=[{status: 0, enabled: 1}],
                silent_cases=[{status: 1, enabled: 1}, {status: 0, enabled: 0}],
            )
        yield self._value_is(
            "RedisReplicaLink",
            "replication.link",
            "master_link_up",
            bad=0,
            good=1,
            summary=f"{name} is a replica and has lost its master",
        )
        if replicas is not None:
            yield self._value_is(
                "RedisReplicas",
                "replication.link",
                "connected_slaves",
                comparison="<",
                threshold=replicas,
                bad=replicas - 1,
                good=replicas,
                summary=f"{name} has {{{{ $value }}}} replicas (at least {replicas})",
            )

    def _value_is(
        self,
        name: str,
        check: str,
        metric: str,
        *matchers: str,
        bad: float,
        good: float,
        **rest: Any,
    ) -> AlertRule:
        """A rule on a series that has the value `good` if all is well, and `bad` if it is not."""
        found = self.exported(metric, *matchers)
        cases: dict[str, Any] = {"firing_cases": [{found: bad}], "silent_cases": [{found: good}]}
        return self.alert(
            name, check, **{"value": found, "comparison": "==", "threshold": bad, **cases, **rest}
        )

    def _label_differs(
        self, name: str, check: str, label: str, wanted: str, other: str, *, summary: str
    ) -> AlertRule:
        """A rule that fires if a label has another value than wanted, but not if it is missing."""
        info = "instance_info"
        return self.alert(
            name,
            check,
            value=self.exported(info, f'{label}!="{wanted}"', f'{label}!=""'),
            comparison="==",
            threshold=1,
            summary=summary,
            firing_cases=[{self.exported(info, f'{label}="{other}"'): 1}],
            silent_cases=[
                {self.exported(info, f'{label}="{wanted}"'): 1},
                {self.exported(info): 1},
            ],
        )
