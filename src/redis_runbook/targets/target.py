"""What was opened: the services of a run, their exporters, and the way to let go of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from redis_runbook.config.service import Service
from redis_runbook.wire.http_url import HttpUrl
from redis_runbook.wire.json import Access

Kind = Literal["live", "container", "embedded"]


class TargetError(Exception):
    """There is nothing to look at; its text is for the user, one sentence a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterRoute:
    """How to ask for one service's metrics.

    `url` is None where no exporter is known. An exporter that is the
    service's `own` is asked as it is; one that several share is asked for `target`, the service's
    address as the exporter knows it.
    """

    own: bool = False
    url: HttpUrl | None = None
    target: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRoute:
    """How to ask Prometheus or Grafana; where `access` is None, `missing` says why not."""

    access: Access | None = field(default=None, repr=False)
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The services to look at, in the configuration's order, and what watches them.

    `exporters` are by service; `apis` are those of `prometheus` and `grafana`.

    `announcement` says so where the servers are throwaway ones.
    """

    kind: Kind
    services: tuple[Service, ...]
    exporters: Mapping[str, ExporterRoute]
    apis: Mapping[str, ApiRoute] = field(default_factory=dict)
    announcement: str | None = None
    end: Callable[[], None] = field(default=lambda: None, repr=False)

    def close(self) -> None:
        """End what was started for this target; may be called again, never raises."""
        self.end()
