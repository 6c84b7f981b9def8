"""How many keys each database of a server holds; from INFO alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from redis_runbook.probes.probe import Probe
from redis_runbook.probes.server import Info, InfoReply, integer
from redis_runbook.verdict import CannotLook

_DATABASE: Final = re.compile(r"db([0-9]{1,10})")
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class KeyspaceFacts:
    """Keys by database, and those of them that expire; a database without a key is not in it."""

    keys: Mapping[int, int]
    expiring: Mapping[int, int] = field(default_factory=dict)


def keyspace_facts(info: Info) -> KeyspaceFacts:
    """Read `db0:keys=12,expires=3,avg_ttl=0`.

    Raises:
        CannotLook: what INFO says of a database is no count, or is missing.
    """
    found = ((match, value) for name, value in info.items() if (match := _DATABASE.fullmatch(name)))
    keys, expiring = {}, {}
    for match, value in list(found)[:_MOST]:
        fields = dict(part.partition("=")[::2] for part in value.split(","))
        if missing := {"keys", "expires"} - set(fields):
            raise CannotLook(f"INFO does not report {', '.join(sorted(missing))} of a database")
        database, count = int(match.group(1)), integer(fields, "keys")
        if count:
            keys[database], expiring[database] = count, integer(fields, "expires")
    return KeyspaceFacts(keys, expiring)


PROBES: Final = (
    Probe(
        name="keyspace",
        facts=KeyspaceFacts,
        look=lambda look: keyspace_facts(look.facts(InfoReply).fields),
        needs=(InfoReply,),
        wanted_by=("queue.depth",),
    ),
)
