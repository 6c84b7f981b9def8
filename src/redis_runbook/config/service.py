"""One Redis to check, as checks and probes see it."""

from dataclasses import dataclass

from redis_runbook.config.model import Limits, Role, ServiceSettings
from redis_runbook.wire.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One Redis to check: its settings and, where one is known, its address.

    `endpoint` is None where no URL is known; `missing` then says what to set.
    """

    name: str
    settings: ServiceSettings
    endpoint: Endpoint | None
    missing: str = ""

    @property
    def role(self) -> Role:
        """What this Redis is for: `queue` or `cache`."""
        return self.settings.role

    @property
    def sustained_s(self) -> float:
        """How long latency must be over its limit to be broken: the runbook's "for 5 minutes"."""
        limits = self.limits
        return limits.queue_latency_for_s if self.role == "queue" else limits.command_p95_for_s

    @property
    def limits(self) -> Limits:
        """The limits that this service is held to."""
        return self.settings.limits
