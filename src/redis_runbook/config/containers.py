"""The sections `[containers.<name>]` of `runbook.toml`: what runs the services, and uses them."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from redis_runbook.config.sources import Section
from redis_runbook.config.values import Text, Texts, one_of


class ContainerSettings(Section):
    """One container, or all of one compose service, or the log file of a worker without one."""

    enabled: bool = True
    kind: Literal["redis", "worker", "app", "exporter"] = Field(
        "redis", description="A worker has to log that it reconnected"
    )
    service: Text | None = Field(None, description="The Redis that it runs, uses or watches")
    container: Text | None = Field(None, description="Its exact name")
    project: Text | None = Field(None, description="Or the project of compose …")
    compose_service: Text | None = Field(None, description="… and the service in it")
    log_file: Text | None = Field(None, description="A worker's log, where Docker has none")
    log_patterns: Texts = Field((), description="Texts that no line of the log may hold")
    reconnect_line: Text = Field(
        "Queue connection restored", description="What a worker logs once it is connected again"
    )
    url_variable: Text | None = Field(
        None, description="The variable with its Redis URL; default: the service's url_env"
    )
    dotenv: Text | None = Field(None, description="A .env file that sets this variable, too")

    @field_validator("service")
    @classmethod
    def _exists(cls, value: str | None, info: ValidationInfo) -> str | None:
        return one_of("service", value, info) if value else value

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if (self.project is None) != (self.compose_service is None):
            raise ValueError("project and compose_service belong together: set both")
        if self.container and self.project:
            raise ValueError("container and project name it twice: keep one of them")
        if not self.is_container and not self.log_file:
            raise ValueError("set container, or project and compose_service, or a log_file")
        if self.kind == "worker" and self.service is None:
            raise ValueError("a worker needs service: the queue whose restart it must survive")
        if self.log_file and self.kind != "worker":
            raise ValueError('log_file is for kind = "worker"')
        return self

    @property
    def is_container(self) -> bool:
        """Whether it is a container, not a log file alone."""
        return bool(self.container or self.project)
