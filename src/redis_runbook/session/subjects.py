"""Finds the subjects of each check: services, queues, alerts, or the reason why there is none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from redis_runbook.catalogue import CheckSpec, covers
from redis_runbook.config.model import Config
from redis_runbook.config.service import Service
from redis_runbook.judging.cause import NO_QUEUE, NOT_ALL_KNOWN, TOO_MANY
from redis_runbook.probes.bullmq.discovery import Discovery
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.cluster import ONE_NODE
from redis_runbook.probes.keyspace import KeyspaceFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.redact import distinct, printable
from redis_runbook.session.needs import reason_not_to_run
from redis_runbook.session.run import Run
from redis_runbook.verdict import CannotLook
from redis_runbook.words import counted

_LONGEST_NAME: Final = 160
_MOST_DATABASES: Final = 3
_DATA_KEPT: Final = "incident.data_kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one test is about: a service, its BullMQ queue titled `queue`, or the monitoring.

    `configured_as` is the name of the queue or command as a configuration spells it, unlike the
    escaped title. `not_applicable` says why there is nothing to check, `unknown` why it cannot be
    checked, and `advice` is a warning to give instead of a check; at most one of the three is not
    empty. `follows_from` is that of the `CannotLook` behind `unknown`, and `next_steps` are about
    what is unknown or advised.
    """

    name: str
    service: Service | None
    queue: str | None = None
    configured_as: str = ""
    not_applicable: str = ""
    unknown: str = ""
    follows_from: str | None = None
    advice: str = ""
    next_steps: Sequence[str] = ()


def subjects(spec: CheckSpec, run: Run) -> list[Subject]:
    """The subjects of a check, at least one: a check that cannot run is reported, too."""
    reason = reason_not_to_run(spec, run)
    if spec.scope in {"prometheus", "alert", "grafana"}:
        return _monitoring(spec, run, reason)
    if spec.scope == "command":
        return _commands(run, reason)
    if spec.scope in {"container", "worker"}:
        return _containers(spec, run, reason)
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
        if is_about(spec, name, run.config)
    ]
    if spec.id == _DATA_KEPT and not reason:
        found += _only_in_baseline(run)
    return found or [_no_service(_roles_with(spec, run) or spec.scope)]


def _only_in_baseline(run: Run) -> Iterator[Subject]:
    """The services of the snapshot that the configuration has no more: nobody compares them."""
    for name in run.baseline.services if run.baseline else ():
        if name not in run.config.services:
            advice = f"{name} is in the snapshot and not in the configuration: it was not compared"
            yield Subject(name=name, service=None, advice=advice)


def is_about(spec: CheckSpec, service: str, config: Config) -> bool:
    """Whether a check is about a service or its content (queues, JWT cache)."""
    role = config.services[service].role_spec
    match spec.scope:
        case "service" | "exporter":
            return True
        case "role":
            return spec.id in role.checks
        case "jwt_cache":
            return service == config.jwt_cache.service
        case "bullmq":
            return role.has_queues
        case "container" | "worker":
            return any(about == service for about in _entries(spec, config).values())
    return False


def wants(run: Run, probe: Probe, service: Service | None) -> bool:
    """Whether a check of the run needs the probe for a service, or (None) for the monitoring."""
    return not probe.wanted_by or any(
        any(covers(prefix, spec.id) for prefix in probe.wanted_by)
        and run.selects(spec.id)
        and (service is None or is_about(spec, service.name, run.config))
        and not reason_not_to_run(spec, run)
        for spec in run.plugins.catalogue.values()
    )


def _roles_with(spec: CheckSpec, run: Run) -> str:
    """The roles that list the check, for a message: `queue or cache`."""
    roles = run.plugins.roles.values()
    return " or ".join(role.name for role in roles if spec.id in role.checks)


def _no_service(what: str) -> Subject:
    return Subject(name="-", service=None, not_applicable=f"no service is a {what}")


def _monitoring(spec: CheckSpec, run: Run, reason: str) -> list[Subject]:
    """The subject Prometheus or Grafana, or one subject for each alert of the runbook."""
    if spec.scope == "alert" and run.implied.stated and not reason:
        services = {service.name: service for service in run.services}
        return [
            Subject(name=alert, service=services.get(rules[0].service or ""))
            for alert, rules in run.implied.stated.items()
        ]
    name = "grafana" if spec.scope == "grafana" else "prometheus"
    return [Subject(name=name, service=None, not_applicable=reason)]


def _commands(run: Run, reason: str) -> list[Subject]:
    """Each command, with the reason not to run it."""
    found = [
        Subject(
            name=name,
            service=None,
            configured_as=name,
            not_applicable=reason or command.not_run(name, run.profile.name),
        )
        for name, command in run.config.commands.items()
    ]
    return list(_with_distinct_names(found)) or [
        Subject(name="-", service=None, not_applicable=reason)
    ]


def _containers(spec: CheckSpec, run: Run, reason: str) -> list[Subject]:
    """The configured containers that the check is about, with their services."""
    services = {service.name: service for service in run.services}

    def off(name: str, about: str | None) -> str:
        if not run.config.containers[name].enabled:
            return f"switched off: [containers.{name}] enabled = false"
        is_off = spec.scope == "worker" and about not in services
        return f"switched off: [services.{about}] enabled = false" if is_off else ""

    found = [
        Subject(
            name=name,
            service=services.get(about or ""),
            not_applicable=reason or off(name, about),
        )
        for name, about in _entries(spec, run.config).items()
    ]
    what = "container" if spec.scope == "container" else "worker's container"
    nothing = f"no {what} is configured: [containers.NAME]"
    return found or [Subject(name="-", service=None, not_applicable=nothing)]


