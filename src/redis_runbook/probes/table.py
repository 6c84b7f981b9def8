"""The table of the probes of a service: each module here that is one ends with its row."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence

from redis_runbook import probes
from redis_runbook.hookspecs import hookimpl
from redis_runbook.probes.probe import Probe


@hookimpl
def runbook_probes() -> Sequence[Probe]:
    """Our own probes of services, each after those whose facts it needs."""
    modules = pkgutil.walk_packages(probes.__path__, f"{probes.__name__}.")
    rows = [
        row
        for module in modules
        for row in getattr(importlib.import_module(module.name), "PROBES", ())
    ]
    return list(_in_order(rows))


def _in_order(rows: Iterable[Probe]) -> Iterator[Probe]:
    waiting, given = list(rows), set[type]()
    while waiting:
        ready = [row for row in waiting if given.issuperset(row.needs)]
        if not ready:
            raise ValueError(f"nobody returns what these need: {[row.name for row in waiting]}")
        given |= {row.facts for row in ready}
        waiting = [row for row in waiting if row not in ready]
        yield from ready
