"""The faults: a new one is a function in one of these modules."""

from redis_runbook.drills.faults import (
    cache,
    commands,
    container,
    exporter,
    memory,
    network,
    queue,
    server,
    tls,
)

__all__ = [
    "cache",
    "commands",
    "container",
    "exporter",
    "memory",
    "network",
    "queue",
    "server",
    "tls",
]