def _entries(spec: CheckSpec, config: Config) -> dict[str, str | None]:
    """The service of each container that a check of this scope is about."""
    return {
        name: entry.service
        for name, entry in config.containers.items()
        if spec.scope == "container" or entry.kind == "worker"
    }


def _queues(spec: CheckSpec, run: Run) -> list[Subject]:
    """Each queue of each service with queues; this waits for the discovery of queues.

    Where several services are queues, a queue is named `<service>/<queue>`.
    """
    services = [service for service in run.services if service.role_spec.has_queues]
    if not services:
        return [_no_service("queue")]
    only_one = len(services) == 1
    found = [
        subject
        for service in services
        for subject in _queues_of(
            spec, service, run, name_prefix="" if only_one else f"{service.name}/"
        )
    ]
    return list(_with_distinct_names(found))


def _with_distinct_names(found: Iterable[Subject]) -> Iterator[Subject]:
    """Subjects with redacted names, numbered where two are equal: findings are kept by name.

    `token:refresh` and `token:revoke` are two queues, but both are redacted as secrets.
    """
    taken: set[str] = set()
    for subject in found:
        yield replace(subject, name=distinct(printable(subject.name, _LONGEST_NAME), taken))


def _queues_of(spec: CheckSpec, service: Service, run: Run, *, name_prefix: str) -> list[Subject]:
    try:
        found = run.facts(service, Discovery)
    except CannotLook as error:
        prefix, listed = service.settings.prefix, run.config.queues_of(service.name)
        queues = [Queue(prefix=prefix.encode(), name=name.encode()) for name in listed]
        names = [name_prefix + queue.title for queue in queues] or [service.name]
        because = error.follows_from
        return [
            Subject(name=name, service=service, unknown=str(error), follows_from=because)
            for name in names
        ]
    subjects = [
        Subject(
            name=name_prefix + queue.title,
            service=service,
            queue=queue.title,
            configured_as=queue.configured_as,
        )
        for queue in (*found.queues, *found.absent)
    ]
    subjects += [
        Subject(
            name=name_prefix + queue.title,
            service=service,
            unknown=f"{queue.shown} is not on this node ({code}): {ONE_NODE}",
        )
        for queue, code in found.elsewhere.items()
    ]
    subjects += _not_asked_for(service, run, found, name_prefix=name_prefix)
    incomplete = found.incomplete_because if service.settings.discover else ""
    if incomplete and not subjects:
        return [Subject(name=service.name, service=service, unknown=f"no queue: {incomplete}")]
    others = f"{service.name}: others"
    if found.left_out:
        why = found.why_not_all(service.name)
        subjects.append(Subject(name=others, service=service, unknown=why, next_steps=TOO_MANY))
    elif incomplete and _speaks_for_all(spec, run):
        advice = found.why_not_all(service.name)
        steps = NOT_ALL_KNOWN
        subjects.append(Subject(name=others, service=service, advice=advice, next_steps=steps))
    return subjects or [_no_queue(spec, service, run, found)]


def _not_asked_for(
    service: Service, run: Run, found: Discovery, *, name_prefix: str
) -> Iterator[Subject]:
    """Queues that are configured and were not when the evidence was saved."""
    known = {queue.configured_as for queue in (*found.queues, *found.absent, *found.elsewhere)}
    for name in run.config.queues_of(service.name) if run.saved else ():
        if name not in known:
            why = f"{printable(name)} was not asked for: the evidence has nothing about it"
            yield Subject(name=name_prefix + name, service=service, unknown=why)


def _no_queue(spec: CheckSpec, service: Service, run: Run, found: Discovery) -> Subject:
    """Nothing to look at; of a live service one of the checks warns that this is odd."""
    nothing = f"{service.name} has no BullMQ queue with the prefix {service.settings.prefix}"
    if not service.settings.discover:
        nothing = f"no queue of {service.name} is listed, and {found.incomplete_because}"
    elif _speaks_for_all(spec, run) and run.target and run.target.kind == "live":
        advice = f"{nothing}{_keys(service, run)}"
        return Subject(name=service.name, service=service, advice=advice, next_steps=NO_QUEUE)
    return Subject(name=service.name, service=service, not_applicable=nothing)


def _speaks_for_all(spec: CheckSpec, run: Run) -> bool:
    """Whether this is the check that tells what is odd about all queues: the first that runs."""
    running = (
        other.id
        for other in run.plugins.catalogue.values()
        if other.scope == "bullmq" and run.selects(other.id) and not reason_not_to_run(other, run)
    )
    return spec.id == next(running, None)


def _keys(service: Service, run: Run) -> str:
    """What the service has instead: `, and no key at all in database 0 (120 keys in 3): …`."""
    try:
        keys = run.facts(service, KeyspaceFacts).keys
    except CannotLook:
        return ": are its URL, database and prefix the right ones?"
    ours = service.endpoint.database if service.endpoint else 0
    held = counted(keys[ours], "other key") if ours in keys else "no key at all"
    others = [
        f"{counted(keys[number], 'key')} in {number}" for number in sorted(keys) if number != ours
    ]
    elsewhere = f" ({', '.join(others[:_MOST_DATABASES])})" if others else ""
    return f", and {held} in database {ours}{elsewhere}: is it the right one?"
