"""What to do about a server that takes no write, by the reason that it gave."""

from collections.abc import Mapping, Sequence
from typing import Final

_AOF: Final = "the last AOF write failed"

_STEPS: Final[Mapping[str, Sequence[str]]] = {
    _AOF: [
        "`INFO persistence`, `docker compose logs SERVICE`: most often the disk is full",
        "free disk space: writes go on as soon as the append-only file can be written",
    ],
    "MISCONF": [
        "`INFO persistence`, `docker compose logs SERVICE`: most often disk or memory is full",
        "free it, then `BGSAVE`: writes go on once a save has succeeded",
    ],
    "OOM": [
        "`INFO memory`, and `redis-cli --bigkeys` off-peak: what grew?",
        "raise maxmemory together with the container's limit, or remove what nobody needs",
    ],
    "READONLY": [
        "`INFO replication` names the master: find out whether a failover happened",
        "point the URL at the master",
    ],
    "NOREPLICAS": [
        "`INFO replication`: which replicas are missing?",
        "bring them back; until then a lower `min-replicas-to-write` lets writes through",
    ],
    "CLUSTERDOWN": ["`CLUSTER NODES`: which node is down, and whose slots are not served?"],
    "BUSY": ["`SCRIPT KILL` ends a script that has written nothing yet; otherwise wait for it"],
    "CLIENT PAUSE": [
        "`CLIENT UNPAUSE` ends a pause",
        "`SLOWLOG GET 20`: does a slow command hold up the write?",
    ],
}
"""By words of the reason, of which the first that it has counts."""


def steps_for(reason: str) -> Sequence[str]:
    """What to do; empty where the reason is none that we know."""
    return next((steps for words, steps in _STEPS.items() if words in reason), ())
