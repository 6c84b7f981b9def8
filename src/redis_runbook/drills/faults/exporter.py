"""An exporter that is gone, or does not see its server."""

from collections.abc import Iterator
from typing import Final

from redis_runbook.drills.fault import fault
from redis_runbook.drills.stand import Stand

_BOTH: Final = ("exporter.reachable[queue]", "exporter.reachable[cache]")


@fault("the exporter was stopped", *_BOTH, in_container=(*_BOTH, "incident.container[exporter]"))
def exporter_stopped(stand: Stand) -> Iterator[None]:
    """SIGTERM."""
    exporter = stand.need_exporter()
    exporter.stop()
    yield
    exporter.start(stand.queue)


@fault("the exporter has a wrong password", *_BOTH)
def exporter_password(stand: Stand) -> Iterator[None]:
    """For both services."""
    exporter = stand.need_exporter()
    exporter.stop()
    exporter.start(stand.queue, password="wrong")  # noqa: S106  # that is the fault
    yield
    exporter.stop()
    exporter.start(stand.queue)


@fault(
    "the queue's exporter watches another server",
    "exporter.reachable[queue]",
    "exporter.truthful[queue]",
    may=("incident.exporter_reconnected[queue]",),
)
def exporter_elsewhere(stand: Stand) -> Iterator[None]:
    """An exporter of its own, which somebody gave the cache's address."""
    configuration = stand.configuration
    exporter = stand.another_exporter()
    exporter.start(stand.cache)
    stand.configuration = configuration.replace(
        'role = "queue"\n', f'role = "queue"\nexporter_url = "{exporter.url}"\n'
    )
    yield
    stand.configuration = configuration
