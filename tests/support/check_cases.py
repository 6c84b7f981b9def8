"""Recorded facts, and what each check makes of them."""

import datetime as dt
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from redis_runbook.check import Advised, Broken, Held, NotApplicable, Unknown
from redis_runbook.config.model import JwtCache, ServiceSettings
from redis_runbook.config.service import Service
from redis_runbook.judging.data_kept import Baseline
from redis_runbook.judging.restarts import SeenBefore
from redis_runbook.probes.bullmq.facts import Counts
from redis_runbook.probes.canary import CanaryFacts
from redis_runbook.probes.clients import ClientsFacts
from redis_runbook.probes.cluster import STANDALONE, ClusterFacts
from redis_runbook.probes.connection import ConnectionFacts, Problem
from redis_runbook.probes.exporter.scrape import ExporterFacts, ExporterValues
from redis_runbook.probes.inventory import Database, Entries, Inventory, KeptQueue
from redis_runbook.probes.jwt_cache import JwtCacheFacts
from redis_runbook.probes.jwt_refresh import JwtRefreshFacts
from redis_runbook.probes.latency.sample import LatencyFacts
from redis_runbook.probes.memory import MemoryFacts
from redis_runbook.probes.persistence import PersistenceFacts, SavePoint, Saving
from redis_runbook.probes.programs import ProgramFacts
from redis_runbook.probes.pubsub import PubsubFacts
from redis_runbook.probes.replication import ReplicationFacts
from redis_runbook.probes.server import ServerFacts
from redis_runbook.probes.slowlog import SlowCommand, SlowlogFacts
from redis_runbook.record import ServerRecord
from redis_runbook.redact import Shown
from redis_runbook.session.subjects import Subject
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.http import FetchProblem
from tests.support.container_facts import LOGGED, NOW, STATE, entry, reconnects, told

MIB = 1 << 20
RUN_ID = "a" * 40


def latency(*seconds_ms: float | None, **changes: Any) -> LatencyFacts:
    """FAKE: 200 samples for each second, all of that length in ms; none where it is None."""
    offsets, samples = array("d"), array("d")
    for second, value in enumerate(seconds_ms):
        for number in range(200) if value is not None else ():
            offsets.append(second + number / 200)
            samples.append(value)  # type: ignore[arg-type]  # not None here
    window_s = float(len(seconds_ms))
    facts = LatencyFacts(
        window_s=window_s,
        elapsed_s=window_s,
        workload="PING",
        samples_ms=samples,
        offsets_s=offsets,
        unanswered=0,
        unseen=(),
        error=None,
    )
    return replace(facts, **changes)


def before(*, run_id: str, rejected_connections: int) -> ServerRecord:
    return ServerRecord(
        product=Shown("redis"),
        version=Shown("7.0.15"),
        mode=Shown("standalone"),
        run_id=Shown(run_id),
        rejected_connections=rejected_connections,
    )


def part_of_a_cluster(**changes: Any) -> ClusterFacts:
    whole = ClusterFacts(is_node=True, state=Shown("ok"), slots_assigned=16_384)
    return replace(whole, **changes)


def slow(duration_ms: float, age_s: float = 60) -> SlowCommand:
    return SlowCommand(
        age_s=age_s, duration_ms=duration_ms, command=Shown(f"KEYS {duration_ms:g} (1 argument)")
    )


def kept_queue(name: str = "bundle:render", **changes: Any) -> KeptQueue:
    states = (field.name for field in fields(Counts))
    counts = Counts(**{**dict.fromkeys(states, 0), **changes.pop("counts", {"waiting": 12})})
    kept = KeptQueue(
        name=Shown(name), identity=Shown(f"id of {name}"), counts=counts, schedulers=2, added=500
    )
    return replace(kept, **changes)


INVENTORY = Inventory(
    address=Shown("redis:6379"),
    product=Shown("redis"),
    version=Shown("7.0.15"),
    run_id=Shown(RUN_ID),
    role=Shown("master"),
    maxmemory_bytes=100 * MIB,
    policy=Shown("noeviction"),
    appendonly=True,
    save=Shown("3600 1"),
    databases=[
        Database(number=0, keys=1000, expiring=20),
        Database(number=1, keys=60, expiring=10),
    ],
    database=0,
    queues=[kept_queue(), kept_queue("mail")],
    queues_unseen=Shown(""),
    absent=[],
    jwt=None,
)
ENTRIES = Entries(pattern=Shown("jwt:*"), live=1000, complete=True)
A_CACHE = {"queues": [], "jwt": ENTRIES}
BASELINE = Baseline(
    at=dt.datetime(2026, 11, 25, 3, 17, 5, tzinfo=dt.UTC),
    services={
        Shown("queue"): INVENTORY,
        Shown("cache"): replace(INVENTORY, queues=[], jwt=ENTRIES),
    },
)

HEALTHY: Mapping[str, Any] = {
    "connection": ConnectionFacts(address="redis:6379", elapsed_ms=3),
    "connections": (ConnectionFacts(address="redis:6379", elapsed_ms=3),),
    "server": ServerFacts(
        product=Shown("redis"),
        version=Shown("7.0.15"),
        role=Shown("master"),
        mode=Shown("standalone"),
        run_id=Shown(RUN_ID),
        process_id=1,
        tcp_port=6379,
        uptime_s=90,
    ),
    "canary": CanaryFacts(elapsed_ms=2),
    "pubsub": PubsubFacts(delivered_ms=1, waited_s=2),
    "clients": ClientsFacts(connected=10, maxclients=100, rejected=0),
    "previous": None,
    "cluster": STANDALONE,
    "seen_before": None,
    "memory": MemoryFacts(
        used_bytes=50 * MIB,
        maxmemory_bytes=100 * MIB,
        policy=Shown("noeviction"),
        evicted_keys=0,
        waste_ratio=1.1,
        waste_bytes=MIB,
        allocator=Shown("jemalloc-5.2.1"),
    ),
    "persistence": PersistenceFacts(
        rdb_enabled=True,
        why_unknown="",
        rdb_ok=True,
        changes_since_save=7,
        aof_enabled=True,
        aof_write_ok=True,
        aof_rewrite_ok=True,
    ),
    "replication": ReplicationFacts(
        role=Shown("master"), link_up=False, link_down_s=0, lags_s=(0,), replicas_attached=1
    ),
    "exporter": ExporterFacts(
        url_shown=Shown("http://exporter:9121/metrics"),
        via="/metrics",
        redis_up=1,
        scrape_error=0,
        matches=True,
    ),
    "subject": Subject(name="bundle:launch", service=None),
    "command": ProgramFacts(by="exit", code=0, elapsed_s=1.25, timeout_s=20),
    "jwt_settings": JwtCache(min_entries=10),
    "jwt_refresh": JwtRefreshFacts(
        succeeded=True,
        login="exited with 0 after 0.4 s (limit 10 s)",
        entries=12,
        changed=1,
        appeared_s=0.5,
        watched_s=0.1,
        quiet_s=2.0,
    ),
    "jwt_entries": JwtCacheFacts(
        live_entries=10,
        stopped="complete",
        keys_looked_at=500,
        dbsize=500,
        calls=1,
        elapsed_s=0.01,
        ttl_sampled=10,
        without_ttl=0,
        ttl_min_s=60,
        ttl_max_s=3600,
    ),
    "baseline": BASELINE,
    "inventory": INVENTORY,
    "slowlog": SlowlogFacts(
        entries=[], threshold_ms=10, why_unknown="", covers_s=None, uptime_s=86_400
    ),
    "latency": latency(1, 1),
    "container_limit_bytes": 0,
    "entry": entry(),
    "served_since": NOW - 90,
    "worker_logs": reconnects(),
    "entry_logs": [LOGGED],
    "servers": [STATE],
    "used_memory": None,
}
"""Facts about a queue and a cache that every check passes on; each case changes some."""


@dataclass(frozen=True)
class Case:
    """What `check` makes of a service with these settings and facts (changes, or whole ones)."""

    check: str
    outcome: type
    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    role: str = "queue"

    def __str__(self) -> str:
        return f"{self.check}: {self.words}"


