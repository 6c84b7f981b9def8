"""The sections of `runbook.toml` about what watches Redis: exporter, Prometheus and Grafana."""

from typing import Self

from pydantic import Field, model_validator

from redis_runbook.config.login import Login
from redis_runbook.config.sources import Section
from redis_runbook.config.values import (
    HttpUrl,
    Seconds,
    Secret,
    Text,
    Texts,
    ValueFile,
    VariableName,
)


class _Watcher(Section):
    """Something that is asked over HTTP; without a URL nothing is asked."""

    enabled: bool = True
    url: HttpUrl | None = None
    url_env: VariableName | None = None
    url_file: ValueFile | None = None


class Exporter(_Watcher):
    """The redis_exporter that watches the services."""

    timeout_s: Seconds = 3.0
    missing_for_s: Seconds = Field(60.0, description="Rules: how long its series may be missing")


class _Api(_Watcher):
    """A watcher with an API, which may want to know who asks."""

    token: Secret | None = Field(None, description="Sent as a bearer token")
    token_env: VariableName | None = None
    token_file: ValueFile | None = None
    ca_file: Text | None = Field(None, description="Whom to trust, for https://; a PEM file")
    timeout_s: Seconds = Field(3.0, description="For one answer")


class Prometheus(Login, _Api):
    """The Prometheus that scrapes the exporters and evaluates the alerts."""

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        if self.source("token").wanted and self.source("password").wanted:
            raise ValueError("a token and a password cannot both be sent: keep one of them")
        return self


class Grafana(_Api):
    """The Grafana that shows the dashboards."""

    dashboards: Texts = Field(("Redis Queue", "Redis Cache"), description="Titles")
