"""What a probe is: one row of a table, from which the scheduler and the fixtures are made."""

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
"""The lane of what is asked on one connection to the service, in turn."""

LIMIT_S: Final = 5.0


class Look(Protocol):
    """What a probe is given to look with."""

    config: Config
    target: Target
    fetch: Fetch

    @property
    def time_left_s(self) -> float:
        """How long until the run's deadline; 0 at least."""

    @property
    def service(self) -> Service:
        """The service that it is about."""

    @property
    def endpoint(self) -> Endpoint:
        """The service's address, for a probe with connections of its own.

        Raises:
            CannotLook: none is known.
        """

    @property
    def client(self) -> Client:
        """The lane's connection to the service, open.

        Raises:
            CannotLook: it cannot be opened.
        """

    @property
    def stop(self) -> threading.Event:
        """Set when nobody waits for what the probe returns any more."""

    @property
    def window_s(self) -> float:
        """For how long latency is to be sampled."""

    def facts(self, kind: type[_T]) -> _T:
        """What a probe that this one needs has returned.

        Raises:
            CannotLook: it returned nothing.
        """

    def known(self, kind: type[_T]) -> _T | None:
        """The same for one that it can do without."""

    def watch(self, loop: "OpenLoop") -> None:
        """Show a window in progress."""

    def wait_until_measured(self) -> None:
        """Ask nothing until latency was measured: this probe goes on afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One kind of facts, and how to come by them.

    `name` is that of the fixture that hands them to a check; `facts` their type; `look` returns
    them, or raises `CannotLook`. `about` each service, or once about what watches the services.

    `needs` are the facts without which it does not begin; of a connection, that it is there.
    `wanted_by` are ids of checks, or prefixes of ids: where none of them runs, neither does the
    probe. None at all means that reports want it, too.

    Probes of one `lane` run in turn, in the table's order; lanes run at once. Those of the lane
    `CONNECTION` share one connection, which is closed after `limit_s`; so long do the latency
    samplers wait for any other lane. An `undisturbed` probe begins when all the others are done.
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
