"""The faults: a new one is a function in one of these modules."""

from redis_runbook.drills.faults import (
    cache,
    commands,
    exporter,
    memory,
    network,
    queue,
    server,
    tls,
)

__all__ = ["cache", "commands", "exporter", "memory", "network", "queue", "server", "tls"]
