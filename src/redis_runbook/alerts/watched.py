"""The alerts for what else must hold, as far as a redis_exporter can see it."""

from collections.abc import Iterator
from typing import Any

from redis_runbook.alerts.rule import BEYOND, SHORT_OF, AboutService, AlertRule, Growth, parts
from redis_runbook.check import percent


class Watched(AboutService):
    """The alerts about one service as its exporter sees it."""

    def rules(self) -> Iterator[AlertRule]:
        """All of them; none without an exporter."""
        if self.config.exporter.enabled:
            yield from self._reach()
            yield from self._identity()
            yield from self._clients()
            yield from self._kept()
            yield from self._saved()

    def _reach(self) -> Iterator[AlertRule]:
        """Whether the service is up, and its exporter watches it."""
        name, up = self.name, self.exported("up")
        yield self._state(
            "RedisDown",
            "connectivity.reachable",
            "up",
            bad=0,
            good=1,
            summary=f"the exporter cannot reach {name}, or cannot log in",
        )
        yield self._state(
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
            fires=[{}],
            quiet=[{up: 1}],
        )
        error = self.exported("exporter_last_scrape_error")
        yield self._state(
            "RedisScrapeError",
            "exporter.reachable",
            "exporter_last_scrape_error",
            bad=1,
            good=0,
            value=f"({error} unless ignoring (err) {up} == 0)",
            summary=f"the exporter reaches {name} and cannot read it",
        )

    def _identity(self) -> Iterator[AlertRule]:
        """Whether the server has the role and mode that the configuration expects."""
        expected = self.settings
        role = {"replica": "slave"}.get(expected.expected_role, expected.expected_role)
        for name, label, wanted, other in (
            ("RedisRole", "role", role, "slave" if role == "master" else "master"),
            ("RedisMode", "redis_mode", expected.expected_mode, "another"),
        ):
            yield self._unlike(
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
            fires=[parts(here, most, limit * BEYOND)],
            quiet=[parts(here, most, limit * SHORT_OF)],
        )
        rejected = self.exported("rejected_connections_total")
        yield self.alert(
            "RedisClientsRejected",
            "connectivity.clients",
            value=f"increase({rejected}[5m])",
            comparison=">",
            threshold=0,
            summary=f"{self.name} has rejected clients in the last 5 minutes",
            fires=[{rejected: Growth(0.001)}],
            quiet=[{rejected: 7}],
        )

    def _kept(self) -> Iterator[AlertRule]:
        """Whether data has room, and is not evicted where it must not be."""
        name = self.name
        if not self.settings.role_spec.may_evict:
            yield self._unlike(
                "RedisEvictionPolicy",
                "memory.eviction_policy",
                "maxmemory_policy",
                "noeviction",
                "allkeys-lru",
                summary=f"{name} may evict jobs: its policy is {{{{ $labels.maxmemory_policy }}}}",
            )
            yield self._state(
                "RedisEvictions",
                "memory.evictions",
                "evicted_keys_total",
                comparison=">",
                threshold=0,
                bad=1,
                good=0,
                summary=f"{{{{ $value }}}} keys were evicted from {name}: jobs may be lost",
            )
        if self.settings.memory_limit is None:
            yield self._state(
                "RedisMemoryUnlimited",
                "memory.used_ratio",
                "memory_max_bytes",
                bad=0,
                good=1,
                severity="warning",
                summary=f"maxmemory is 0 on {name}: no alert can tell when its memory is full",
            )

    def _saved(self) -> Iterator[AlertRule]:
        """Whether data is saved and copied."""
        name, replicas = self.name, self.settings.replicas_min
        yield self._state(
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
                fires=[{status: 0, enabled: 1}],
                quiet=[{status: 1, enabled: 1}, {status: 0, enabled: 0}],
            )
        yield self._state(
            "RedisReplicaLink",
            "replication.link",
            "master_link_up",
            bad=0,
            good=1,
            summary=f"{name} is a replica and has lost its master",
        )
        if replicas is not None:
            yield self._state(
                "RedisReplicas",
                "replication.link",
                "connected_slaves",
                comparison="<",
                threshold=replicas,
                bad=replicas - 1,
                good=replicas,
                summary=f"{name} has {{{{ $value }}}} replicas (at least {replicas})",
            )

    def _state(
        self,
        name: str,
        check: str,
        metric: str,
        *matchers: str,
        bad: float,
        good: float,
        **rest: Any,
    ) -> AlertRule:
        """A rule on a series that has one value where all is well and another where it is not."""
        found = self.exported(metric, *matchers)
        cases: dict[str, Any] = {"fires": [{found: bad}], "quiet": [{found: good}]}
        return self.alert(
            name, check, **{"value": found, "comparison": "==", "threshold": bad, **cases, **rest}
        )

    def _unlike(
        self, name: str, check: str, label: str, wanted: str, other: str, *, summary: str
    ) -> AlertRule:
        """A rule on a label of the server's; an exporter that does not tell it is no reason."""
        info = "instance_info"
        return self.alert(
            name,
            check,
            value=self.exported(info, f'{label}!="{wanted}"', f'{label}!=""'),
            comparison="==",
            threshold=1,
            summary=summary,
            fires=[{self.exported(info, f'{label}="{other}"'): 1}],
            quiet=[{self.exported(info, f'{label}="{wanted}"'): 1}, {self.exported(info): 1}],
        )
