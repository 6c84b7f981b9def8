"""The Docker daemon, connected at first use, and the containers of an entry."""

from typing import TYPE_CHECKING

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.config.model import Config
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import IMPORTING

if TYPE_CHECKING:
    from redis_runbook.wire.docker.answers import Inspected
    from redis_runbook.wire.docker.engine import Engine


class Daemon:
    """Connects once; where that fails, it fails for every entry with the same sentence."""

    def __init__(self, time_left_s: float) -> None:
        """Connect to nothing yet."""
        self._time_left_s = time_left_s
        self._engine: Engine | None = None
        self._problem = ""

    def engine(self) -> "Engine":
        """The connection; raises CannotLook if there is none."""
        with IMPORTING:  # where a container is configured only: it takes a tenth of a second
            from redis_runbook.wire.docker.engine import LIMIT_S, Engine  # noqa: PLC0415

        if self._problem:
            raise CannotLook(self._problem)
        if self._engine is None:
            try:
                self._engine = Engine(limit_s=min(LIMIT_S, self._time_left_s))
            except CannotLook as error:
                self._problem = str(error)
                raise
        return self._engine

    def find(self, settings: ContainerSettings) -> "list[Inspected]":
        """The containers of an entry.

        Raises:
            CannotLook: there is none, there are too many, or the daemon does not answer.
        """
        if settings.container:
            return self.engine().by_name(settings.container)
        return self.engine().by_compose(settings.project or "", settings.compose_service or "")

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._engine:
            self._engine.close()


def entries(config: Config, service: str | None = None) -> dict[str, ContainerSettings]:
    """The enabled entries by name, or those of a service."""
    return {
        name: entry
        for name, entry in config.containers.items()
        if entry.enabled and service in {None, entry.service}
    }
