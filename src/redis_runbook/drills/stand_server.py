"""A server of a stand, and what a drill can do to it, wherever it runs."""

import abc
import contextlib
import signal
from collections.abc import Iterator
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_runbook.wire.endpoint import Endpoint

START_LIMIT_S: Final = 10.0
ANSWER_LIMIT_S: Final = 20.0


class StandServer(abc.ABC):
    """One server."""

    def __init__(self) -> None:
        """Describe a server that was started."""
        self.url_override: str | None = None
        """The URL to give to the checks in the place of its own."""

    @property
    @abc.abstractmethod
    def endpoint(self) -> Endpoint:
        """Where this machine reaches it."""

    @property
    @abc.abstractmethod
    def inside(self) -> tuple[str, int]:
        """Host and port where the other servers of its stand, and its exporters, reach it."""

    @abc.abstractmethod
    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it with this signal."""

    @abc.abstractmethod
    def start(self, *lines: str, wait: bool = True) -> None:
        """Start it on the same port with the same data; `lines` are added to its configuration."""

    @abc.abstractmethod
    def signal(self, number: signal.Signals) -> None:
        """Send a signal that does not end it."""

    @abc.abstractmethod
    def make_folder(self, name: str) -> None:
        """Make a folder of that name where it keeps its data, in the place of a file."""

    @abc.abstractmethod
    def remove_folder(self, name: str) -> None:
        """Let it write a file of that name again."""

    @property
    def url(self) -> str:
        """The URL for the checks, with its password."""
        return self.url_override or f"redis://:{self.endpoint.password}@{self.endpoint.address}"

    def client(self) -> redis.Redis:
        """A connection of the operator's, with all permissions."""
        return redis.Redis(
            host=self.endpoint.host,
            port=self.endpoint.port,
            password=self.endpoint.password,
            protocol=2,
            socket_timeout=ANSWER_LIMIT_S,
            retry=Retry(NoBackoff(), 0),
        )

    @contextlib.contextmanager
    def setting(self, name: str, value: str | int) -> Iterator[None]:
        """Another value of a setting for as long as the block lasts, on one connection."""
        client = self.client()
        before = client.config_get(name)[name]
        client.config_set(name, value)
        yield
        client.config_set(name, before or "")


class Exporter(abc.ABC):
    """A redis_exporter, which does not run before it is started."""

    url: str

    @abc.abstractmethod
    def start(self, service: StandServer, password: str | None = None) -> None:
        """Watch a service, and others by `/scrape?target=`; default: with its password."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End it."""
