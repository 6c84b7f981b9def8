"""Where applications are told that their Redis is: by their environment, or a .env file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis_runbook.config.containers import ContainerSettings
from redis_runbook.probes.containers.facts import GivenUrl
from redis_runbook.redact import KNOWN, Shown, harmless, printable
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.files import read_text

if TYPE_CHECKING:
    from redis_runbook.wire.docker.answers import Inspected

_MAX_BYTES: Final = 64 << 10
_LONGEST_NAME: Final = 100
_MOST_NETWORKS: Final = 20
_APPLICATIONS: Final = frozenset({"worker", "app"})


def url_variable(settings: ContainerSettings, default: str | None) -> str:
    """The variable by which an entry is told where its Redis is; empty if there is none."""
    if settings.kind not in _APPLICATIONS or settings.service is None:
        return ""
    return settings.url_variable or default or ""


def given_urls(
    settings: ContainerSettings,
    variable: str,
    containers: "Sequence[Inspected]",
    *,
    run_here: bool,
) -> Iterator[GivenUrl]:
    """The URL of the variable in each container, and in the `dotenv` of the entry.

    Containers that are all not told are left out. `run_here` is whether they run on this machine.
    """
    if not variable:
        return
    name = harmless(variable)
    one_is_given = any(variable in container.variables for container in containers)
    for container in containers if one_is_given else ():
        own_network = container.own_network
        yield replace(
            _url(f"{name} of {container.shown}", container.variables.get(variable)),
            # The network of another machine is not ours.
            own_network=own_network if run_here else own_network or None,
            networks=networks_of(container),
        )
    if settings.dotenv:
        given_by = f"{name} of {harmless(settings.dotenv)}"
        try:
            text = read_text(Path(settings.dotenv), max_bytes=_MAX_BYTES)
        except ValueError as error:
            yield GivenUrl(given_by=given_by, problem=f"cannot be read: the file {error}")
            return
        values = [value for key, value in _assignments(text) if key == variable]
        url = _url(given_by, values[-1] if values else None)
        # Whether a container reads the file is not known.
        yield replace(url, own_network=None if containers else False)


def networks_of(container: "Inspected") -> list[Shown]:
    """The names of the networks that a container is in."""
    names = sorted(container.network_settings.networks or ())
    return [printable(name, _LONGEST_NAME) for name in names[:_MOST_NETWORKS]]


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, equals, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if len(value) > 1 and value[0] in {"'", '"'} and value[-1] == value[0]:
            value = value[1:-1]
        else:
            value = value.partition(" #")[0].rstrip()
        if equals and not key.startswith("#"):
            yield key.strip(), value


def _url(given_by: str, value: str | None) -> GivenUrl:
    if value is None:
        return GivenUrl(given_by=given_by, problem="is not set")
    try:
        endpoint = parse_endpoint(value.strip())
    except ValueError as error:
        return GivenUrl(given_by=given_by, problem=f"is no address: {error}")
    KNOWN.learn(filter(None, [endpoint.password]))
    return GivenUrl(
        given_by=given_by,
        host=printable(
            endpoint.path if endpoint.scheme == "unix" else endpoint.host, _LONGEST_NAME
        ),
        port=0 if endpoint.scheme == "unix" else endpoint.port,
        database=endpoint.database,
    )
