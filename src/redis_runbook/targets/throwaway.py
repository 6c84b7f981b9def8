"""The configuration of throwaway servers, and waiting until they are ready."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import redis

from redis_runbook.config.model import ServiceSettings
from redis_runbook.config.roles import RoleSpec
from redis_runbook.redact import harmless
from redis_runbook.targets.target import TargetError
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed
from redis_runbook.wire.http_url import HttpUrl

_CONNECT_LIMIT_S: Final = 0.5
_RETRY_EVERY_S: Final = 0.01

# maxmemory is set, because the memory check needs a limit.
_COMMON: Final = ('save ""', "maxmemory 64mb")

# Settings about the deployment, reset for throwaway servers: these are standalone masters.
_DEPLOYMENT: Final = ("expected_role", "expected_mode", "replicas_min", "tls")


class ServerDiedError(TargetError):
    """A server ended before it answered."""

    def __init__(self, name: str, log: bytes) -> None:
        """Create the error; it quotes the last line of the server's log."""
        self.log: Final = log.decode(errors="replace").strip()
        last = harmless(self.log.rpartition("\n")[2]) or "it said nothing"
        super().__init__(f"the throwaway {name} ended at once: {last}")


@dataclass(frozen=True, kw_only=True)
class Throwaway:
    """Started servers, by service name; `close` ends them, may be called again, never raises.

    `exporter_url` is the URL of the exporter that all of them share; `exporter_targets` are the
    addresses under which the exporter reaches them.
    """

    endpoints: Mapping[str, Endpoint]
    close: Callable[[], None]
    exporter_url: HttpUrl | None = None
    exporter_targets: Mapping[str, str] = field(default_factory=dict)


def without_deployment(settings: ServiceSettings) -> ServiceSettings:
    """The settings of a service, for a throwaway server in its place."""
    defaults = ServiceSettings.model_fields
    return settings.model_copy(update={key: defaults[key].default for key in _DEPLOYMENT})


def create_password() -> str:
    """A password for one run, so that no other process on the network uses its servers."""
    return secrets.token_urlsafe(24)


def server_config(role: RoleSpec, password: str, *lines: str) -> bytes:
    """The configuration file of a server, for Redis 6 and later, and for Valkey."""
    by_role = (
        f"maxmemory-policy {'allkeys-lru' if role.may_evict else 'noeviction'}",
        f"appendonly {'yes' if role.keeps_data else 'no'}",
    )
    return "\n".join([*_COMMON, *by_role, f"requirepass {password}", *lines, ""]).encode()


def wait_until_answers(
    endpoint: Endpoint, name: str, *, deadline: float, check_alive: Callable[[], None]
) -> None:
    """Return as soon as the server accepts its password and answers PING.

    Another server that took the port is not mistaken for it, as it has another password.

    Args:
        endpoint: the address of the server.
        name: the service that it stands for.
        deadline: when to give up, by `time.monotonic()`.
        check_alive: raises ServerDiedError when the server has ended.

    Raises:
        TargetError: the server ended, or does not answer in time.
    """
    while True:
        try:
            with connected(endpoint, name, timeout_s=_CONNECT_LIMIT_S) as client:
                client.ask("PING")
        except redis.RedisError as error:
            reason = f"it {why_it_failed(error)}"
        except CannotLook as error:
            reason = str(error)
        else:
            return
        check_alive()
        if time.monotonic() >= deadline:
            raise TargetError(
                f"the throwaway {name} does not answer on {endpoint.address} in time ({reason})"
            )
        time.sleep(_RETRY_EVERY_S)
