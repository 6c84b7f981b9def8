"""The answers of the Docker API that are used, each in part."""

import datetime as dt

from pydantic import ConfigDict, Field, RootModel
from pydantic.alias_generators import to_pascal

from redis_runbook.redact import Shown, printable
from redis_runbook.wire.json import Answer


class _Answer(Answer):
    """A part of an answer, with field names in PascalCase."""

    model_config = ConfigDict(alias_generator=to_pascal)


class Info(_Answer):
    """What the daemon tells of itself."""

    system_time: dt.datetime


class _HealthLog(_Answer):
    output: str = ""


class _Health(_Answer):
    status: str = ""
    log: list[_HealthLog] | None = None


class _State(_Answer):
    status: str
    exit_code: int = 0
    oom_killed: bool = Field(default=False, alias="OOMKilled")
    started_at: dt.datetime
    health: _Health | None = None


class _LogConfig(_Answer):
    type: str = ""
    config: dict[str, str] | None = None


class _HostConfig(_Answer):
    memory: int = 0
    network_mode: str = ""
    log_config: _LogConfig = _LogConfig.model_construct()


class _Config(_Answer):
    env: list[str] | None = None
    tty: bool = False
    hostname: str = ""


class _Network(_Answer):
    aliases: list[str] | None = None
    dns_names: list[str] | None = Field(default=None, alias="DNSNames")
    ip_address: str = Field(default="", alias="IPAddress")


class _Binding(_Answer):
    host_port: str = ""


class _NetworkSettings(_Answer):
    networks: dict[str, _Network] | None = None
    ports: dict[str, list[_Binding] | None] | None = None


class Inspected(_Answer):
    """One container, as `docker inspect` tells of it."""

    id: str
    name: str
    restart_count: int = 0
    state: _State
    host_config: _HostConfig
    config: _Config
    network_settings: _NetworkSettings = _NetworkSettings.model_construct()

    @property
    def shown(self) -> Shown:
        """Its name."""
        return printable(self.name.removeprefix("/"), 100)

    @property
    def variables(self) -> dict[str, str]:
        """Its environment, secrets and all."""
        pairs = (text.partition("=") for text in self.config.env or ())
        return {name: value for name, _, value in pairs}

    @property
    def own_network(self) -> bool | None:
        """Whether its localhost is itself and not its host; None if that is not known.

        In the network of another container it is that one, too.
        """
        mode = self.host_config.network_mode
        if not mode or mode.startswith(("container:", "ns:")):
            return None
        return mode != "host"

    @property
    def keeps_log(self) -> bool:
        """Whether no line of its log is ever dropped, as far as is known."""
        log = self.host_config.log_config
        return log.type == "json-file" and "max-size" not in (log.config or {})


class Listed(_Answer):
    """One container in a list."""

    id: str
    labels: dict[str, str] | None = None

    @property
    def runs_once(self) -> bool:
        """Whether `compose run` started it."""
        return (self.labels or {}).get("com.docker.compose.oneoff", "").lower() == "true"


class Listing(RootModel[list[Listed]]):
    """The containers that a filter found."""


class Event(_Answer):
    """Something that happened to a container: `oom` or `die`."""

    model_config = ConfigDict(alias_generator=None)
    action: str = Field(default="", alias="Action")
    time_nano: int = Field(default=0, alias="timeNano")