CONNECTIVITY = [
    Case("connectivity.reachable", Held, "answered PING after 3.0 ms (limit 2000 ms)"),
    Case("connectivity.reachable", Held, "2000.0 ms", {"connection": {"elapsed_ms": 2000.0}}),
    Case(
        "connectivity.reachable",
        Broken,
        "queue answered PING after 2000.5 ms (limit 2000 ms)",
        {"connection": {"elapsed_ms": 2000.5}},
    ),
    Case(
        "connectivity.reachable",
        Broken,
        "queue at redis:6379 refuses clients",
        {"connection": {"problem": Problem.MAX_CLIENTS, "message": "refuses clients"}},
    ),
    Case("connectivity.role", Held, "queue is a master in standalone mode"),
    Case("connectivity.role", Broken, "is a replica in standalone", {"server": {"role": "slave"}}),
    Case(
        "connectivity.role", Broken, "is a master in cluster mode", {"server": {"mode": "cluster"}}
    ),
    Case("connectivity.role", Broken, "is a sentinel in", {"server": {"role": "sentinel"}}),
    Case(
        "connectivity.role",
        Held,
        "(expected: replica in cluster mode)",
        {"server": {"role": "slave", "mode": "cluster"}},
        {"expected_role": "replica", "expected_mode": "cluster"},
    ),
    Case(
        "connectivity.role",
        Broken,
        "(expected: replica in standalone mode)",
        settings={"expected_role": "replica"},
    ),
    Case(
        "connectivity.role",
        Held,
        "is a master in cluster mode (expected: master in cluster mode)",
        {"server": {"mode": "cluster"}, "cluster": part_of_a_cluster()},
        {"expected_mode": "cluster"},
    ),
    Case(
        "connectivity.role",
        Broken,
        "mode); its cluster is down: 5461 of 16384 slots are not served",
        {
            "server": {"mode": "cluster"},
            "cluster": part_of_a_cluster(state="fail", slots_failed=5_461),
        },
        {"expected_mode": "cluster"},
    ),
    Case(
        "connectivity.role",
        Broken,
        "its cluster is down in part: 7 of 16384 slots are not served",
        {
            "server": {"mode": "cluster"},
            "cluster": part_of_a_cluster(slots_assigned=16_380, slots_silent=2, slots_failed=1),
        },
        {"expected_mode": "cluster"},
    ),
    Case(
        "connectivity.role",
        Broken,
        "its cluster is in state fail by this node, although every slot is served",
        {"server": {"mode": "cluster"}, "cluster": part_of_a_cluster(state="fail")},
        {"expected_mode": "cluster"},
    ),
    Case(
        "connectivity.role",
        Unknown,
        "how its cluster is, is not known: no permission for CLUSTER INFO",
        {
            "server": {"mode": "cluster"},
            "cluster": ClusterFacts(is_node=True, why_unknown="no permission for CLUSTER INFO"),
        },
        {"expected_mode": "cluster"},
    ),
    Case(
        "connectivity.role",
        Advised,
        "it restarted 2 s ago, and the run of 40 s ago saw another process",
        {
            "server": {"uptime_s": 2},
            "seen_before": SeenBefore(run_id="b" * 40, ago_s=40),
        },
    ),
    Case("connectivity.writable", Held, "took 2.0 ms to write, read and remove"),
    Case(
        "connectivity.writable",
        Broken,
        "queue takes no writes: what was written could not be read back",
        {"canary": {"refusal": "what was written could not be read back"}},
    ),
    Case(
        "connectivity.writable",
        Broken,
        "took 700.0 ms to write, read and remove a canary key (limit 500 ms)",
        {"canary": {"elapsed_ms": 700.0}},
        {"limits": {"write_s": "500ms"}},
    ),
    Case(
        "connectivity.writable",
        Broken,
        "READONLY: this is a replica",
        {"canary": {"refusal": "the server refuses it (READONLY: this is a replica)"}},
    ),
    Case(
        "connectivity.writable",
        NotApplicable,
        "queue is a replica, as expected, and takes no writes",
        {"canary": {"refusal": "the server refuses it (READONLY: this is a replica)"}},
        {"expected_role": "replica"},
    ),
    Case(
        "connectivity.writable",
        Broken,
        "OOM",  # an expected replica has no other excuse
        {"canary": {"refusal": "the server refuses it (OOM: memory is full)"}},
        {"expected_role": "replica"},
    ),
    Case("connectivity.pubsub", Held, "arrived on queue after 1.0 ms"),
    Case(
        "connectivity.pubsub",
        Broken,
        "a published message did not arrive on queue in 2 s",
        {"pubsub": {"delivered_ms": None}},
    ),
    Case(
        "connectivity.pubsub",
        Broken,
        "queue passes on no message: writes are paused",
        {"pubsub": {"delivered_ms": None, "refusal": "writes are paused"}},
    ),
    Case(
        "connectivity.pubsub",
        Broken,
        "after 2100.0 ms (limit 2000 ms)",
        {"pubsub": {"delivered_ms": 2100.0}},
    ),
    Case("connectivity.clients", Held, "10 of 100 clients (limit 80 %) and rejected 0"),
    Case("connectivity.clients", Held, "79 of 100", {"clients": {"connected": 79}}),
    Case("connectivity.clients", Broken, "80 of 100", {"clients": {"connected": 80}}),
    Case(
        "connectivity.clients",
        Broken,
        "rejected 3 since it started",
        {"clients": {"rejected": 3}},
    ),
    Case(
        "connectivity.clients",
        Held,
        "rejected 0 since the last run",
        {
            "clients": {"rejected": 3},
            "previous": before(run_id=Shown(RUN_ID), rejected_connections=3),
        },
    ),
    Case(
        "connectivity.clients",
        Broken,
        "rejected 2 since the last run",
        {
            "clients": {"rejected": 5},
            "previous": before(run_id=Shown(RUN_ID), rejected_connections=3),
        },
    ),
    Case(
        "connectivity.clients",
        Broken,
        "rejected 1 since the last run",  # the count began anew in between
        {
            "clients": {"rejected": 1},
            "previous": before(run_id=Shown(RUN_ID), rejected_connections=3),
        },
    ),
    Case(
        "connectivity.clients",
        Broken,
        "and rejected 3 since it started",  # the last run saw another process
        {
            "clients": {"rejected": 3},
            "previous": before(run_id="b" * 40, rejected_connections=3),
        },
    ),
]

