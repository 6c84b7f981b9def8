"""A stand of containers, which are removed with it, or by the next run if this one is killed."""

import contextlib
import io
import os
import signal
import tarfile
import time
from typing import Any, Final, Literal

import docker
from docker.errors import NotFound

from redis_runbook.config.model import Container
from redis_runbook.config.roles import CACHE, QUEUE, RoleSpec
from redis_runbook.drills.stand import Place, Stand
from redis_runbook.drills.stand_server import Exporter, StandServer
from redis_runbook.targets.container import CONFIG_PATH, REDIS_PORT, START_LIMIT_S, Containers
from redis_runbook.targets.images import PATIENT
from redis_runbook.targets.throwaway import ServerDiedError, server_config, wait_until_answers
from redis_runbook.wire.docker.client import TROUBLE
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.ports import free_port

MEMORY_LIMIT_BYTES: Final = 128 << 20
"""Of each server's container: twice its maxmemory."""
_DATA: Final = "/data"
_STOP_LIMIT_S: Final = 5
_SWITCHES: Final = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG")
_SERVER: Final = """
[containers.{service}]
service = "{service}"
container = "{name}"
"""
_EXPORTER: Final = """
[containers.exporter]
kind = "exporter"
service = "queue"
container = "{name}"
"""


def container_place(images: Container) -> Place:
    """Stands of these images, which are pulled if they are not here.

    Raises:
        TargetError: no daemon answers, or an image cannot be pulled.
    """
    with contextlib.closing(Containers(images)) as containers:
        containers.prepare(images.redis_image, images.exporter_image, patience=PATIENT)
    return Place(target="container", server=images.redis_image, make=lambda: ContainerStand(images))


class ContainerStand(Stand):
    """Servers and an exporter in containers; what uses them runs on this machine."""

    queue: "ContainerServer"
    cache: "ContainerServer"

    def __init__(self, images: Container) -> None:
        """Start all of it.

        Raises:
            TargetError: a container cannot be started.
        """
        self.images = images
        self._exporters = 0
        self.containers = Containers(images)
        super().__init__()

    def start_servers(self) -> "tuple[ContainerServer, ContainerServer]":
        """Start the queue and the cache, at the same time."""
        self.containers.create_network()
        queue, cache = (
            ContainerServer(self.containers, role.name, role) for role in (QUEUE, CACHE)
        )
        for service in (queue, cache):
            service.wait()
            name = self.containers.name_of(service.name)
            self.configuration += _SERVER.format(service=service.name, name=name)
            variable = f"REDIS_RUNBOOK_SERVICES__{service.name.upper()}__EXPORTER_TARGET"
            self.variables[variable] = self.containers.inside(service.name)
        self.configuration += _EXPORTER.format(name=self.containers.name_of("exporter"))
        self.variables |= {name: os.environ[name] for name in _SWITCHES if name in os.environ}
        return queue, cache

    def another(self) -> StandServer:
        """A third server, started and empty."""
        service = ContainerServer(self.containers, "another", CACHE)
        service.wait()
        return service

    def new_exporter(self) -> Exporter:
        """A new exporter."""
        self._exporters += 1
        name = "exporter" if self._exporters == 1 else f"exporter-{self._exporters}"
        return _ExporterContainer(self.containers, name)

    def close(self) -> None:
        """Remove everything."""
        try:
            self.containers.close()
        finally:
            super().close()


class ContainerServer(StandServer):
    """A server in a container."""

    def __init__(self, containers: Containers, name: str, role: RoleSpec) -> None:
        """Have it started; `wait` waits until it answers."""
        super().__init__()
        self.name = name
        self.container = containers.name_of(name)
        self._containers = containers
        self._api = containers.api
        self._role = role
        self._started = containers.start_server(
            name,
            role,
            port=free_port(),
            mem_limit=MEMORY_LIMIT_BYTES,
            memswap_limit=MEMORY_LIMIT_BYTES,
        )

    def wait(self) -> None:
        """Wait until it answers for the first time."""
        self._started.result()

    @property
    def endpoint(self) -> Endpoint:
        """Where its port is published."""
        return self._started.result()

    @property
    def inside(self) -> tuple[str, int]:
        """Its name in the network."""
        return self.name, REDIS_PORT

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it with this signal; with SIGKILL where it does not heed that in time."""
        _end(self._api, self.container, number)

    def start(self, *lines: str, wait: bool = True) -> None:
        """Start the same container: its port and its data are the same."""
        config = server_config(self._role, self._containers.password, *lines)
        folder, _, name = CONFIG_PATH.rpartition("/")
        self._put(folder or "/", _file(name, config))
        self._api.start(self.container)
        if wait:
            deadline = time.monotonic() + START_LIMIT_S
            wait_until_answers(
                self.endpoint, self.name, deadline=deadline, check_alive=self._check_alive
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its first process."""
        self._api.kill(self.container, number.value)

    @property
    def state(self) -> dict[str, Any]:
        """What Docker says of the state of its container."""
        return self._inspected()["State"]  # type: ignore[no-any-return]

    @property
    def restarts(self) -> int:
        """How often its restart policy has started it."""
        return int(self._inspected()["RestartCount"])

    def set_restart_policy(self, name: Literal["always", "no"]) -> None:
        """Whether Docker starts it again when it ends, which must not be at this moment."""
        self._api.update_container(
            self.container,
            restart_policy={"Name": name},  # type: ignore[arg-type]  # the stubs lack `no`
        )

    def end_restarts(self) -> None:
        """End it, however often Docker is starting it."""
        self._api.stop(self.container, timeout=_STOP_LIMIT_S)
        self.set_restart_policy("no")

    def _inspected(self) -> dict[str, Any]:
        return self._api.inspect_container(self.container)  # type: ignore[no-any-return]

    def make_folder(self, name: str) -> None:
        """Copy a folder there."""
        self._put(_DATA, _folder(name))

    def remove_folder(self, name: str) -> None:
        """Copy an empty file there."""
        self._put(_DATA, _file(name, b""))

    def _put(self, folder: str, archive: bytes) -> None:
        self._api.put_archive(self.container, folder, archive)

    def _check_alive(self) -> None:
        if not self.state["Running"]:
            raise ServerDiedError(self.name, self._api.logs(self.container, tail=1))


class _ExporterContainer(Exporter):
    """A redis_exporter in a container."""

    def __init__(self, containers: Containers, name: str) -> None:
        self._containers = containers
        self._name = name
        self._port = free_port()
        self._container = containers.name_of(name)

    def start(self, service: StandServer, password: str | None = None) -> None:
        host, port = service.inside
        with contextlib.suppress(NotFound):
            self._containers.api.remove_container(self._container, force=True)
        started = self._containers.start_exporter(
            self._name, f"redis://{host}:{port}", port=self._port, password=password
        )
        self.url = started.result().location

    def stop(self) -> None:
        _end(self._containers.api, self._container, signal.SIGTERM)


def _end(api: docker.APIClient, container: str, number: signal.Signals) -> None:
    """End a container with this signal; with SIGKILL where it does not heed that in time."""
    for sent in (number, signal.SIGKILL):
        api.kill(container, sent.value)
        with contextlib.suppress(*TROUBLE):
            api.wait(container, timeout=_STOP_LIMIT_S)
            return


def _file(name: str, content: bytes) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    return _archive(entry, content)


def _folder(name: str) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return _archive(entry, b"")


def _archive(entry: tarfile.TarInfo, content: bytes) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return body.getvalue()
