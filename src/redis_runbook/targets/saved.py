"""The target of a run that judges saved evidence: the services as they were; nothing is opened."""

from collections.abc import Mapping

from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.targets.target import Kind, Target
from redis_runbook.targets.throwaway import without_deployment
from redis_runbook.wire.endpoint import Endpoint


def open_saved(
    config: Config,
    kind: Kind,
    *,
    endpoints: Mapping[str, Endpoint | None],
    missing: Mapping[str, str],
    announcement: str,
) -> Target:
    """The services of the configuration, at the addresses that they had.

    `missing` says, by service, why there was no address.
    """
    services = []
    for name, settings in config.services.items():
        if settings.enabled:
            held_to = settings if kind == "live" else without_deployment(settings)
            why = missing.get(name, f"the evidence has nothing about {name}")
            endpoint = endpoints.get(name)
            services.append(Service(name=name, settings=held_to, endpoint=endpoint, missing=why))
    return Target(kind=kind, services=tuple(services), exporters={}, announcement=announcement)
