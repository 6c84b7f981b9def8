"""What each check runs for: the services of its scope, or one line that says why for none."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from redis_runbook.catalogue import CheckSpec, Level
from redis_runbook.config.model import Role
from redis_runbook.config.service import Service
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.redact import printable
from redis_runbook.session.run import Run
from redis_runbook.verdict import CannotLook

_LONGEST_NAME: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one test is about: a service, its BullMQ queue titled `queue`, or what watches them.

    `configured_as` is the queue's name as a configuration spells it: a title is escaped.
    `not_applicable` says why it has nothing to look at, `unknown` why it cannot look, and `advice`
    what is worth a look; one of them at most is not empty.
    """

    name: str
    service: Service | None
    queue: str | None = None
    configured_as: str = ""
    not_applicable: str = ""
    unknown: str = ""
    advice: str = ""


def subjects(spec: CheckSpec, run: Run) -> list[Subject]:
    """The subjects of a check, at least one: a check that does not run is shown as such."""
    reason = _why_not(spec, run)
    if spec.scope in {"prometheus", "alert", "grafana"}:
        return _watchers(spec, run, reason)
    if spec.scope == "bullmq" and not reason and run.selects(spec.id):
        return _queues(spec, run)
    services = {service.name: service for service in run.services}
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


def _watchers(spec: CheckSpec, run: Run, reason: str) -> list[Subject]:
    """Prometheus or Grafana itself, or each alert of the runbook in Prometheus."""
    name = "grafana" if spec.scope == "grafana" else "prometheus"
    monitoring = run.monitoring
    why_not = reason or (monitoring.why_not.get(name, "") if monitoring else "")
    if spec.scope == "alert" and monitoring and monitoring.alerts and not why_not:
        services = {service.name: service for service in run.services}
        return [
            Subject(name=alert, service=services.get(rules[0].service or ""))
            for alert, rules in monitoring.alerts.items()
        ]
    return [Subject(name=name, service=None, not_applicable=why_not)]


def _queues(spec: CheckSpec, run: Run) -> list[Subject]:
    """Each queue of each service with that role; only here is something asked of a server.

    Where several services are queues, a queue is named `<service>/<queue>`.
    """
    services = [service for service in run.services if service.role == "queue"]
    if not services:
        return [Subject(name="-", service=None, not_applicable="no service is a queue")]
    alone = len(services) == 1
    found = [
        subject
        for service in services
        for subject in _queues_of(spec, service, run, place="" if alone else f"{service.name}/")
    ]
    return list(_told_apart(found, run))


def _told_apart(found: Iterable[Subject], run: Run) -> Iterator[Subject]:
    """Named as findings show them, and no two alike: of two findings of one name one is lost.

    `token:refresh` and `token:revoke` are two queues, and both look like a secret.
    """
    taken: set[str] = set()
    for subject in found:
        shown = printable(run.redact(subject.name), _LONGEST_NAME)
        numbered = (f"{shown} ({number})" for number in itertools.count(2))
        name = next(name for name in itertools.chain([shown], numbered) if name not in taken)
        taken.add(name)
        yield replace(subject, name=name)


def _queues_of(spec: CheckSpec, service: Service, run: Run, *, place: str) -> list[Subject]:
    try:
        found = run.facts(service, Discovery)
    except CannotLook as error:
        prefix, listed = service.settings.prefix, run.config.queues_of(service.name)
        queues = [Queue(prefix=prefix.encode(), name=name.encode()) for name in listed]
        names = [place + queue.title for queue in queues] or [service.name]
        return [Subject(name=name, service=service, unknown=str(error)) for name in names]
    subjects = [
        Subject(
            name=place + queue.title,
            service=service,
            queue=queue.title,
            configured_as=queue.name.decode(errors="replace"),
        )
        for queue in (*found.queues, *found.absent)
    ]
    incomplete = found.incomplete_because if service.settings.discover else ""
    if incomplete and not subjects:
        return [Subject(name=service.name, service=service, unknown=f"no queue: {incomplete}")]
    if incomplete and spec.id == "queue.depth":
        advice = f"not every queue of {service.name} may be known: {incomplete}"
        subjects.append(Subject(name=f"{service.name}: others", service=service, advice=advice))
    nothing = f"{service.name} has no BullMQ queue with the prefix {service.settings.prefix}"
    if not service.settings.discover:
        nothing = f"no queue of {service.name} is listed, and {found.incomplete_because}"
    return subjects or [Subject(name=service.name, service=service, not_applicable=nothing)]


def _in_scope(spec: CheckSpec, name: str, role: Role, run: Run) -> bool:
    if spec.scope == "jwt_cache":
        return name == run.config.jwt_cache.service
    return spec.scope in {"service", "exporter", role}


def _why_not(spec: CheckSpec, run: Run) -> str:
    if run.level(spec) is Level.OFF:
        return f'switched off: [checks."{spec.id}"] level = "off"'
    if spec.scope == "jwt_cache" and not run.config.jwt_cache.enabled:
        return "switched off: [jwt_cache] enabled = false"
    if spec.id == "monitoring.targets" and not run.config.exporter.enabled:
        return "switched off: [exporter] enabled = false"
    if spec.scope == "exporter":
        if not run.config.exporter.enabled:
            return "switched off: [exporter] enabled = false"
        if run.target and run.target.kind == "embedded":
            return "the embedded target has no exporter"
    if spec.id == "connectivity.writable" and run.config.read_only:
        return "a read-only run writes no canary"
    return ""
