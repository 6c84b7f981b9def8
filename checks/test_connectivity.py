"""Can the services be reached and used at all? Runbook: 4. Incident Response, Scenario A."""

from collections.abc import Mapping, Sequence
from typing import Final

from redis_runbook.catalogue import BOTH_DOWN
from redis_runbook.check import Judge, check, percent
from redis_runbook.config.service import Service
from redis_runbook.judging.cluster import broken
from redis_runbook.judging.outage import SCENARIO_C, everything_is_down
from redis_runbook.judging.refused_writes import steps_for
from redis_runbook.judging.restarts import SeenBefore, restarted
from redis_runbook.probes.canary import CanaryFacts
from redis_runbook.probes.clients import ClientsFacts
from redis_runbook.probes.cluster import ClusterFacts
from redis_runbook.probes.connection import ConnectionFacts, Problem
from redis_runbook.probes.pubsub import PubsubFacts
from redis_runbook.probes.refusal import READONLY
from redis_runbook.probes.server import ServerFacts
from redis_runbook.record import ServerRecord

_NEXT: Final[Mapping[Problem, Sequence[str]]] = {
    Problem.DNS: ["correct the host in the URL, or the network that should resolve it"],
    Problem.AUTH: ["compare the URL's user and password with the server's ACL (or `requirepass`)"],
    Problem.DENIED: ["grant the user what README.md lists (`ACL SETUSER`), or set a password"],
    Problem.TLS: ["compare redis:// or rediss:// and `tls.ca_file` with the server's settings"],
    Problem.CLIENT_CERTIFICATE: [
        "set `tls.cert_file` and `tls.key_file` to a certificate that the server's CA has signed"
    ],
    Problem.LOADING: ["wait until the dataset is loaded: `--wait 120` runs again until then"],
    Problem.MAX_CLIENTS: ["look for a connection leak (`CLIENT LIST`), or raise `maxclients`"],
    Problem.NOT_REDIS: ["correct the host and port in the URL: another program answers there"],
}
"""Next steps for a connection problem that is not a dead server; they precede the check's own."""

_ANSWERED: Final = frozenset(
    {
        *(Problem.AUTH, Problem.DENIED, Problem.LOADING, Problem.MAX_CLIENTS),
        *(Problem.CLIENT_CERTIFICATE, Problem.NOT_REDIS),
    }
)
"""What has just answered is not down, and no restart mends it: the step for it is the only one."""

_RESTARTED: Final = (
    "run again if it was meant; else `docker compose logs SERVICE` tells what ended it"
)


@check("connectivity.reachable")
def test_reachable(
    service: Service,
    connection: ConnectionFacts,
    connections: Sequence[ConnectionFacts],
    judge: Judge,
) -> None:
    """The service resolves, accepts a connection and the credentials, and answers PING.

    Passes when all of it happens within the connect limit and the server is not loading.
    Fails when any step does not; the message says which.
    Why: nothing else can be told about a service that nobody reaches, nor can its users work.
    Next: 1. `docker compose ps SERVICE`, `docker compose logs SERVICE`: whether it runs, and what
        its log says.
        2. `docker compose restart SERVICE` if it is down or hangs.
        3. If it runs, compare the URL with what is deployed.
        4. `redis-runbook smoke --wait 120` tells when it and its workers are back.
    """
    limit_ms = service.limits.connect_s * 1000
    if connection.problem:
        all_down = everything_is_down(connections)
        judge.fails(
            f"{service.name} at {connection.address} {connection.message}",
            next_steps=SCENARIO_C if all_down else _NEXT.get(connection.problem, ()),
            runbook=BOTH_DOWN if all_down else None,
            only_these_steps=all_down or connection.problem in _ANSWERED,
        )
    judge.passes_if(
        connection.elapsed_ms <= limit_ms,
        f"{service.name} answered PING after {connection.elapsed_ms:.1f} ms "
        f"(limit {limit_ms:.0f} ms)",
        observed=connection.elapsed_ms,
        limit=limit_ms,
    )


