"""The Docker daemon, connected at first use, and the containers of an entry."""

from typing import TYPE_CHECKING, Final

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.config.model import Config
from redis_runbook.redact import KNOWN, environment_secrets
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import IMPORTING

if TYPE_CHECKING:
    from redis_runbook.wire.docker.answers import Inspected
    from redis_runbook.wire.docker.engine import Engine

_MOST_SECRETS: Final = 300
_MOST_CHARACTERS: Final = 32_768
"""Of all secrets of a container: each of them is looked for in every text, in many forms."""


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
        """The containers of an entry; the secrets in their environment are known from now on.

        Raises:
            CannotLook: there is none, there are too many, or the daemon does not answer.
        """
        if settings.container:
            found = self.engine().by_name(settings.container)
        else:
            project, service = settings.project or "", settings.compose_service or ""
            found = self.engine().by_compose(project, service)
        for container in found:
            _learn_secrets(container)
        return found

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._engine:
            self._engine.close()


def _learn_secrets(container: "Inspected") -> None:
    """Know what is secret in a container's environment, as its log may hold it.

    Raises:
        CannotLook: that is too much to look for.
    """
    found = environment_secrets(container.variables)
    if len(found) > _MOST_SECRETS or sum(map(len, found)) > _MOST_CHARACTERS:
        raise CannotLook(
            f"the environment of {container.shown} holds more secrets than are looked for"
        )
    KNOWN.learn(found)


def entries(config: Config, service: str | None = None) -> dict[str, ContainerSettings]:
    """The enabled entries by name, or those of a service."""
    return {
        name: entry
        for name, entry in config.containers.items()
        if entry.enabled and service in {None, entry.service}
    }
