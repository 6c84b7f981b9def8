"""What to do about a finding: the steps of its ruling and its check, with the operator's own names.

A step writes commands as `docker compose restart SERVICE`. There SERVICE is what the finding is
about, SERVICES are all services, EXPORTER is what watches it, WORKERS are those of its queue, and
NAME is the queue itself. A command of Redis (`SLOWLOG GET 20`) is run in the service's container
where that is known.
"""

import inspect
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from redis_runbook.catalogue import CheckSpec
from redis_runbook.config.containers import ContainerSettings
from redis_runbook.config.model import Config
from redis_runbook.redact import masked, printable
from redis_runbook.session.subjects import Subject

_NUMBER: Final = re.compile(r"(?:^|\s)\d+\. ")
_COMMAND: Final = re.compile(
    r"docker compose (ps|logs|restart|up -d)(?: (SERVICES|SERVICE|EXPORTER|WORKERS))?"
)
_OF_REDIS: Final = re.compile(
    r"`(?:redis-cli )?(--bigkeys|--scan --pattern [^`|]+|SLOWLOG GET \d+|INFO [a-z]+"
    r"|CLIENT (?:LIST|UNPAUSE)|CLUSTER NODES|BGSAVE|SCRIPT KILL|CONFIG RESETSTAT"
    r"|CONFIG SET [a-z-]+ [a-z-]+)`"
)
"""Whole commands, as an operator would type them."""
_OURS: Final = re.compile(r"`redis-runbook (?:smoke|queue list|queue show)\b")
_IN_COMPOSE: Final = frozenset({"queue", "cache"})
"""The services of the runbook, whose containers compose calls redis-queue and redis-cache."""
_DOCKER_VERBS: Final = {
    "ps": "docker inspect",
    "logs": "docker logs",
    "restart": "docker restart",
    "up -d": "docker start",
}
_KINDS: Final = {"SERVICE": "redis", "EXPORTER": "exporter", "WORKERS": "worker"}
_DENIED: Final = re.compile(r"no permission for ([A-Z]+(?: [A-Z]+)?) on ")
_JOINED: Final = "`, `"


def steps_of(check: Callable[..., object] | None) -> tuple[str, ...]:
    """The steps in a check's docstring: the text after `Next:`, in which several are numbered."""
    _, _, text = (inspect.getdoc(check) or "").partition("Next:")
    return steps_in(" ".join(text.split()))


def what_to_grant(message: str) -> tuple[str, ...]:
    """The step that gives a user the command for which a message says it has no permission."""
    denied = dict.fromkeys(_DENIED.findall(message))
    if not denied:
        return ()
    rights = " ".join(f"+{command.lower().replace(' ', '|')}" for command in denied)
    return (f"Grant it to the user that the URL names: `ACL SETUSER USER {rights}`",)


def why_it_matters(check: Callable[..., object] | None) -> str:
    """What is at stake, by a check's docstring: the text after `Why:`; empty where it has none."""
    _, _, text = (inspect.getdoc(check) or "").partition("Why:")
    return " ".join(text.partition("Next:")[0].split())


def steps_in(text: str) -> tuple[str, ...]:
    """The steps of one line of text: `1. This. 2. That.`."""
    return tuple(filter(None, _NUMBER.split(text)))


def named(
    steps: Sequence[str],
    spec: CheckSpec | None,
    subject: Subject | None,
    config: Config,
    file: str = "",
) -> tuple[str, ...]:
    """The steps about a subject, with the names that the configuration has for what they name.

    Each begins with a capital, as there may be several. Commands of ours take the configuration of
    `file`, if that was named.
    """
    steps = [f"{step[:1].upper()}{step[1:]}" for step in steps]
    if subject is None:
        return tuple(steps)
    scope = spec.scope if spec else ""
    service = subject.service.name if subject.service else None

    def command(found: re.Match[str]) -> str:
        verb, word = found.groups()
        if word == "SERVICES":
            return _JOINED.join(_for_all(verb, config))
        entries = _entries(word, scope, subject.name, service, config) if word else []
        known = any(entry.is_container for entry in entries)
        others = [] if known else [*filter(None, [_default(word, verb, service)])]
        return _JOINED.join(_commands(verb, entries, others, config))

    def of_redis(found: re.Match[str]) -> str:
        where = _shell(service, config) if service else ""
        return f"`{where} redis-cli{_options(subject)} {found[1]}`" if where else found[0]

    queue = shlex.quote(printable(subject.configured_as)) if subject.queue else "NAME"
    queue = f"-- {queue}" if queue.startswith("-") else queue
    commands = (_COMMAND.sub(command, _OF_REDIS.sub(of_redis, step)) for step in steps)
    of_queue = (re.sub(r"\bNAME\b", lambda _: queue, step) for step in commands)
    given = f" --config {_argument(file)}" if file else ""
    return tuple(_OURS.sub(lambda found: f"{found[0]}{given}", step) for step in of_queue)