@check("connectivity.role")
def test_role(
    service: Service,
    server: ServerFacts,
    cluster: ClusterFacts,
    seen_before: SeenBefore | None,
    judge: Judge,
) -> None:
    """The server has the role and mode that the configuration expects.

    Passes when it is a master in standalone mode, or what `expected_role` and `expected_mode`
        say. A restart in the last minute is a warning where a run of the last 10 minutes saw
        another process.
    Fails when it is anything else: a failover or a wrong URL sends writes to the wrong place; or
        when a cluster that it is in does not serve every slot.
    Why: writes to a replica are refused, or lost with the next resynchronisation.
    Next: 1. Find out whether a failover happened: `INFO replication`, in a cluster `CLUSTER NODES`.
        2. Point the URL at the master; a change that is meant belongs in `expected_role`.
        3. After a mere restart `docker compose logs SERVICE` tells what ended it, if nobody did.
    """
    role = {"slave": "replica"}.get(server.role, server.role)
    wanted = service.settings.expected_role, service.settings.expected_mode
    found = (
        f"{service.name} is a {role} in {server.mode} mode (expected: {' in '.join(wanted)} mode)"
    )
    evidence = {"server": f"{server.product} {server.version}, up {server.uptime_s} s"}
    trouble = broken(cluster)
    if trouble or (role, server.mode) != wanted:
        judge.fails("; ".join(filter(None, (found, trouble))), evidence=evidence)
    if cluster.why_unknown:
        judge.unknown(f"{found}; how its cluster is, is not known: {cluster.why_unknown}")
    if again := restarted(server, seen_before):
        judge.advise(
            f"{found}; it {again}",
            evidence=evidence,
            next_steps=[_RESTARTED],
            only_these_steps=True,
        )
    judge.passes(found, evidence=evidence)


@check("connectivity.writable")
def test_writable(service: Service, canary: CanaryFacts, judge: Judge) -> None:
    """A write goes through: a canary key with a TTL is set, read back and removed.

    Passes when all three are answered within the write limit. A replica that `expected_role` asks
        for takes none.
    Fails when the server refuses it (MISCONF, OOM, READONLY, …) or does not answer in time.
    Why: a server may answer PING and still refuse every write: then no job is added, nothing
        cached.
    Next: 1. Read `INFO persistence` and `INFO memory`: MISCONF wants disk space, OOM wants memory,
        READONLY the master's URL; a pause ends with `CLIENT UNPAUSE`.
        2. `SLOWLOG GET 20`: a slow command holds up writes, too.
    """
    if service.settings.expected_role == "replica" and READONLY in canary.refusal:
        judge.not_applicable(f"{service.name} is a replica, as expected, and takes no writes")
    limit_ms = service.limits.write_s * 1000
    if canary.refusal:
        steps = steps_for(canary.refusal)
        judge.fails(
            f"{service.name} takes no writes: {canary.refusal}",
            next_steps=steps,
            only_these_steps=bool(steps),
        )
    judge.passes_if(
        canary.elapsed_ms <= limit_ms,
        f"{service.name} took {canary.elapsed_ms:.1f} ms to write, read and remove a canary key "
        f"(limit {limit_ms:.0f} ms)",
        observed=canary.elapsed_ms,
        limit=limit_ms,
    )


@check("connectivity.pubsub")
def test_pubsub(service: Service, pubsub: PubsubFacts, judge: Judge) -> None:
    """A message published on a private channel arrives: workers are notified this way.

    Passes when it is delivered within the write limit.
    Fails when it is not, or when PUBLISH is refused or paused; the message says which.
    Why: what is published for the workers reaches nobody otherwise.
    Next: 1. End a pause with `CLIENT UNPAUSE`.
        2. Otherwise `docker compose restart SERVICE`.
        3. `docker compose logs WORKERS`: watch for `Queue connection restored`.
    """
    limit_ms = service.limits.write_s * 1000
    if pubsub.refusal:
        judge.fails(f"{service.name} passes on no message: {pubsub.refusal}")
    if pubsub.delivered_ms is None:
        judge.fails(
            f"a published message did not arrive on {service.name} in {pubsub.waited_s:g} s"
        )
    judge.passes_if(
        pubsub.delivered_ms <= limit_ms,
        f"a published message arrived on {service.name} after {pubsub.delivered_ms:.1f} ms "
        f"(limit {limit_ms:.0f} ms)",
        observed=pubsub.delivered_ms,
        limit=limit_ms,
    )


@check("connectivity.clients")
def test_clients(
    service: Service,
    clients: ClientsFacts,
    server: ServerFacts,
    previous: ServerRecord | None,
    judge: Judge,
) -> None:
    """There is room for more clients, and none was turned away.

    Passes when clients are under clients_ratio of maxclients and none was rejected since the
        last run.
    Fails when either is not so.
    Why: at maxclients the next worker or API instance is turned away.
    Next: look for a connection leak (`CLIENT LIST`), then raise `maxclients`; `CONFIG RESETSTAT`
        clears the count of rejected clients.
    """
    ratio = clients.connected / clients.maxclients
    limit = service.limits.clients_ratio
    same_process = previous is not None and previous.run_id == server.run_id
    rejected_before = (previous and same_process and previous.rejected_connections) or 0
    was_reset = clients.rejected < rejected_before
    rejected = clients.rejected if was_reset else clients.rejected - rejected_before
    since = "the last run" if same_process else "it started"
    judge.passes_if(
        ratio < limit and not rejected,
        f"{service.name} has {clients.connected} of {clients.maxclients} clients (limit "
        f"{percent(limit)}) and rejected {rejected} since {since}",
        observed=ratio,
        limit=limit,
    )