MEMORY = [
    Case("memory.used_ratio", Held, "used 50.0 % of maxmemory (limit 80 %) on queue"),
    Case("memory.used_ratio", Broken, "used 80.0 %", {"memory": {"used_bytes": 80 * MIB}}),
    Case("memory.used_ratio", Broken, "used 120.0 %", {"memory": {"used_bytes": 120 * MIB}}),
    Case(
        "memory.used_ratio",
        Unknown,
        "maxmemory is 0 on queue, so nothing says how much it may use",
        {"memory": {"maxmemory_bytes": 0}},
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "used 97.7 % of the configured memory_limit (limit 80 %)",
        {"memory": {"maxmemory_bytes": 0, "used_bytes": 500 * MIB}},
        {"memory_limit": "512MiB"},
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "of maxmemory",  # what the server enforces comes before what we were told
        {"memory": {"used_bytes": 90 * MIB}},
        {"memory_limit": "10GiB"},
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "of the configured memory_limit (limit 80 %) on queue, which is less than its maxmemory",
        {"memory": {"used_bytes": 90 * MIB, "maxmemory_bytes": 900 * MIB}},
        {"memory_limit": "100MiB"},
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "used 90.0 % of the machine's memory (limit 80 %) on queue, which is less than its maxm",
        {
            "memory": {
                "used_bytes": 90 * MIB,
                "maxmemory_bytes": 900 * MIB,
                "machine_bytes": 100 * MIB,
            }
        },
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "used 90.0 % of the machine's memory (limit 80 %) on queue",
        {"memory": {"used_bytes": 90 * MIB, "maxmemory_bytes": 0, "machine_bytes": 100 * MIB}},
        {"memory_limit": "900MiB"},
    ),
    Case(
        "memory.used_ratio",
        Unknown,
        "maxmemory is 0 on queue",  # that the machine is large promises nothing
        {"memory": {"maxmemory_bytes": 0, "machine_bytes": 100 * MIB}},
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "used 83.3 % of its container's limit (limit 80 %) on queue",
        {"memory": {"maxmemory_bytes": 0}, "container_limit_bytes": 60 * MIB},
    ),
    Case(
        "memory.used_ratio",
        Broken,
        "used 90.0 % of its container's limit (limit 80 %) on queue",  # which counts all of it
        {"memory": {"rss_bytes": 108 * MIB}, "container_limit_bytes": 120 * MIB},
    ),
    Case(
        "memory.used_ratio",
        Held,
        "used 50.0 % of maxmemory",
        {"container_limit_bytes": 400 * MIB},
    ),
    Case(
        "memory.used_ratio",
        Unknown,
        "INFO of queue says that it uses no memory",
        {"memory": {"used_bytes": 0}},
    ),
    Case(
        "memory.used_ratio",
        Unknown,
        "INFO of queue does not report resident memory",
        {"memory": {"rss_bytes": None}, "container_limit_bytes": 400 * MIB},
    ),
    Case("memory.eviction_policy", Held, "maxmemory-policy is noeviction on queue"),
    Case(
        "memory.eviction_policy",
        Broken,
        "is volatile-lru on queue (a BullMQ queue needs noeviction)",
        {"memory": {"policy": "volatile-lru"}},
    ),
    Case(
        "memory.eviction_policy",
        Held,
        "is allkeys-lru on cache (a cache)",
        {"memory": {"policy": "allkeys-lru"}},
        role="cache",
    ),
    Case("memory.eviction_policy", Advised, "will refuse writes instead", role="cache"),
    Case(
        "memory.eviction_policy",
        Held,
        "is noeviction on cache",  # and without a limit it is never full
        {"memory": {"maxmemory_bytes": 0}},
        role="cache",
    ),
    Case(
        "memory.eviction_policy",
        Unknown,
        "is whatever on cache, which is none of Redis",
        {"memory": {"policy": "whatever"}},
        role="cache",
    ),
    Case("memory.evictions", Held, "0 keys were evicted from queue"),
    Case(
        "memory.evictions",
        Broken,
        "1 key was evicted from queue",
        {"memory": {"evicted_keys": 1}},
    ),
    Case("memory.fragmentation", Held, "is 1.10, 1.0 MiB (limits 1.5 and 100 MiB, both)"),
    Case("memory.fragmentation", Held, "is 9.00", {"memory": {"waste_ratio": 9.0}}),
    Case("memory.fragmentation", Held, "200.0 MiB", {"memory": {"waste_bytes": 200 * MIB}}),
    Case(
        "memory.fragmentation",
        Broken,
        "is 1.50, 100.0 MiB",
        {"memory": {"waste_ratio": 1.5, "waste_bytes": 100 * MIB}},
    ),
    Case(
        "memory.fragmentation",
        Unknown,
        "INFO of queue does not report fragmentation",
        {"memory": {"waste_ratio": None, "waste_bytes": None}},
    ),
]

BEHIND = {"confirmed_s": (None,), "waited_s": 12.1, "behind_bytes": 36_000_000}

PERSISTENCE_AND_REPLICATION = [
    Case("persistence.saving", Held, "saves without error (RDB and AOF)"),
    Case(
        "persistence.saving",
        Broken,
        "the last AOF write failed on queue; what was written since is in memory only",
        {"persistence": {"aof_write_ok": False}},
    ),
    Case(
        "persistence.saving",
        Broken,
        "the last AOF rewrite failed on queue; the append-only file goes on growing",
        {"persistence": {"aof_rewrite_ok": False}},
    ),
    Case(
        "persistence.saving",
        Broken,
        "the last RDB save and AOF write failed on queue; 7 changes",
        {"persistence": {"rdb_ok": False, "aof_write_ok": False}},
    ),
    Case(
        "persistence.saving",
        Held,
        "saves without error (RDB)",
        {"persistence": {"aof_enabled": False, "aof_write_ok": False, "aof_rewrite_ok": False}},
    ),
    Case(
        "persistence.saving",
        Held,
        "saves without error (AOF)",
        {"persistence": {"rdb_enabled": None, "why_unknown": "no permission for CONFIG GET"}},
    ),
    Case(
        "persistence.saving",
        Advised,
        "queue: RDB is off, and a save by hand or for a replica failed",
        {"persistence": {"rdb_enabled": False, "rdb_ok": False}},
    ),
    Case(
        "persistence.saving",
        Unknown,
        "the last RDB save failed on queue, if one is meant: no permission for CONFIG GET",
        {
            "persistence": {
                "rdb_enabled": None,
                "rdb_ok": False,
                "why_unknown": "no permission for CONFIG GET",
            }
        },
    ),
    Case(
        "persistence.saving",
        Advised,
        "queue: an RDB save has not ended after 37 s (limit 30 s, the last took 2 s), 7 changes",
        {"persistence": {"rdb": Saving(for_s=37, last_s=2)}},
    ),
    Case(
        "persistence.saving",
        Held,
        "queue saves without error (RDB and AOF)",  # as long as ever
        {"persistence": {"rdb": Saving(for_s=37, last_s=20), "aof": Saving(for_s=30)}},
    ),
    Case(
        "persistence.saving",
        Advised,
        "an AOF rewrite has not ended after 31 s (limit 30 s)",
        {"persistence": {"aof": Saving(for_s=31)}},
    ),
    Case(
        "persistence.saving",
        Advised,
        "7 changes are unsaved for 95 s although `save 60 1` is set",
        {"persistence": {"overdue": SavePoint(after_s=60, changes=1), "since_save_s": 95.0}},
    ),
    Case(
        "persistence.saving",
        Held,
        "queue saves without error",
        {"persistence": {"overdue": SavePoint(after_s=60, changes=1), "since_save_s": 75.0}},
    ),
    Case(
        "persistence.saving",
        Advised,
        "the last RDB save is 36000 s in the future by the server's clock, so that none will be "
        "due before, 7 changes are unsaved",
        {"persistence": {"since_save_s": -36_000.0}},
    ),
    Case(
        "persistence.saving",
        Held,
        "saves without error",  # a clock may be set back a little
        {"persistence": {"since_save_s": -5.0}},
    ),
    Case(
        "persistence.saving",
        Unknown,
        "queue: 7 changes are unsaved, and since when is not known: no permission for TIME",
        {"persistence": {"why_no_age": "no permission for TIME"}},
    ),
    Case(
        "persistence.saving",
        Advised,
        "a restart loses every job",
        {"persistence": {"rdb_enabled": False, "aof_enabled": False}},
    ),
    Case(
        "persistence.saving",
        Unknown,
        "whether queue saves is not known: no permission for CONFIG GET",
        {
            "persistence": {
                "rdb_enabled": None,
                "aof_enabled": False,
                "why_unknown": "no permission for CONFIG GET",
            }
        },
    ),
    Case(
        "persistence.saving",
        Held,
        "cache has neither RDB nor AOF",
        {"persistence": {"rdb_enabled": False, "aof_enabled": False}},
        role="cache",
    ),
    Case(
        "persistence.saving",
        Held,
        "cache had no failed save",
        {"persistence": {"rdb_enabled": None, "aof_enabled": False}},
        role="cache",
    ),
    Case("replication.link", NotApplicable, "is a master and replicas_min is not configured"),
    Case(
        "replication.link",
        Held,
        "1 of 1 replica of queue is online",
        settings={"replicas_min": 1},
    ),
    Case(
        "replication.link",
        Broken,
        "1 of 1 replica of queue is online and in step (lag 0 s; limit 10 s), at least 2 wanted",
        settings={"replicas_min": 2},
    ),
    Case(
        "replication.link",
        Broken,
        "0 of 2 replicas of queue are online and in step (lag 41 s; limit 10 s), at least 1 wanted",
        {"replication": {"lags_s": (41,), "replicas_attached": 2}},
        {"replicas_min": 1},
    ),
    Case(
        "replication.link",
        Advised,
        "1 of 2 replicas of queue is online and in step (lag 0, 41 s; limit 10 s); replicas_min",
        {"replication": {"lags_s": (0, 41), "replicas_attached": 2}},
    ),
    Case(
        "replication.link",
        Held,
        "link to the master is up, the master was heard of 11 s ago (limit 10 s)",  # at 10.99 s
        {"replication": {"role": "slave", "link_up": True, "master_silent_s": 11}},
    ),
    Case(
        "replication.link",
        Broken,
        "link to the master is up, the master was heard of 38 s ago (limit 10 s)",
        {"replication": {"role": "slave", "link_up": True, "master_silent_s": 38}},
    ),
    Case(
        "replication.link",
        Held,
        "heard of 38 s ago (limit 60 s)",
        {"replication": {"role": "slave", "link_up": True, "master_silent_s": 38}},
        {"limits": {"replication_lag_s": "1m"}},
    ),
    Case(
        "replication.link",
        Broken,
        "0 of 1 replica of queue are online and in step (lag 0 s; limit 10 s; 34.3 MiB of what the "
        "master had 12 s before are not confirmed), at least 1 wanted",
        {"replication": BEHIND},
        {"replicas_min": 1},
    ),
    Case(
        "replication.link",
        Unknown,  # as far as it was waited for, it may be in time
        "34.3 MiB of what the master had 12 s before are not confirmed), at least 1 wanted",
        {"replication": BEHIND},
        {"replicas_min": 1, "limits": {"replication_lag_s": "1m"}},
    ),
    Case(
        "replication.link",
        Broken,
        "0 of 1 replica of queue are online and in step (lag 0 s; limit 2 s)",
        {"replication": {"confirmed_s": (4.5,), "waited_s": 4.5}},
        {"replicas_min": 1, "limits": {"replication_lag_s": 2}},
    ),
    Case(
        "replication.link",
        Held,
        "1 of 1 replica of queue is online and in step (lag 0 s; limit 10 s)",
        {"replication": {"confirmed_s": (4.5,), "waited_s": 4.5}},
        {"replicas_min": 1},
    ),
    Case(
        "replication.link",
        Unknown,
        "0 of 1 replica of queue are online and in step (INFO does not say how far 1 of them foll",
        {"replication": {"lags_s": (None,)}},
        {"replicas_min": 1},
    ),
    Case(
        "replication.link",
        Unknown,
        "its link to the master is up, and INFO does not say when the master was heard of",
        {"replication": {"role": "slave", "link_up": True, "master_silent_s": None}},
    ),
    Case(
        "replication.link",
        Broken,
        "link to the master is down for 12 s",
        {"replication": {"role": "slave", "link_down_s": 12}},
    ),
    Case(
        "replication.link",
        Broken,
        "link to the master has not been up",
        {"replication": {"role": "slave", "link_down_s": None}},
    ),
]

