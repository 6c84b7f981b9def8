"""Chooses and opens the target: live services, containers, or embedded servers."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import redis

from redis_runbook.config.error import ConfigError
from redis_runbook.config.misspelt import misspelt_variables
from redis_runbook.config.model import Config, ServiceSettings
from redis_runbook.config.resolve import any_url_given
from redis_runbook.config.roles import RoleSpec
from redis_runbook.config.service import Service
from redis_runbook.config.target_choice import TargetChoice
from redis_runbook.redact import harmless, printable
from redis_runbook.targets import embedded, live
from redis_runbook.targets.apis import find_apis
from redis_runbook.targets.demonstration import demonstrated_queues, demonstrating
from redis_runbook.targets.seed import seed_jwt_cache
from redis_runbook.targets.target import ExporterRoute, Kind, Target, TargetError
from redis_runbook.targets.throwaway import Throwaway, without_deployment
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.failure import why_it_failed

NOT_YOURS: Final = "checked throwaway servers; this says nothing about yours"

_DOCKER_VARIABLES: Final = ("DOCKER_HOST", "DOCKER_CONTEXT")
# Files that show that Docker is installed, relative to the user's home.
_DOCKER_FILES: Final = (
    "/var/run/docker.sock",
    ".docker/contexts",
    ".testcontainers.properties",
)


def open_target(
    config: Config,
    environ: Mapping[str, str],
    *,
    requested: TargetChoice,
    profile: str,
) -> Target:
    """Open the requested target; `auto` is live if any URL is given, else throwaway servers.

    Raises:
        TargetError: the target cannot be opened, or `gate` would need throwaway servers.
    """
    given = any_url_given(config, environ)
    if requested == "live" or (requested == "auto" and given):
        return live.open_live(config, environ, defaults=requested == "live")
    if requested == "auto" and profile == "gate":
        raise TargetError(
            f"gate does not fall back to throwaway servers: set {url_variables(config)}"
        )
    try:
        apis = find_apis(config, environ, throwaway=True)
    except ConfigError as error:
        raise TargetError(str(error)) from None
    roles = {name: settings.role_spec for name, settings in _enabled(config).items()}
    if not roles:
        raise TargetError("every service is switched off: there is nothing to check")
    why = f"--target {requested}" if given else _no_url(config, environ)
    kind, throwaway, remark = _start(config, environ, requested, roles)
    try:
        workers = _fill(config, throwaway)
    except BaseException:
        throwaway.close()
        raise

    def end() -> None:
        workers.close()
        throwaway.close()

    return Target(
        kind=kind,
        services=tuple(
            Service(
                name=name,
                settings=without_deployment(settings),
                endpoint=throwaway.endpoints[name],
            )
            for name, settings in _enabled(config).items()
        ),
        exporters={name: _route(name, throwaway) for name in roles},
        apis=apis,
        announcement=f"{why}: {NOT_YOURS}{_made_up(config)}{remark}",
        end=end,
    )


def _start(
    config: Config, environ: Mapping[str, str], requested: str, roles: Mapping[str, RoleSpec]
) -> tuple[Kind, Throwaway, str]:
    """Start servers of a kind, with a remark for the announcement, empty for most."""
    remark = ""
    if requested == "container" or (requested == "auto" and _docker_is_likely(environ)):
        try:
            patient = requested == "container"
            return "container", _start_containers(config, roles, patient=patient), ""
        except TargetError as error:
            if requested == "container":
                raise
            remark = f" (embedded ones, as containers cannot be started: {error})"
    return "embedded", embedded.start(roles, environ), remark


def _start_containers(config: Config, roles: Mapping[str, RoleSpec], *, patient: bool) -> Throwaway:
    with loading_testcontainers():
        # Imported only where Docker is likely: the import takes a quarter of a second.
        from redis_runbook.targets import container, images  # noqa: PLC0415
    patience = images.PATIENT if patient else images.IMPATIENT
    return container.start(roles, config.container, patience)


@contextlib.contextmanager
def loading_testcontainers() -> Iterator[None]:
    """For imports of it, which fail where one of its environment variables is wrong.

    Raises:
        TargetError: they do.
    """
    try:
        yield
    except (ImportError, RuntimeError, ValueError) as error:
        reason = harmless(str(error))
        raise TargetError(f"testcontainers cannot be loaded: {reason}") from error


def _docker_is_likely(environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("HOME", "/"))
    return any(environ.get(variable) for variable in _DOCKER_VARIABLES) or any(
        (home / file).exists() for file in _DOCKER_FILES
    )


def _fill(config: Config, throwaway: Throwaway) -> contextlib.ExitStack:
    """Fill the servers with what a run looks at; the workers of their queues end with the stack."""
    with contextlib.ExitStack() as workers:
        for name, endpoint in throwaway.endpoints.items():
            try:
                if config.jwt_cache.enabled and name == config.jwt_cache.service:
                    seed_jwt_cache(endpoint, name, config.jwt_cache)
                workers.enter_context(demonstrating(endpoint, name, config))
            except (redis.RedisError, CannotLook) as error:
                why = f"it {why_it_failed(error)}" if isinstance(error, redis.RedisError) else error
                raise TargetError(f"the throwaway {name} cannot be filled: {why}") from error
        return workers.pop_all()


def _made_up(config: Config) -> str:
    """What the announcement adds: the queues must not be taken for the user's own."""
    names = [name for service in _enabled(config) for name in demonstrated_queues(config, service)]
    match names:
        case []:
            return ""
        case [name]:
            return f"; the queue {printable(name)} is a demonstration"
    return f"; the {len(names)} queues are a demonstration"


def _route(name: str, throwaway: Throwaway) -> ExporterRoute:
    if throwaway.exporter_url is None:
        return ExporterRoute(missing="the embedded target has no exporter")
    return ExporterRoute(url=throwaway.exporter_url, target=throwaway.exporter_targets[name])


def _enabled(config: Config) -> dict[str, ServiceSettings]:
    return {name: settings for name, settings in config.services.items() if settings.enabled}


def _no_url(config: Config, environ: Mapping[str, str]) -> str:
    """`no service URL is set`, with the variables that were perhaps meant to set one."""
    misspelt = "; ".join(misspelt_variables(config, environ))
    return f"no service URL is set ({misspelt})" if misspelt else "no service URL is set"


def url_variables(config: Config) -> str:
    """`REDIS_QUEUE_URL and REDIS_CACHE_URL`: what to set to have services looked at."""
    variables = (settings.source("url").variable for settings in _enabled(config).values())
    return " and ".join(filter(None, variables)) or "the URLs of the services"
