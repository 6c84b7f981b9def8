"""One Redis service, for checks and probes."""

from dataclasses import dataclass

from redis_runbook.config.model import Limits, ServiceSettings
from redis_runbook.config.roles import RoleSpec
from redis_runbook.wire.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One Redis to check: its settings and its address.

    `endpoint` is None if no URL is known; `missing` then says what to set.
    """

    name: str
    settings: ServiceSettings
    endpoint: Endpoint | None
    missing: str = ""

    @property
    def role(self) -> str:
        """The name of the role: `queue`, `cache`, or a plugin's role."""
        return self.settings.role

    @property
    def role_spec(self) -> RoleSpec:
        """The specification of the role."""
        return self.settings.role_spec

    @property
    def sustained_s(self) -> float:
        """How long latency must be over its limit to be broken: the runbook's "for 5 minutes"."""
        return float(getattr(self.limits, self.role_spec.sustained))

    @property
    def latency_limit_ms(self) -> float:
        """The limit for the p95 of the sampled latency."""
        return float(getattr(self.limits, self.role_spec.latency_limit))

    @property
    def limits(self) -> Limits:
        """The limits of this service."""
        return self.settings.limits