EXPORTER = [
    Case("exporter.reachable", Held, "queue: redis_up is 1 by /metrics"),
    Case(
        "exporter.reachable",
        Broken,
        "the exporter refused",
        {
            "exporter": {
                "problem": FetchProblem.REFUSED,
                "problem_text": "the exporter refused",
                "redis_up": None,
            }
        },
    ),
    Case("exporter.reachable", Broken, "redis_up is missing", {"exporter": {"redis_up": None}}),
    Case("exporter.reachable", Broken, "redis_up is 0", {"exporter": {"redis_up": 0.0}}),
    Case(
        "exporter.reachable",
        Broken,
        "for another instance",
        {"exporter": {"matches": False}},
    ),
    Case(
        "exporter.reachable",
        Broken,
        'with the error "NOAUTH"',
        {"exporter": {"scrape_error": 1.0, "scrape_error_text": "NOAUTH"}},
    ),
    Case(
        "exporter.reachable",
        Broken,
        "redis_exporter_last_scrape_error is missing",
        {"exporter": {"scrape_error": None}},
    ),
    Case("exporter.truthful", Held, "watches this server"),
    Case("exporter.truthful", Unknown, "nothing to compare", {"exporter": {"redis_up": 0.0}}),
    Case(
        "exporter.truthful",
        Unknown,
        "nothing to compare: the exporter refused",
        {"exporter": {"problem": FetchProblem.REFUSED, "problem_text": "the exporter refused"}},
    ),
    Case(
        "exporter.truthful",
        Broken,
        "lacks redis_memory_max_bytes, redis_uptime_in_seconds",
        {"exporter": {"missing": ["redis_memory_max_bytes", "redis_uptime_in_seconds"]}},
    ),
    Case(
        "exporter.truthful",
        Unknown,
        "does not tell which server it watches",
        {"exporter": {"matches": None}},
    ),
    Case(
        "exporter.truthful",
        Broken,
        "uptime: 1 s; maxmemory: 2",
        {"exporter": {"disagreements": ["uptime: 1 s", "maxmemory: 2"]}},
    ),
]

JWT_CACHE = [
    Case("jwt_cache.populated", Held, "10 live entries of jwt:* on cache (at least 10)"),
    Case(
        "jwt_cache.populated",
        Held,
        "at least 100 live entries",
        {"jwt_entries": {"live_entries": 100, "stopped": "enough"}},
    ),
    Case(
        "jwt_cache.populated",
        Held,
        "at least 12 live entries",
        {"jwt_entries": {"live_entries": 12, "stopped": "budget"}},
    ),
    Case("jwt_cache.populated", Broken, "9 live entries", {"jwt_entries": {"live_entries": 9}}),
    Case(
        "jwt_cache.populated",
        Unknown,
        "found 9 entries of jwt:* on cache (at least 10), but it is one node of a cluster",
        {"jwt_entries": {"live_entries": 9}, "cluster": part_of_a_cluster()},
    ),
    Case(
        "jwt_cache.populated",
        Held,
        "10 live entries of jwt:* on cache",
        {"cluster": part_of_a_cluster()},
    ),
    Case(
        "jwt_cache.populated",
        Unknown,
        "found 9 entries of jwt:* on cache after about 90000 of 5000000 keys; the scan's budget "
        "was used up after 2.0 s",
        {
            "jwt_entries": {
                "live_entries": 9,
                "stopped": "budget",
                "keys_looked_at": 90_000,
                "dbsize": 5_000_000,
                "elapsed_s": 2.0,
            }
        },
    ),
    Case(
        "jwt_cache.populated",
        Unknown,
        "after about 90000 keys",
        {
            "jwt_entries": {
                "live_entries": 0,
                "stopped": "budget",
                "keys_looked_at": 90_000,
                "dbsize": None,
            }
        },
    ),
    Case("jwt_cache.expires", Held, "0 have no TTL and the others expire in 60 to 3600 s"),
    Case("jwt_cache.expires", Held, "to 86400 s", {"jwt_entries": {"ttl_max_s": 86_400.0}}),
    Case(
        "jwt_cache.expires",
        Held,
        "of 10 of the 501 entries that were found of jwt:* on cache, 0 have no TTL",
        {"jwt_entries": {"live_entries": 501}},
    ),
    Case("jwt_cache.expires", Broken, "to 86401 s", {"jwt_entries": {"ttl_max_s": 86_401.0}}),
    Case("jwt_cache.expires", Broken, "1 has no TTL", {"jwt_entries": {"without_ttl": 1}}),
    Case(
        "jwt_cache.expires",
        Broken,
        "of 3 entries of jwt:* on cache, 3 have no TTL",
        {
            "jwt_entries": {
                "live_entries": 3,
                "ttl_sampled": 3,
                "without_ttl": 3,
                "ttl_min_s": None,
                "ttl_max_s": None,
            }
        },
    ),
    Case(
        "jwt_cache.refreshes",
        Held,
        "the login exited with 0 after 0.4 s (limit 10 s), and 1 entry of jwt:* on cache was new "
        "or renewed 0.5 s after it began; none in the 2.0 s watched without a login",
    ),
    Case(
        "jwt_cache.refreshes",
        Held,
        "and 3 entries of jwt:* on cache were new or renewed",
        {"jwt_refresh": {"changed": 3, "unending": 1}},
    ),
    Case(
        "jwt_cache.refreshes",
        Advised,
        "but 4 in the 2.0 s watched without a login: it may not be the login's doing",
        {"jwt_refresh": {"others": 4}},
    ),
    Case(
        "jwt_cache.refreshes",
        Broken,
        "and no entry of jwt:* on cache was new or renewed in the 10.0 s after it",
        {"jwt_refresh": {"changed": 0, "watched_s": 10.0}},
    ),
    Case(
        "jwt_cache.refreshes",
        Broken,
        "the login exited with 1",
        {
            "jwt_refresh": JwtRefreshFacts(
                succeeded=False, login="exited with 1 after 0.4 s (limit 10 s)"
            )
        },
    ),
    Case(
        "jwt_cache.refreshes",
        Unknown,
        "but 2 of 12 have no expiry that could be seen to change",
        {"jwt_refresh": {"changed": 0, "unending": 2}},
    ),
    Case(
        "jwt_cache.refreshes",
        Unknown,
        "but it is one node of a cluster",
        {"jwt_refresh": {"changed": 0}, "cluster": part_of_a_cluster()},
    ),
    Case("incident.smoke_command", Held, "bundle:launch exited with 0 after 1.2 s (limit 20 s)"),
    Case(
        "incident.smoke_command",
        Broken,
        "bundle:launch exited with 127 after 1.2 s",
        {"command": {"code": 127}},
    ),
    Case(
        "incident.smoke_command",
        Broken,
        "bundle:launch was ended by SIGSEGV after 1.2 s",
        {"command": {"by": "signal", "code": 11}},
    ),
    Case(
        "incident.smoke_command",
        Broken,
        "bundle:launch was ended by signal 40",
        {"command": {"by": "signal", "code": 40}},
    ),
    Case(
        "incident.smoke_command",
        Broken,
        "bundle:launch did not end within 20 s, and was killed",
        {"command": {"by": "timeout", "code": 9}},
    ),
    Case(
        "jwt_cache.expires",
        Unknown,
        "no entry of jwt:* was found on cache",
        {"jwt_entries": {"ttl_sampled": 0, "ttl_min_s": None, "ttl_max_s": None}},
    ),
]
JWT_CACHE = [replace(case, role="cache") for case in JWT_CACHE]

