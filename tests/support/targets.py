"""Opens targets for tests."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import redis

from redis_runbook.config.model import Config
from redis_runbook.config.roles import ROLES
from redis_runbook.targets.choose import open_target
from redis_runbook.targets.target import Target
from tests.support.product import QUIET

__all__ = ["ROLES"]


def config(**sections: Any) -> Config:
    services: dict[str, dict[str, Any]] = {
        "queue": {"role": "queue", "url_env": "REDIS_QUEUE_URL"},
        "cache": {"role": "cache", "url_env": "REDIS_CACHE_URL"},
    }
    for name, settings in sections.pop("services", {}).items():
        services.setdefault(name, {}).update(settings)
    exporter = {"url_env": "REDIS_EXPORTER_URL", **sections.pop("exporter", {})}
    return Config.model_validate({"services": services, "exporter": exporter, **sections})


def open_(
    settings: Config | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    requested: Literal["auto", "live", "container", "embedded"] = "auto",
    profile: str = "smoke",
) -> Target:
    return open_target(settings or config(), environ or {}, requested=requested, profile=profile)


@contextlib.contextmanager
def opened(settings: Config | None = None) -> Iterator[dict[str, redis.Redis]]:
    """Clients of the embedded servers, by service."""
    target = open_(settings, QUIET, requested="embedded")
    try:
        yield {
            service.name: redis.Redis(
                port=service.endpoint.port, password=service.endpoint.password, protocol=2
            )
            for service in target.services
            if service.endpoint
        }
    finally:
        target.close()
