"""Every probe of a service: a new kind of facts is one module, and one row here."""

from collections.abc import Sequence
from typing import Final

from redis_runbook.hookspecs import hookimpl
from redis_runbook.probes.bullmq.discovery import Discovery, look_for_queues
from redis_runbook.probes.bullmq.queues import QueuesFacts, look_at_queues
from redis_runbook.probes.canary import CanaryFacts, fly_canary
from redis_runbook.probes.clients import ClientsFacts, clients_facts
from redis_runbook.probes.connection import ConnectionFacts, reach
from redis_runbook.probes.exporter.scrape import ExporterFacts, look_at_exporter
from redis_runbook.probes.jwt_cache import JwtCacheFacts, look_at_jwt_cache
from redis_runbook.probes.latency.sample import LatencyFacts, look_at_latency
from redis_runbook.probes.memory import MemoryFacts, memory_facts
from redis_runbook.probes.persistence import PersistenceFacts, persistence_facts
from redis_runbook.probes.probe import Probe
from redis_runbook.probes.pubsub import PubsubFacts, send_message
from redis_runbook.probes.replication import ReplicationFacts, replication_facts
from redis_runbook.probes.server import InfoReply, ServerFacts, read_info, server_facts
from redis_runbook.probes.slowlog import SlowlogFacts, read_slowlog

_REACHED: Final = (ConnectionFacts,)
_INFO: Final = (InfoReply,)

PROBES: Final = (
    Probe(
        name="connection",
        facts=ConnectionFacts,
        look=lambda look: reach(look.endpoint, timeout_s=look.service.limits.connect_s),
        lane="reach",
    ),
    Probe(
        name="info",
        facts=InfoReply,
        look=lambda look: read_info(look.client),
        needs=_REACHED,
    ),
    Probe(
        name="server",
        facts=ServerFacts,
        look=lambda look: server_facts(look.facts(InfoReply).fields),
        needs=_INFO,
    ),
    Probe(
        name="memory",
        facts=MemoryFacts,
        look=lambda look: memory_facts(look.facts(InfoReply).fields),
        needs=_INFO,
        wanted_by=("memory",),
    ),
    Probe(
        name="replication",
        facts=ReplicationFacts,
        look=lambda look: replication_facts(look.facts(InfoReply).fields),
        needs=_INFO,
        wanted_by=("replication",),
    ),
    Probe(
        name="clients",
        facts=ClientsFacts,
        look=lambda look: clients_facts(look.client, look.facts(InfoReply).fields),
        needs=_INFO,
    ),
    Probe(
        name="persistence",
        facts=PersistenceFacts,
        look=lambda look: persistence_facts(look.client, look.facts(InfoReply).fields),
        needs=_INFO,
        wanted_by=("persistence",),
    ),
    Probe(
        name="slowlog",
        facts=SlowlogFacts,
        look=lambda look: read_slowlog(look.client),
        needs=_REACHED,
        wanted_by=("latency.slowlog",),
    ),
    Probe(
        name="jwt_entries",
        facts=JwtCacheFacts,
        look=look_at_jwt_cache,
        needs=_REACHED,
        wanted_by=("jwt_cache",),
    ),
    Probe(
        name="exporter",
        facts=ExporterFacts,
        look=look_at_exporter,
        needs=(InfoReply, ServerFacts),
        wanted_by=("exporter",),
        lane="exporter",
    ),
    Probe(
        name="canary",
        facts=CanaryFacts,
        look=lambda look: fly_canary(
            look.endpoint, look.service.name, timeout_s=look.service.limits.write_s
        ),
        needs=_REACHED,
        wanted_by=("connectivity.writable",),
        lane="canary",
    ),
    Probe(
        name="pubsub",
        facts=PubsubFacts,
        look=lambda look: send_message(
            look.endpoint, look.service.name, timeout_s=look.service.limits.write_s
        ),
        needs=_REACHED,
        wanted_by=("connectivity.pubsub",),
        lane="pubsub",
    ),
    Probe(
        name="discovery",
        facts=Discovery,
        look=look_for_queues,
        needs=_REACHED,
        wanted_by=("queue",),
        lane="queues",
        limit_s=10,
    ),
    Probe(
        name="queues",
        facts=QueuesFacts,
        look=look_at_queues,
        needs=(Discovery,),
        wanted_by=("queue",),
        lane="queues",
        limit_s=10,
    ),
    Probe(
        name="latency",
        facts=LatencyFacts,
        look=look_at_latency,
        needs=_REACHED,
        wanted_by=("latency.round_trip", "latency.command_p95"),
        lane="latency",
        undisturbed=True,
    ),
)


@hookimpl
def runbook_probes() -> Sequence[Probe]:
    """Our own probes of services."""
    return PROBES