SLOWLOG = [
    Case("latency.slowlog", Held, "no command took over 100 ms on queue in the last 600 s"),
    Case("latency.slowlog", Held, "over 50 ms on cache", role="cache"),
    Case("latency.slowlog", Held, "no command", {"slowlog": {"entries": [slow(100)]}}),
    Case("latency.slowlog", Held, "in the last 600 s", {"slowlog": {"entries": [slow(900, 601)]}}),
    Case(
        "latency.slowlog",
        Broken,
        "2 commands took over 100 ms on queue in the last 600 s; the slowest, KEYS 300 "
        "(1 argument), took 300.0 ms",
        {"slowlog": {"entries": [slow(200), slow(300), slow(50), slow(900, 601)]}},
    ),
    Case(
        "latency.slowlog",
        Broken,
        "1 command took over 50 ms on cache",
        {"slowlog": {"entries": [slow(60)]}},
        role="cache",
    ),
    Case(
        "latency.slowlog",
        Broken,
        "1 command took over",  # what was seen counts, however little could be
        {"slowlog": {"entries": [slow(200)], "threshold_ms": None, "covers_s": 1.0}},
    ),
    Case(
        "latency.slowlog",
        Unknown,
        "slowlog-log-slower-than is -1 µs; set it to 100000 or less",
        {"slowlog": {"threshold_ms": -0.001}},
    ),
    Case(
        "latency.slowlog",
        Unknown,
        "slowlog-log-slower-than is 200000 µs",
        {"slowlog": {"threshold_ms": 200.0}},
    ),
    Case("latency.slowlog", Held, "took over 100 ms", {"slowlog": {"threshold_ms": 100.0}}),
    Case(
        "latency.slowlog",
        Unknown,
        "is not known: no permission for CONFIG GET",
        {"slowlog": {"threshold_ms": None, "why_unknown": "no permission for CONFIG GET"}},
    ),
    Case(
        "latency.slowlog",
        Unknown,
        "reaches back only 599 s of 600 s",
        {"slowlog": {"covers_s": 599.0}},
    ),
    Case(
        "latency.slowlog",
        Unknown,
        "reaches back only 0 s",  # slowlog-max-len is 0
        {"slowlog": {"covers_s": 0.0}},
    ),
    Case("latency.slowlog", Held, "the last 600 s", {"slowlog": {"covers_s": 600.0}}),
    Case(
        "latency.slowlog",
        Held,
        "no command took over 100 ms on queue in the 3 s since it started",
        {"slowlog": {"uptime_s": 3.0}},
    ),
    Case("latency.slowlog", Held, "queue in the last 600 s", {"slowlog": {"uptime_s": 600.0}}),
    Case(
        "latency.slowlog",
        Unknown,
        "SLOWLOG of queue was reset, nobody can tell when, and certainly reaches back only 40 s of",
        {"slowlog": {"covers_s": 40.0, "was_reset": True}},
    ),
    Case(
        "latency.slowlog",
        Held,
        "took over 100 ms on queue in the last 600 s",
        {"slowlog": {"covers_s": 700.0, "was_reset": True}},
    ),
    Case(
        "latency.slowlog",
        Unknown,
        "since when SLOWLOG of queue logs is not known: no permission for INFO",
        {"slowlog": {"uptime_s": None, "why_no_uptime": "no permission for INFO"}},
    ),
]


GONE = ConnectionFacts(
    address="cache:6379", elapsed_ms=2, problem=Problem.REFUSED, message="is gone"
)


def p95(outcome: type, words: str, facts: LatencyFacts) -> Case:
    return Case("latency.command_p95", outcome, words, {"latency": facts}, role="cache")