def _entries(
    word: str, scope: str, subject: str, service: str | None, config: Config
) -> list[ContainerSettings]:
    """The entries of `[containers]` that a word stands for."""
    if word == "SERVICE" and scope in {"container", "worker"} and subject in config.containers:
        return [config.containers[subject]]
    of_kind = [
        entry
        for entry in config.containers.values()
        if entry.enabled and entry.kind == _KINDS[word]
    ]
    of_service = [entry for entry in of_kind if entry.service in {None, service}]
    # One exporter may watch all services.
    return of_service or (of_kind if word == "EXPORTER" else [])


def _default(word: str | None, verb: str, service: str | None) -> str:
    """What compose calls it where the configuration does not say; empty for all services.

    `restart` and `up` without a name would restart the servers, too: the word is left in its place.
    """
    if word == "SERVICE" and service in _IN_COMPOSE:
        return f"redis-{service}"
    if word == "EXPORTER":
        return "redis-exporter"
    return word if word and verb != "ps" else ""


def _for_all(verb: str, config: Config) -> Iterator[str]:
    """The command for all services that are switched on, in the configuration's order."""
    services = [name for name, settings in config.services.items() if settings.enabled]
    own = {name: _entries("SERVICE", "", name, name, config) for name in services}
    others = [_default("SERVICE", verb, name) for name, entries in own.items() if not entries]
    known = [entry for found in own.values() for entry in found]
    return _commands(verb, known, [*filter(None, others)], config)


def _shell(service: str, config: Config) -> str:
    """What runs a program in the container of a service; empty where none is known."""
    for entry in _entries("SERVICE", "", service, service, config):
        if entry.container:
            return f"docker exec -it {_argument(entry.container)}"
        if entry.project and entry.compose_service:
            return f"{_compose(config, {entry.project})}exec {_argument(entry.compose_service)}"
    return f"{_compose(config, set())}exec redis-{service}" if service in _IN_COMPOSE else ""


def _options(subject: Subject) -> str:
    """What makes redis-cli ask the database, and for the password where the server wants one."""
    at = subject.service.endpoint if subject.service else None
    if at is None:
        return ""
    database = f" -n {at.database}" if at.database else ""
    if not at.has_login:
        return database
    user = f" --user {_argument(at.username)}" if at.username else ""
    return f"{database}{user} --askpass"


def _commands(
    verb: str, entries: Sequence[ContainerSettings], others: Sequence[str], config: Config
) -> Iterator[str]:
    """The command for compose services, and one for each container that is named itself.

    `others` are the compose services that have no entry.
    """
    services = [entry.compose_service for entry in entries if entry.compose_service]
    containers = dict.fromkeys(entry.container for entry in entries if entry.container)
    names = dict.fromkeys([*services, *others])
    if names or not containers:
        projects = {entry.project for entry in entries if entry.project}
        yield " ".join([f"{_compose(config, projects)}{verb}", *map(_argument, names)])
    for container in containers:
        yield f"{_DOCKER_VERBS[verb]} {_argument(container)}"


def _argument(name: str) -> str:
    """A name of the configuration, of which plain words stay, even if a password is the same."""
    return shlex.quote(masked(name, words=True))


def _compose(config: Config, projects: set[str]) -> str:
    """What compose commands begin with: the operator's own, else Docker's with the project."""
    if config.operator.compose is None:
        project = "".join(f" -p {_argument(name)}" for name in projects)
        return f"docker compose{project if len(projects) == 1 else ''} "
    prefix = masked(config.operator.compose, words=True)
    return prefix if prefix[-1:] in ":/-" else f"{prefix} "
