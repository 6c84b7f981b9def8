"""What to do about a finding: the steps of its ruling and its check, with the operator's own names.

A step writes commands as `docker compose restart SERVICE`. There SERVICE is what the finding is
about, EXPORTER what watches it, WORKERS are those of its queue, and NAME is the queue itself.
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
    r"docker compose (ps|logs|restart|up -d)(?: (SERVICE|EXPORTER|WORKERS))?"
)
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
    steps: Sequence[str], spec: CheckSpec | None, subject: Subject | None, config: Config
) -> tuple[str, ...]:
    """The steps about a subject, with the names that the configuration has for what they name.

    Each begins with a capital, as there may be several.
    """
    steps = [f"{step[:1].upper()}{step[1:]}" for step in steps]
    if subject is None:
        return tuple(steps)
    scope = spec.scope if spec else ""
    service = subject.service.name if subject.service else None

    def command(found: re.Match[str]) -> str:
        verb, word = found.groups()
        entries = _entries(word, scope, subject.name, service, config) if word else []
        name = _default(word, verb, service)
        return _JOINED.join(_commands(verb, entries, name, config))

    queue = shlex.quote(printable(subject.configured_as)) if subject.queue else "NAME"
    queue = f"-- {queue}" if queue.startswith("-") else queue
    return tuple(
        re.sub(r"\bNAME\b", lambda _: queue, _COMMAND.sub(command, step)) for step in steps
    )


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
    if word == "SERVICE" and service:
        return f"redis-{service}"
    if word == "EXPORTER":
        return "redis-exporter"
    return word if word and verb != "ps" else ""


def _commands(
    verb: str, entries: Sequence[ContainerSettings], default: str, config: Config
) -> Iterator[str]:
    """The command for compose services, and one for each container that is named itself."""
    services = [entry.compose_service for entry in entries if entry.compose_service]
    containers = [entry.container for entry in entries if entry.container]
    if services or not containers:
        names = services or ([default] if default else [])
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
