"""Finds the URLs and logins of Prometheus and Grafana."""

from collections.abc import Mapping

from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.config.resolve import access_of
from redis_runbook.targets.target import ApiRoute


def find_apis(
    config: Config, environ: Mapping[str, str], *, throwaway: bool
) -> Mapping[str, ApiRoute]:
    """The routes of `prometheus` and `grafana`; no request is sent yet.

    Raises:
        ConfigError: a URL or a login is wrong; it has every such problem.
    """
    routes: dict[str, ApiRoute] = {}
    problems: list[str] = []
    for name, section in (("prometheus", config.prometheus), ("grafana", config.grafana)):
        try:
            access, missing = access_of(section, name, environ)
        except ConfigError as error:
            problems += error.problems
            continue
        if access and throwaway:
            access, missing = None, f"nobody's {name.title()} watches throwaway servers"
        routes[name] = ApiRoute(access=access, missing=missing)
    if problems:
        raise ConfigError(problems)
    return routes
