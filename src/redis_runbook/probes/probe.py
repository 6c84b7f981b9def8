"""The type of a probe, from which the scheduler and the fixtures are made."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.targets.target import Target
from redis_runbook.wire.client import Client
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.http import Fetch

if TYPE_CHECKING:
    from redis_runbook.probes.latency.openloop import OpenLoop

_T = TypeVar("_T")

CONNECTION: Final = "connection"
"""The lane whose probes share one connection to the service, in turn."""

LIMIT_S: Final = 5.0


class Look(Protocol):
    """What a probe gets: configuration, target, connection, and the facts of other probes."""

    config: Config
    profile: str
    target: Target
    fetch: Fetch

    @property
    def time_left_s(self) -> float:
        """Seconds until the run's deadline, at least 0."""

    @property
    def service(self) -> Service:
        """The service that the probe is about."""

    @property
    def endpoint(self) -> Endpoint:
        """The service's address, for a probe with connections of its own.

        Raises:
            CannotLook: the address is not known.
        """

    @property
    def client(self) -> Client:
        """The lane's connection to the service, open.

        Raises:
            CannotLook: the connection cannot be opened.
        """

    @property
    def stop(self) -> threading.Event:
        """Set when the run ends, so that nothing waits for the probe's facts any more."""

    @property
    def window_s(self) -> float:
        """How long to sample latency."""

    def facts(self, kind: type[_T]) -> _T:
        """The facts of a probe that this probe needs.

        Raises:
            CannotLook: that probe has no facts.
        """

    def known(self, kind: type[_T]) -> _T | None:
        """The facts of another probe if they are there already; None otherwise."""

    def watch(self, loop: "OpenLoop") -> None:
        """Make a latency window visible while it is sampled."""

    def wait_until_measured(self) -> None:
        """Wait until latency was measured; the probe must send nothing until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One kind of facts, and how to observe them.

    `name` is the name of the fixture that gives the facts to a check; `facts` is their type; `look`
    returns them, or raises `CannotLook`. A probe about "service" runs for each service, a probe
    about "monitoring" runs once.

    `needs` are the types of facts that must be there before the probe starts; ConnectionFacts must
    be reachable, too. `wanted_by` are ids of checks, or prefixes of ids: the probe runs only if one
    of these checks runs. An empty `wanted_by` means that it always runs, as reports need its facts.

    Probes of the same `lane` run in turn, in the table's order; lanes run in parallel. A lane has
    at most one connection, opened at first use and closed after `limit_s`; latency sampling waits
    no longer than that for any other lane. An `undisturbed` probe starts after all others.
    """

    name: str
    facts: type
    look: Callable[[Look], Any]
    about: Literal["service", "monitoring"] = "service"
    needs: tuple[type, ...] = ()
    wanted_by: tuple[str, ...] = ()
    lane: str = CONNECTION
    limit_s: float = LIMIT_S
    undisturbed: bool = False
