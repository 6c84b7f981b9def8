"""The live target: the services at the URLs of the configuration."""

from collections.abc import Mapping

from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.config.resolve import endpoint_of, exporter_of, login_url_of
from redis_runbook.config.service import Service
from redis_runbook.targets.apis import find_apis
from redis_runbook.targets.target import ApiRoute, ExporterRoute, Target, TargetError
from redis_runbook.wire.endpoint import Endpoint


def open_live(config: Config, environ: Mapping[str, str], *, defaults: bool) -> Target:
    """Find the address of every service, without connecting.

    `defaults`: use the runbook's addresses for those that are not set. Without it, a service
    without an address is part of the target, and says what to set.

    Raises:
        TargetError: a setting is wrong, such as a file that does not exist.
    """
    services: list[Service] = []
    exporters: dict[str, ExporterRoute] = {}
    problems: dict[str, None] = {}  # as an ordered set: services may share an exporter
    for name, settings in config.services.items():
        if not settings.enabled:
            continue
        try:
            endpoint, missing = endpoint_of(name, settings, environ, defaults=defaults)
            own, url, no_exporter = exporter_of(config, name, environ, defaults=defaults)
        except ConfigError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        services.append(Service(name=name, settings=settings, endpoint=endpoint, missing=missing))
        exporters[name] = ExporterRoute(
            own=own,
            url=url,
            target=settings.exporter_target or (_url_of(endpoint) if endpoint else ""),
            missing=no_exporter,
        )
    apis: Mapping[str, ApiRoute] = {}
    login_url = None
    try:
        apis = find_apis(config, environ, throwaway=False)
    except ConfigError as error:
        problems |= dict.fromkeys(error.problems)
    try:
        login_url = login_url_of(config, environ)
    except ConfigError as error:
        problems |= dict.fromkeys(error.problems)
    if problems:
        raise TargetError("\n".join(problems))
    return Target(
        kind="live",
        services=tuple(services),
        exporters=exporters,
        apis=apis,
        login_url=login_url,
    )


def _url_of(endpoint: Endpoint) -> str:
    """The address as a URL without credentials: an exporter has its own."""
    return f"{endpoint.scheme}://{endpoint.address}"
