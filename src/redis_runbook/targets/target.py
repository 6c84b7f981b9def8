"""An open target: the services of a run, their exporters, and how to close it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from redis_runbook.config.service import Service
from redis_runbook.wire.http_url import HttpUrl
from redis_runbook.wire.json import Access

Kind = Literal["live", "container", "embedded"]


class TargetError(Exception):
    """The target cannot be opened; the text is for the user, one sentence a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterRoute:
    """How to fetch the metrics of a service.

    `url` is None if no exporter is known; `missing` then says what to set. `own` is whether the
    exporter serves this service alone. An exporter of several services is requested with `target`,
    the service's address as the exporter reaches it.
    """

    own: bool = False
    url: HttpUrl | None = None
    target: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRoute:
    """How to reach Prometheus or Grafana; if `access` is None, `missing` says why."""

    access: Access | None = field(default=None, repr=False)
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The services of a run, in the configuration's order, and their monitoring.

    `exporters` are by service; `apis` are by name, `prometheus` and `grafana`. `announcement` says
    that the servers are throwaway servers; it is None if they are live. `login_url` is that of the
    login that fills the JWT cache, if it is a request.
    """

    kind: Kind
    services: tuple[Service, ...]
    exporters: Mapping[str, ExporterRoute]
    apis: Mapping[str, ApiRoute] = field(default_factory=dict)
    announcement: str | None = None
    login_url: HttpUrl | None = None
    end: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def logins(self) -> Iterator[str]:
        """Who gets a user name, a password or a token: `queue at localhost:6379`."""
        for service in self.services:
            endpoint = service.endpoint
            if endpoint and endpoint.has_login:
                yield f"{service.name} at {endpoint.address}"
        exporters = {route.url for route in self.exporters.values() if route.url}
        for url in sorted(exporters, key=lambda url: url.origin):
            if url.credentials or url.token:
                yield f"the exporter at {url.origin}"
        for name, route in self.apis.items():
            if route.access and route.access.has_login:
                yield f"{name} at {route.access.url.origin}"
        if self.login_url:
            yield f"the login at {self.login_url.origin}"

    def close(self) -> None:
        """Stop what was started for this target; may be called again, never raises."""
        self.end()
