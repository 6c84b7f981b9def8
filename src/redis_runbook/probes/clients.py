"""How many clients are connected, are allowed, and were rejected."""

from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import Info, InfoReply, integer
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client

_MAX_DIGITS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsFacts:
    """Client counts; `rejected` counts since the server started or its statistics were reset."""

    connected: int
    maxclients: int
    rejected: int


def clients_facts(client: Client, info: Info) -> ClientsFacts:
    """Read INFO's client fields, and CONFIG if INFO has no `maxclients` (before 6.2).

    Raises:
        CannotLook: `maxclients` cannot be read, or a field is missing.
    """
    missing = {"connected_clients", "rejected_connections"} - set(info)
    if missing:
        raise CannotLook(f"INFO does not report {', '.join(sorted(missing))}")
    maxclients = integer(info, "maxclients")
    if not maxclients:
        reply = client.ask("CONFIG", "GET", "maxclients")
        match reply:
            case [b"maxclients", bytes(value)] if value.isdigit() and len(value) <= _MAX_DIGITS:
                maxclients = int(value)
    if not maxclients:
        raise CannotLook("the server does not tell its maxclients")
    return ClientsFacts(
        connected=integer(info, "connected_clients"),
        maxclients=maxclients,
        rejected=integer(info, "rejected_connections"),
    )


PROBES: Final = (
    Probe(
        name="clients",
        facts=ClientsFacts,
        look=lambda look: clients_facts(look.client, look.facts(InfoReply).fields),
        needs=(InfoReply,),
    ),
)