LATENCY = [
    Case("latency.round_trip", Held, "p95 of queue is 1.00 ms over 2.0 s (limit 2000 ms; n 400"),
    Case(
        "latency.round_trip",
        Broken,
        "p95 of cache is 60.00 ms over 2.0 s (limit 50 ms",
        {"latency": latency(60, 60)},
        role="cache",
    ),
    Case("latency.round_trip", Held, "60.00 ms", {"latency": latency(60, 60)}),
    p95(Held, "p95 of cache is 50.00 ms over 2.0 s", latency(50, 50)),
    p95(Broken, "p95 of cache is 50.10 ms over 2.0 s (limit 50 ms; n 400", latency(50.1, 50.1)),
    p95(Advised, "over the limit for 1 s of 2 s", latency(1, 60)),
    p95(Advised, "over the limit for 1 s of 10 s", latency(60, *[1] * 9)),
    p95(Unknown, "only 199 samples in 2.0 s on cache", latency(
        samples_ms=array("d", [1.0] * 199),
        offsets_s=array("d", [0.01 * number for number in range(199)]),
        window_s=2.0,
        elapsed_s=2.0,
    )),
    p95(Unknown, "only 0 samples in 2.0 s on cache", latency(None, None)),
    p95(
        Unknown,
        "cache: 400 of 400 reads were answered with an error (MASTERDOWN)",
        latency(1, 1, errors={Shown("MASTERDOWN"): 400}, workload="reads of 3 random keys"),
    ),
    p95(
        Unknown,  # an answer that is fast in part is none of a read either
        "201 of 400 PINGs were answered with an error (MASTERDOWN, ERR)",
        latency(1, 60, errors={Shown("MASTERDOWN"): 200, Shown("ERR"): 1}),
    ),
    p95(
        Advised,
        "; 200 of 400 PINGs were answered with an error (MASTERDOWN)",
        latency(1, 1, errors={Shown("MASTERDOWN"): 200}),
    ),
    p95(
        Broken,  # even its errors are slow
        "; 400 of 400 PINGs were answered with an error (BUSY)",
        latency(60, 60, errors={Shown("BUSY"): 400}),
    ),
    p95(
        Unknown,
        "cache: the server refuses to tell a key (MASTERDOWN), so that how long a read takes is no",
        latency(1, 1, refusal=Shown("MASTERDOWN")),
    ),
    p95(
        Unknown,
        "only 0 samples in 0.1 s on cache (the connection was closed)",
        latency(None, None, elapsed_s=0.1, error="the connection was closed"),
    ),
    p95(
        Advised,  # the server gave nothing after the first second: over, then
        "; the connection was closed; over the limit for 1 s of 2 s",
        latency(1, None, elapsed_s=1.0, error="the connection was closed"),
    ),
    p95(
        Broken,
        "; the connection was closed",
        latency(60, None, elapsed_s=1.0, error="the connection was closed"),
    ),
    p95(Held, "over 1.0 s", latency(1, elapsed_s=1.0, window_s=2.0)),  # we stopped, not the server
    p95(Held, "n 400", latency(1, None, 1, unseen=[(1.0, 2.0)])),
    p95(Broken, "60.00 ms", latency(60, None, 60, unseen=[(1.0, 2.0)])),
    p95(Unknown, "only 200 samples", latency(1, None, None, unseen=[(1.0, 3.0)])),
    p95(Advised, "n 400, p50 1.00", latency(1, 1, None)),  # no answer is over the limit
    p95(Held, "n 400, p50 1.00, p99 1.00", latency(1, 1, at_end=HEALTHY["connection"])),
    p95(Broken, "cache does not answer any more: is gone; p95 of cache is 1.00 ms over",
        latency(1, 1, at_end=GONE)),
    p95(Broken, "cache does not answer any more: is gone; p95 of", latency(60, 60, at_end=GONE)),
    p95(Broken, "is gone; nothing was measured", latency(None, None, at_end=GONE)),
    p95(Advised, "; no connection for 0.3 s", latency(1, 1, lost=[(0.5, 0.8)])),
    p95(Advised, "; reset by the server; no connection for 0.1 s",
        latency(1, 1, error="reset by the server", lost=[(1.9, 2.0)])),
    p95(Unknown, "only 0 samples in 2.0 s on cache (no connection for 2.0 s)",
        latency(None, None, lost=[(0.0, 2.0)])),
    p95(Unknown, "this machine was too busy to measure cache: at p95, 55.00 ms of a round trip "
        "may be this process's own delay (n 400)",
        latency(60, 60, own_delays_ms=array("d", [55.0] * 400))),
    p95(Unknown, "too busy to measure cache: only 0 samples, as this process did not run for 1.6 s",
        latency(None, None, unseen=[(0.2, 1.8)])),
    p95(Broken, "p95 of cache is 60.00 ms", latency(60, 60, own_delays_ms=array("d", [5.0] * 400))),
    p95(Held, "p95 of cache is 1.00 ms over 2.0 s (limit 50 ms; n 200, p50 1.00, p99 1.00, "
        "max 1.00 ms); nobody looked for 1 s, as this process did not run or was late",
        latency(60, 1, own_delays_ms=array("d", [55.0] * 200 + [0.0] * 200))),
]  # fmt: skip


def container(outcome: type, words: str, **changes: Any) -> Case:
    return Case("incident.container", outcome, words, {"entry": entry(**changes)})


def policy(
    outcome: type, words: str, up_s: int, restarts: int, *, deaths: int = 0, oom: bool = False
) -> Case:
    """A container that its restart policy started that long ago, as its server did."""
    state = entry(
        started_at=NOW - up_s,
        restarts=restarts,
        oom_killed=oom,
        death_times=[NOW - up_s] * deaths,
    )
    return Case("incident.container", outcome, words, {"entry": state, "served_since": None})


def reconnected(outcome: type, words: str, uptime_s: float = 90, **changes: Any) -> Case:
    facts = {
        "worker_logs": reconnects(uptime_s),
        "entry_logs": [LOGGED, replace(LOGGED, **changes)],
    }
    return Case("incident.workers_reconnected", outcome, words, facts)


def checked(host: str, port: int = 6379) -> Service:
    """The service that was checked, at another address than `redis:6379`."""
    settings = ServiceSettings.model_validate({"role": "queue"})
    endpoint = Endpoint(scheme="redis", host=host, port=port)
    return Service(name="queue", settings=settings, endpoint=endpoint)


def localhost(outcome: type, words: str, own_network: bool | None) -> Case:  # noqa: FBT001
    """An application that is told the very address that was checked: localhost."""
    facts = {
        "entry": told("127.0.0.1", own_network=own_network),
        "used": checked("127.0.0.1"),
    }
    return Case("incident.endpoints", outcome, words, facts)


def published(outcome: type, words: str, host: str, on: str = "", port: int = 6379) -> Case:
    """An application that is told the container of what was checked where it is published."""
    facts = {
        "entry": told("redis-queue", port),
        "used": checked(host, 16379),
        "servers": [replace(STATE, published_on=Shown(on))],
    }
    return Case("incident.endpoints", outcome, words, facts)


def room(outcome: type, words: str, limit_mib: int, maxmemory_mib: int | None) -> Case:
    memory = (
        replace(HEALTHY["memory"], maxmemory_bytes=maxmemory_mib * MIB)
        if maxmemory_mib is not None
        else CannotLook("queue is not reachable", follows_from="connectivity.reachable[queue]")
    )
    facts = {"entry": entry(memory_limit_bytes=limit_mib * MIB), "used_memory": memory}
    return Case("incident.endpoints", outcome, words, facts)


def scraped(outcome: type, words: str, uptime_s: int = 90, **changes: Any) -> Case:
    facts = {"server": {"uptime_s": uptime_s}, "exporter": changes}
    return Case("incident.exporter_reconnected", outcome, words, facts)


