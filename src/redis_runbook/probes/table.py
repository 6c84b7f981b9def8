"""Collects the probes of a service: each module of this package may define `PROBES`."""

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
    remaining, returned = list(rows), set[type]()
    while remaining:
        ready = [row for row in remaining if returned.issuperset(row.needs)]
        if not ready:
            raise ValueError(f"nobody returns what these need: {[row.name for row in remaining]}")
        returned |= {row.facts for row in ready}
        remaining = [row for row in remaining if row not in ready]
        yield from ready
