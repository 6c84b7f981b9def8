"""What a service holds and how it is set, in numbers: to compare before and after a restart."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.probes.bullmq.clients import ClientList, list_clients
from redis_runbook.probes.bullmq.discovery import Discovery, discover
from redis_runbook.probes.bullmq.facts import Counts, QueueFacts
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.workers import workers_of
from redis_runbook.probes.cluster import ONE_NODE
from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.jwt_cache import observe_jwt_cache
from redis_runbook.probes.keyspace import keyspace_facts
from redis_runbook.probes.memory import memory_facts
from redis_runbook.probes.persistence import SavePoint, save_points
from redis_runbook.probes.probe import Probe
from redis_runbook.probes.replies import ask_permitted, integer
from redis_runbook.probes.server import read_info, server_facts
from redis_runbook.redact import NO_TEXT, Shown, printable, sentence
from redis_runbook.wire.client import Client

LIMIT_S: Final = 10.0
_BUDGET_S: Final = 2.0
_ENTRIES: Final = 100_000
_ID_DIGITS: Final = 31
_LONGEST_NAME: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database with keys: how many, and how many of these expire."""

    number: int
    keys: int
    expiring: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptQueue:
    """One BullMQ queue: jobs by state, schedulers, how many jobs were ever added, and workers.

    `identity` is a digest of prefix and name, as two names may be shown alike. A number is None
    where its key does not hold it; `workers` are those that are connected, None where that is not
    known.
    """

    name: Shown
    identity: Shown
    counts: Counts
    schedulers: int | None
    added: int | None
    workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The live entries of the JWT cache: all of them if `complete`, else at least that many."""

    pattern: Shown
    live: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What one service holds, and how it is set.

    `save` is when an RDB save is due, empty where never; None where CONFIG is denied. `queues`
    lacks some where `queues_unseen` says why. `absent` are the identities of
    listed queues without a key. `database` is the one that the URL names. `jwt` is
    None of a service that is not the JWT cache.
    """

    address: Shown
    product: Shown
    version: Shown
    run_id: Shown
    role: Shown
    maxmemory_bytes: int
    policy: Shown
    appendonly: bool
    save: Shown | None
    databases: Sequence[Database]
    database: int
    queues: Sequence[KeptQueue]
    queues_unseen: Shown
    absent: Sequence[Shown]
    jwt: Entries | None


def take_inventory(client: Client, service: Service, config: Config) -> Inventory:
    """Count what the service holds, within bounds; nothing is written, and no value is read.

    Raises:
        CannotLook: the user may not run a command that is needed, or INFO lacks a field.
        redis.exceptions.RedisError: the connection failed.
    """
    info = read_info(client).fields
    server, memory, keyspace = server_facts(info), memory_facts(info), keyspace_facts(info)
    points, _ = save_points(client)
    found = _discover(client, service, config, one_node=info.get("cluster_enabled") == "1")
    return Inventory(
        address=sentence(service.endpoint.address) if service.endpoint else NO_TEXT,
        product=server.product,
        version=server.version,
        run_id=printable(server.run_id),
        role=server.role,
        maxmemory_bytes=memory.maxmemory_bytes,
        policy=memory.policy,
        appendonly=info.get("aof_enabled") == "1",
        save=None if points is None else _schedule(points),
        databases=[
            Database(number=number, keys=keys, expiring=keyspace.expiring[number])
            for number, keys in sorted(keyspace.keys.items())
        ],
        database=client.database,
        queues=_queues(client, found.queues),
        queues_unseen=sentence(found.incomplete_because),
        absent=[identity(queue) for queue in found.absent],
        jwt=_entries(client, service, config),
    )


def _schedule(points: Sequence[SavePoint]) -> Shown:
    """`3600 1 300 100`, as CONFIG GET gives it; empty where RDB is off."""
    return sentence(" ".join(f"{point.after_s} {point.changes}" for point in points))


def _discover(client: Client, service: Service, config: Config, *, one_node: bool) -> Discovery:
    if not service.role_spec.has_queues:
        return Discovery(queues=(), absent=())
    return discover(
        client,
        prefix=service.settings.prefix,
        configured=config.queues_of(service.name),
        scan=service.settings.discover,
        most=service.settings.max_queues,
        one_node=ONE_NODE if one_node else "",
        budget_s=_BUDGET_S,
    )


def _queues(client: Client, queues: Sequence[Queue]) -> Sequence[KeptQueue]:
    observed = observe_queues(client, queues, events=0)
    clients = list_clients(client) if observed else None
    counters = ask_permitted(
        client, [("GETRANGE", queue.key(b"id"), 0, _ID_DIGITS) for queue in observed]
    )
    return [
        KeptQueue(
            name=printable(queue.title, _LONGEST_NAME),
            identity=identity(queue),
            counts=facts.counts,
            schedulers=facts.schedulers_total,
            added=_counter(reply),
            workers=_workers(queue, facts, clients),
        )
        for (queue, facts), reply in zip(observed.items(), counters, strict=True)
        if facts.exists
    ]


def _workers(queue: Queue, facts: QueueFacts, clients: ClientList | None) -> int | None:
    found = workers_of(queue, facts, [clients]) if clients else None
    return len(found.workers) if found and found.known else None


def identity(queue: Queue) -> Shown:
    """What a queue is known by in a snapshot."""
    return sentence(hashlib.sha256(queue.key()).hexdigest()[:16])


def _counter(reply: object) -> int | None:
    number = integer(reply)
    return number if number is not None and 0 <= number < 1 << 63 else None


def _entries(client: Client, service: Service, config: Config) -> Entries | None:
    settings = config.jwt_cache
    if not settings.enabled or settings.service != service.name:
        return None
    found = observe_jwt_cache(client, pattern=settings.pattern, enough=_ENTRIES, budget_s=_BUDGET_S)
    return Entries(pattern=settings.shown_pattern, live=found.live_entries, complete=found.complete)


PROBES: Final = (
    Probe(
        name="inventory",
        facts=Inventory,
        look=lambda look: take_inventory(look.client, look.service, look.config),
        needs=(ConnectionFacts,),
        wanted_by=("incident.data_kept",),
        lane="inventory",
        limit_s=LIMIT_S,
    ),
)