INCIDENT = [
    container(Held, "redis-1 is running for 90 s; twin is running for 90 s"),
    container(Held, "running for 90 s, healthy", health="healthy"),
    container(Broken, "redis-1 has exited (exit code 1)", status="exited", exit_code=1),
    container(
        Broken,
        "redis-1 has exited (exit code 137, SIGKILL, OOM-killed)",
        status="exited",
        exit_code=137,
        oom_killed=True,
    ),
    container(Broken, "redis-1 is paused", status="paused"),
    container(
        Broken,
        "redis-1 is in a restart loop: its restart policy started it 5 times, exit code 1",
        status="restarting",
        exit_code=1,
        restarts=5,
    ),
    container(
        Broken,
        "redis-1 is in a restart loop: its restart policy started it 2 times, the last time 90 s",
        restarts=2,
        death_times=[NOW - 200, NOW - 91],
    ),
    container(Advised, "its restart policy started it 1 time, the last time 90 s ago", restarts=1),
    Case(
        "incident.container",
        Held,
        "redis-1 is running for 3600 s",  # what its policy did is long over
        {"entry": entry(restarts=7, started_at=NOW - 3600), "served_since": None},
    ),
    container(
        Broken,
        "redis-1 runs, but a process in it was OOM-killed 3 s ago (limit 64 MiB)",
        oom_killed=True,
        oom_times=[NOW - 3],
        memory_limit_bytes=64 * MIB,
    ),
    container(
        Broken,
        "redis-1 was OOM-killed before it started 90 s ago, by its restart policy",
        oom_killed=True,
        oom_times=[NOW - 91],
        restarts=1,
    ),
    container(Advised, "was OOM-killed before it started 90 s ago", oom_killed=True),
    container(Broken, "redis-1 is unhealthy: no", health="unhealthy", health_said="no"),
    container(Unknown, "its health check has not concluded yet", health="starting"),
    container(
        Broken,
        "started 60 s later than the server that was checked: that is another one",
        started_at=NOW - 30,
    ),
    container(Advised, "started 110 s earlier than the server", started_at=NOW - 200),
    Case(
        "incident.container",
        NotApplicable,
        "only its log file is configured",
        {"entry": {"states": ()}},
    ),
    Case("incident.container", Held, "is running", {"served_since": None}),
    container(Held, "is running for 85 s", started_at=NOW - 85),
    container(Broken, "started 6 s later than the server", started_at=NOW - 84),
    container(Held, "is running for 150 s", started_at=NOW - 150),
    container(Advised, "started 61 s earlier than the server", started_at=NOW - 151),
    container(Broken, "exit code 0, OOM-killed)", status="exited", oom_times=[NOW - 95]),
    container(
        Broken,
        "redis-1 runs, but a process in it was OOM-killed 3 s ago",  # the last of two
        oom_times=[NOW - 90, NOW - 3],
    ),
    container(Broken, "a process in it was OOM-killed 90 s ago", oom_times=[NOW - 90]),
    policy(
        Broken, "OOM-killed before it started 599 s ago, by its restart policy", 599, 1, oom=True
    ),
    policy(Advised, "was OOM-killed before it started 600 s ago", 600, 1, oom=True),
    policy(
        Broken, "restart loop: its restart policy started it 2 times, the last time 59 s", 59, 2
    ),
    policy(Advised, "its restart policy started it 2 times, the last time 60 s ago", 60, 2),
    policy(Advised, "its restart policy started it 1 time, the last time 59 s ago", 59, 1),
    policy(Advised, "its restart policy started it 1 time", 59, 1, deaths=2),
    policy(Broken, "started it 2 times, the last time 599 s ago", 599, 2, deaths=2),
    policy(Held, "is running for 600 s", 600, 2, deaths=2),
    Case("incident.logs", Held, "0 fatal lines since the last start of redis-1, twin; 24 lines"),
    Case(
        "incident.logs",
        Broken,
        "2 fatal lines since",
        {"entry": entry(log={"fatal_lines": 2, "fatal": [Shown("MISCONF …")]})},
    ),
    Case(
        "incident.logs",
        Broken,
        "2 fatal lines",  # whatever else was not looked at
        {"entry": entry(log={"fatal_lines": 2, "complete": False})},
    ),
    Case(
        "incident.logs",
        Unknown,
        "redis-1: only the newest 5000 lines since its last start were looked at",
        {"entry": entry(log={"lines": 5_000, "complete": False})},
    ),
    Case(
        "incident.logs",
        Unknown,
        "redis-1: what it logged first since its last start may have been rotated away",
        {"entry": entry(log={"kept": False})},
    ),
    Case(
        "incident.logs",
        Unknown,
        "redis-1: the Docker daemon answers 501",
        {"entry": entry(log={"why_unknown": "the Docker daemon answers 501"})},
    ),
    Case("incident.logs", NotApplicable, "only its log file", {"entry": {"states": ()}}),
    reconnected(Held, "since queue started 90 s ago: worker-1 has logged it 3.4 s after the start"),
    reconnected(
        Broken, "since queue started 25 s ago: worker-1 has not logged it", 25, line_at=None
    ),
    reconnected(Unknown, "has not logged it yet (it may take 25 s)", 24, line_at=None),
    reconnected(
        Unknown,
        "whether worker-1 has is not known: what it logged then may have been rotated away",
        line_at=None,
        why_unknown="what it logged then may have been rotated away",
    ),
    reconnected(Broken, "worker-1 does not run", runs=False),
    reconnected(Held, "worker-1 has logged it", line_at=None, started_at=NOW - 80),
    Case(
        "incident.workers_reconnected",
        NotApplicable,
        "worker-1 started 10 s later: it connected anew",
        {"entry_logs": [replace(LOGGED, line_at=None, started_at=NOW - 80)]},
    ),
    Case(
        "incident.workers_reconnected",
        NotApplicable,
        "worker-1 started at about the same time: it connected anew",
        {"entry_logs": [replace(LOGGED, line_at=None, started_at=NOW - 92)]},
    ),
    scraped(Held, "since queue started 90 s ago, its exporter has scraped it"),
    scraped(Held, "since queue started 0 s ago, its exporter has scraped it", 0),
    scraped(
        Unknown, "started 9 s ago, its exporter has not scraped it: redis_up is 0", 9, redis_up=0.0
    ),
    scraped(Broken, "its exporter has not scraped it: redis_up is 0", 10, redis_up=0.0),
    scraped(Broken, "its exporter has not scraped it: redis_up is 1", scrape_error=1.0),
    scraped(Broken, "redis_exporter_last_scrape_error is missing", scrape_error=None),
    scraped(Broken, "redis_up is 1 by /metrics, for another instance", matches=False),
    scraped(Broken, "refused", problem=FetchProblem.REFUSED, problem_text="refused", redis_up=None),
    scraped(Unknown, "its exporter has scraped one that it does not identify", matches=None),
    scraped(
        Broken,
        "its exporter tells of one that is up for 5000 s",
        values=ExporterValues(used_memory_bytes=1, maxmemory_bytes=0, uptime_s=5_000),
    ),
    Case(
        "incident.endpoints",
        Held,
        "REDIS_QUEUE_URL of api-1 names redis:6379, database 0, which was checked",
        {"entry": told("redis")},
    ),
    Case(
        "incident.endpoints",
        Held,
        "redis-queue:6379, database 0, which is redis-1, as is redis-1:6379",
        {"entry": told("redis-queue"), "used": checked("redis-1")},
    ),
    Case(
        "incident.endpoints",
        Held,
        "names [fd00::7]:6379, database 0, which was checked",
        {"entry": told("fd00::7"), "used": checked("fd00::7")},
    ),
    published(Held, "redis-queue:6379, database 0, which is redis-1, as is [::1]:16379", "::1"),
    published(Held, "which is redis-1, as is localhost:16379", "localhost"),
    published(Held, "which is redis-1, as is far:16379", "far", "far"),
    published(Broken, "redis-queue:6380, database 0, and what was checked is", "::1", port=6380),
    published(
        Unknown,
        "redis-1 is published at that port of this machine, and whether far is that machine",
        "far",
    ),
    published(
        Unknown,
        "at that port of far, and whether 127.0.0.1 is that machine is not known",
        "127.0.0.1",
        "far",
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names redis-queue:6379, database 0, and what was checked is redis:6379, database 0",
        {"entry": told("redis-queue")},  # which is published on another port
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names redis:6379, database 3, and what was checked is redis:6379, database 0",
        {"entry": told("redis", database=3)},
    ),
    Case("incident.endpoints", Broken, "redis:6380", {"entry": told("redis", 6380), "servers": ()}),
    Case("incident.endpoints", Broken, "old:6379", {"entry": told("old"), "servers": ()}),
    Case(
        "incident.endpoints",
        Unknown,
        "whether these are one server is not known; configure its container",
        {"entry": told("10.0.0.7"), "servers": ()},
    ),
    Case(
        "incident.endpoints",
        Unknown,
        "names localhost:6379, database 0, and what was checked is redis:6379, database 0: whether",
        {"entry": told("localhost"), "servers": ()},
    ),
    Case(
        "incident.endpoints",
        Unknown,
        "names redis:6379, database 0, and what was checked is 10.0.0.7:6379, database 0: whether",
        {"entry": told("redis"), "used": checked("10.0.0.7"), "servers": ()},
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names 10.0.0.7:6380, database 0, and what was checked is 10.0.0.7:6379, database 0",
        {"entry": told("10.0.0.7", 6380), "used": checked("10.0.0.7"), "servers": ()},
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names redis-queue:6380, database 0, and what was checked is redis-1:6379, database 0",
        {"entry": told("redis-queue", 6380), "used": checked("redis-1")},
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names LocalHost:6379, database 0, which in its own network is the container itself",
        {"entry": told("LocalHost", own_network=True)},
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names old:6379, database 0, and what was checked is redis-1:6379, database 0",
        {"entry": told("old"), "used": checked("redis-1")},
    ),
    Case(
        "incident.endpoints",
        Unknown,
        "redis-1 does not run, and publishes no port now",
        {
            "entry": told("redis-queue"),
            "used": checked("127.0.0.1", 16379),
            "servers": [replace(STATE, status=Shown("exited"), ports={})],
        },
    ),
    Case(
        "incident.endpoints",
        Unknown,
        "it is in no network of redis-1, and whom it reaches by that name is not known",
        {"entry": told("redis-queue", networks=[Shown("other")]), "used": checked("redis-1")},
    ),
    Case(
        "incident.endpoints",
        Held,
        "names LOCALHOST:6379, database 0, which was checked",
        {"entry": told("LOCALHOST"), "used": checked("127.0.0.1")},
    ),
    Case(
        "incident.endpoints",
        Held,
        "names Redis-Queue:6379, database 0, which was checked",
        {"entry": told("Redis-Queue"), "used": checked("redis-queue")},
    ),
    localhost(Broken, "6379, database 0, which in its own network is the container itself", True),
    localhost(Unknown, "what that is in its container's network is not known", None),
    localhost(Held, "6379, database 0, which was checked", False),
    Case(
        "incident.endpoints",
        Broken,
        "names 0.0.0.0:1, database 3, which in its own network is the container itself",
        {"entry": told("0.0.0.0", 1, database=3, own_network=True)},  # noqa: S104  # binds nothing
    ),
    Case(
        "incident.endpoints",
        Broken,
        "names localhost:1, database 3, and what was checked is redis:6379",  # whatever it is
        {"entry": told("localhost", 1, database=3, own_network=None)},
    ),
    Case(
        "incident.endpoints",
        Unknown,
        "REDIS_QUEUE_URL of api-1 is not set",
        {"entry": told("", problem="is not set")},
    ),
    Case("incident.endpoints", NotApplicable, "it is told no URL", {"entry": entry(kind="worker")}),
    Case(
        "incident.endpoints",
        NotApplicable,
        "no place that is configured for it has REDIS_QUEUE_URL",
        {"entry": replace(entry(kind="worker"), url_variable=Shown("REDIS_QUEUE_URL"))},
    ),
    Case("incident.endpoints", NotApplicable, "no enabled service", {"used": None}),
    room(Held, "maxmemory is 80 % of the memory limit of redis-1, 100 MiB (at most 80 %)", 100, 80),
    room(Broken, "maxmemory is 81 % of the memory limit of redis-1", 100, 81),
    room(Broken, "maxmemory is 0: the memory limit of redis-1, 100 MiB, ends the server", 100, 0),
    room(Unknown, "maxmemory of redis-1 is not known: queue is not reachable", 100, None),
    room(Held, "redis-1 has no memory limit; twin has no memory limit", 0, 0),
]


