"""What each check runs for: the services of its scope, or one line that says why for none."""

from dataclasses import dataclass

from redis_runbook.catalogue import CheckSpec, Level
from redis_runbook.config import Role
from redis_runbook.run import Run
from redis_runbook.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one test is about. `not_applicable` says why it has nothing to look at, else empty."""

    name: str
    service: Service | None
    not_applicable: str = ""


def subjects(spec: CheckSpec, run: Run) -> list[Subject]:
    """The subjects of a check, at least one: a check that does not run is shown as such."""
    services = {service.name: service for service in run.services}
    reason = _why_not(spec, run)
    found = [
        Subject(
            name=name,
            service=services.get(name),
            not_applicable=reason
            if settings.enabled
            else f"switched off: [services.{name}] enabled = false",
        )
        for name, settings in run.config.services.items()
        if _in_scope(spec, name, settings.role, run)
    ]
    nobody = Subject(name="-", service=None, not_applicable=f"no service is a {spec.scope}")
    return found or [nobody]


def _in_scope(spec: CheckSpec, name: str, role: Role, run: Run) -> bool:
    if spec.scope == "jwt_cache":
        return name == run.config.jwt_cache.service
    return spec.scope in {"service", "exporter", role}


def _why_not(spec: CheckSpec, run: Run) -> str:
    if run.level(spec) is Level.OFF:
        return f'switched off: [checks."{spec.id}"] level = "off"'
    if spec.scope == "jwt_cache" and not run.config.jwt_cache.enabled:
        return "switched off: [jwt_cache] enabled = false"
    if spec.scope == "exporter":
        if not run.config.exporter.enabled:
            return "switched off: [exporter] enabled = false"
        if run.target and run.target.kind == "embedded":
            return "the embedded target has no exporter"
    if spec.id == "connectivity.writable" and run.config.read_only:
        return "a read-only run writes no canary"
    return ""