def kept(outcome: type, words: str, service: str = "queue", **now: Any) -> Case:
    inventory = {**(A_CACHE if service == "cache" else {}), **now}
    return Case("incident.data_kept", outcome, words, {"inventory": inventory}, role=service)


def than(outcome: type, words: str, **before: Any) -> Case:
    """A queue that is compared with a snapshot that tells less."""
    services = {Shown("queue"): replace(INVENTORY, **before)}
    return Case("incident.data_kept", outcome, words, {"baseline": {"services": services}})


SOME_KEYS = [Database(number=0, keys=3, expiring=0), Database(number=1, keys=60, expiring=10)]
FEW_ENTRIES = replace(ENTRIES, live=99)
DATA_KEPT = [
    kept(Held, "queue has what it had in the snapshot of 2026-11-25 03:17:05 UTC; nothing changed"),
    kept(Held, "; another process answers: it was restarted", run_id=Shown("b")),
    kept(Held, "; the version is 8.0.1 (was 7.0.15)", version=Shown("8.0.1")),
    kept(Held, "the address is other:6379 (was redis:6379)", address=Shown("other:6379")),
    # Jobs that were done are no loss, with all of their keys.
    kept(
        Held,
        "database 0 has 3 keys (had 1000); queue bundle:render has 3 completed (had 12 waiting)",
        queues=[kept_queue(counts={"completed": 3}, added=510), kept_queue("mail")],
        databases=SOME_KEYS,
    ),
    kept(
        Broken,
        "queue is not what it was in the snapshot of 2026-11-25 03:17:05 UTC: queue bundle:render "
        "is gone (it had 12 waiting)",
        queues=[kept_queue("mail")],
    ),
    kept(
        Broken,
        "queue bundle:render lost jobs: of 500 that were ever added, 497 are known",
        queues=[kept_queue(added=497), kept_queue("mail")],
    ),
    kept(
        Broken,
        "queue mail lost jobs: of 500 that were ever added, 0 are known",
        queues=[kept_queue(), kept_queue("mail", added=None)],
    ),
    kept(
        Broken,
        "queue mail has 1 of 2 schedulers",
        queues=[kept_queue(), kept_queue("mail", schedulers=1)],
    ),
    kept(Held, "queue new is new", queues=[*INVENTORY.queues, kept_queue("new")]),
    # 4 keys that do not expire are a tenth of 50, nearly.
    kept(
        Broken,
        "4 of 50 keys that do not expire are in database 1",
        databases=[INVENTORY.databases[0], Database(number=1, keys=104, expiring=100)],
    ),
    kept(
        Held,
        "database 1 has 5 keys (had 60)",
        databases=[INVENTORY.databases[0], Database(number=1, keys=5, expiring=0)],
    ),
    kept(Broken, "0 of 50 keys that do not expire are in", databases=[INVENTORY.databases[0]]),
    kept(Broken, ": maxmemory is 0 (was 100.0 MiB)", maxmemory_bytes=0),
    kept(
        Broken, ": maxmemory-policy is allkeys-lru (was noeviction)", policy=Shown("allkeys-lru")
    ),
    kept(Broken, ": appendonly is no (was yes)", appendonly=False),
    kept(Broken, ": save is off (was 3600 1)", save=Shown("")),
    kept(Broken, ": the role is replica (was master)", role=Shown("slave")),
    kept(Unknown, "save was 3600 1, and cannot be read now", save=None),
    # What was not looked at may be there; what was looked for is not.
    kept(
        Unknown,
        "whether queue is what it was in the snapshot of 2026-11-25 03:17:05 UTC: queue mail was "
        "not found, and there are more keys",
        queues=[kept_queue()],
        queues_unseen=Shown("there are more keys"),
    ),
    kept(
        Broken,
        "queue mail is gone",
        queues=[kept_queue()],
        queues_unseen=Shown("discovery is switched off"),
        absent=[kept_queue("mail").identity],
    ),
    # A cache may forget, which is said; its settings must stay.
    kept(Held, "cache has what it had in", "cache"),
    kept(
        Advised,
        "cache need not keep what it holds, and did not since the snapshot of 2026-11-25 03:17:05 "
        "UTC: 0 of 1000 keys are in database 0; 0 of 60 keys are in database 1; 99 of 1000 entries "
        "of jwt:* are there",
        "cache",
        databases=[],
        jwt=FEW_ENTRIES,
    ),
    kept(Advised, "at least 99 of 1000", "cache", jwt=replace(FEW_ENTRIES, complete=False)),
    kept(Held, "nothing changed", "cache", jwt=replace(ENTRIES, live=100)),
    # What the snapshot does not tell may be lost, and so may what nobody looks at any more.
    kept(Advised, "; entries of jwt:* were counted then, and of t:* now", "cache",
        jwt=Entries(pattern=Shown("t:*"), live=0, complete=True)),
    kept(Advised, "; entries of jwt:* were counted then, and of nothing now", "cache", jwt=None),
    than(Advised, "; the snapshot may lack queues: it is late", queues_unseen="it is late"),
    replace(
        than(Held, "queue has what it had in the snapshot of 2026-11-25 03:17:05 UTC; the snapshot "
             "may lack queues: it is late", queues_unseen="it is late"),
        settings={"discover": False},
    ),
    than(Advised, "; the snapshot does not tell save", save=None),
    kept(Broken, "maxmemory is 0 (was 100.0 MiB); 0 of 1000 keys", "cache",
        maxmemory_bytes=0, databases=SOME_KEYS[1:]),
]  # fmt: skip

CASES = [
    *INCIDENT,
    *CONNECTIVITY,
    *MEMORY,
    *PERSISTENCE_AND_REPLICATION,
    *EXPORTER,
    *JWT_CACHE,
    *DATA_KEPT,
    *SLOWLOG,
    *LATENCY,
]
