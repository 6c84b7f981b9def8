"""The container target: real containers on a network of their own, through testcontainers.

Containers and networks have labels that say which run they belong to. A run removes those with its
own labels, even if its start failed halfway. Before it starts anything, it removes what killed runs
have left behind. (Ryuk, which testcontainers has for that, is one more image to pull.)
"""

import atexit
import contextlib
import functools
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import docker
from docker.errors import ImageNotFound
from docker.utils import parse_repository_tag
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient, get_docker_host_hostname
from testcontainers.core.wait_strategies import HttpWaitStrategy

from redis_runbook.config.model import Container
from redis_runbook.config.roles import RoleSpec
from redis_runbook.redact import harmless
from redis_runbook.targets import leftovers
from redis_runbook.targets.target import TargetError
from redis_runbook.targets.throwaway import (
    ServerDiedError,
    Throwaway,
    create_password,
    server_config,
    wait_until_answers,
)
from redis_runbook.wire.background import in_background
from redis_runbook.wire.docker.client import TROUBLE, explain, is_forbidden
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.http_url import HttpUrl, parse_http_url
from redis_runbook.wire.url_parts import joined

_REDIS_PORT: Final = 6379
_EXPORTER: Final = "redis.exporter"  # with a dot, which no service's name has
_EXPORTER_PORT: Final = 9121
_CONFIG_PATH: Final = "/redis-runbook.conf"
_LOCAL: Final = "127.0.0.1"
_ANSWER_LIMIT_S: Final = 2.0
_START_LIMIT_S: Final = 10
_API_LIMIT_S: Final = 30
_CLOSE_LIMIT_S: Final = 10
_POLL_EVERY_S: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for an image: for the registry's first answer, and for the whole pull."""

    registry_s: float
    image_s: float


PATIENT: Final = Patience(registry_s=15, image_s=180)
"""For a user who asked for containers."""
IMPATIENT: Final = Patience(registry_s=2, image_s=30)
"""For `auto`, which can fall back to embedded servers."""


def start(roles: Mapping[str, RoleSpec], images: Container, patience: Patience) -> Throwaway:
    """Start one Redis per service and one exporter for all, and wait until each answers.

    The exporter has the servers' password; `/scrape?target=` selects the server.

    Raises:
        TargetError: no daemon answers, an image cannot be pulled, or a container does not start.
    """
    testcontainers_config.ryuk_disabled = True
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    run = _Run(_connect(), images)
    try:
        return run.start(roles, patience)
    except BaseException:
        run.close()
        raise


def _connect() -> docker.APIClient:
    def connect() -> docker.APIClient:
        api = DockerClient(timeout=_ANSWER_LIMIT_S).client.api
        api.timeout = _API_LIMIT_S
        return api

    try:
        # In the background, as the resolver and ssh ignore that limit.
        return in_background(connect).result(_ANSWER_LIMIT_S)
    except Exception as error:
        if is_forbidden(error):
            raise TargetError("this user may not talk to the Docker daemon") from error
        raise TargetError("no Docker daemon answers: start one, or use another target") from error


def _ensure_image(api: docker.APIClient, image: str, patience: Patience) -> None:
    """Pull the image unless it is present."""
    name = testcontainers_config.hub_image_name_prefix + image
    try:
        api.inspect_image(name)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        problem = _pull(api, name, patience)
    except TROUBLE as error:
        problem = explain(error)
    else:
        return
    if problem:
        raise TargetError(f"the image {image} is not here and cannot be pulled: {problem}")


def _pull(api: docker.APIClient, name: str, patience: Patience) -> str:
    """Pull an image; returns the problem, or "". An abandoned pull ends with this process."""
    answered = threading.Event()

    def pull() -> str:
        repository, tag = parse_repository_tag(name)
        try:
            for event in api.pull(repository, tag=tag or "latest", stream=True, decode=True):
                answered.set()
                if "error" in event:
                    return harmless(event["error"])
        except TROUBLE as error:
            return explain(error)
        finally:
            answered.set()
        return ""

    pulled = in_background(pull)
    if not answered.wait(patience.registry_s):
        return f"its registry does not answer within {patience.registry_s:g} s"
    try:
        return pulled.result(patience.image_s)
    except TimeoutError:
        return f"that takes longer than {patience.image_s:g} s"


class _Run:
    """The network and the containers of one run."""

    def __init__(self, api: docker.APIClient, images: Container) -> None:
        """Prepare; nothing is created yet."""
        self._api = api
        self._images = images
        self._id = uuid.uuid4().hex[:12]
        self._labels = leftovers.labels(self._id)
        self._host = _host_of(api)
        self._password = create_password()
        self._network = f"redis-runbook-{self._id}"
        # Everything is created in threads, so that an interruption cannot come between a request
        # and its answer, and `close` finds everything that was created.
        self._pool = ThreadPoolExecutor()
        # A second signal may interrupt `close` itself (`timeout` sends two): then it runs again.
        atexit.register(self.close)

    def close(self) -> None:
        """Remove everything that was created for the run; may be called again."""
        self._pool.shutdown(cancel_futures=True)
        self._api.timeout = _CLOSE_LIMIT_S
        leftovers.remove(self._api, self._id)
        self._api.close()
        atexit.unregister(self.close)

    def start(self, roles: Mapping[str, RoleSpec], patience: Patience) -> Throwaway:
        """Start all containers in parallel, on their network."""
        leftovers.sweep(self._api)
        for image in (self._images.redis_image, self._images.exporter_image):
            _ensure_image(self._api, image, patience)
        targets = {name: f"redis://{name}:{_REDIS_PORT}" for name in roles}
        submit = self._pool.submit
        try:
            submit(self._api.create_network, self._network, labels=self._labels).result()
            servers = {name: submit(self._start_server, name, role) for name, role in roles.items()}
            exporter = submit(self._start_exporter, next(iter(targets.values())))
            return Throwaway(
                endpoints={name: server.result() for name, server in servers.items()},
                close=self.close,
                exporter_url=exporter.result(),
                exporter_targets=targets,
            )
        # testcontainers itself raises TimeoutError, ConnectionError and RuntimeError. ValueError is
        # for a Docker host whose name is not valid in a URL.
        except (*TROUBLE, OSError, RuntimeError, ValueError) as error:
            raise TargetError(f"a container cannot be started: {explain(error)}") from error

    def _start_server(self, name: str, role: RoleSpec) -> Endpoint:
        container = _Container(self._images.redis_image, self._host, _REDIS_PORT)
        container.with_command(["redis-server", _CONFIG_PATH])
        container.with_copy_into_container(server_config(role, self._password), _CONFIG_PATH)
        with self._started(container, name):
            endpoint = Endpoint(
                scheme="redis",
                host=self._host,
                port=container.get_exposed_port(_REDIS_PORT),
                password=self._password,
            )
            wait_until_answers(
                endpoint,
                name,
                deadline=time.monotonic() + _START_LIMIT_S,
                check_alive=functools.partial(_check_alive, container, name),
            )
        return endpoint

    def _start_exporter(self, first_target: str) -> HttpUrl:
        container = _Container(self._images.exporter_image, self._host, _EXPORTER_PORT)
        container.with_envs(REDIS_ADDR=first_target, REDIS_PASSWORD=self._password)
        container.waiting_for(
            HttpWaitStrategy(_EXPORTER_PORT, "/health")
            .with_poll_interval(_POLL_EVERY_S)
            .with_startup_timeout(_START_LIMIT_S)
        )
        with self._started(container, _EXPORTER):
            port = container.get_exposed_port(_EXPORTER_PORT)
            return parse_http_url(f"http://{joined(self._host, port)}/metrics")

    @contextlib.contextmanager
    def _started(self, container: DockerContainer, name: str) -> Iterator[None]:
        container.with_name(f"{self._network}-{name}").with_kwargs(
            labels=self._labels,
            network=self._network,
            networking_config={self._network: self._api.create_endpoint_config(aliases=[name])},
        )
        with contextlib.closing(container.get_docker_client().client):
            try:
                container.start()
                yield
            except (TimeoutError, ConnectionError):  # of testcontainers: it does not say why
                _check_alive(container, name)
                raise


class _Container(DockerContainer):
    """A container with one port, published on one address of Docker's host if that is known."""

    def __init__(self, image: str, host: str, port: int) -> None:
        super().__init__(image, docker_client_kw={"timeout": _API_LIMIT_S})
        self._host = host
        self.ports[str(port)] = (_address_of(host), None)  # type: ignore[assignment]  # as docker takes it

    def get_container_host_ip(self) -> str:
        """The host of its ports; testcontainers would guess a gateway if /.dockerenv exists."""
        return self._host


def _host_of(api: docker.APIClient) -> str:
    """The host that publishes the containers' ports."""
    named = testcontainers_config.tc_host_override or get_docker_host_hostname()
    if named:
        return named
    url = urlsplit(api.base_url)
    return url.hostname if url.hostname and url.scheme in {"http", "https"} else _LOCAL


def _address_of(host: str) -> str:
    """The address of Docker's host by which we reach it; "" for all of them if it is not known.

    A host that the user names for testcontainers may be another's name for Docker's host, such as
    `host.docker.internal`, and no address of its own.
    """
    if testcontainers_config.tc_host_override:
        return ""

    def resolve() -> str:
        *_, (address, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        return str(address)

    try:
        return in_background(resolve).result(_ANSWER_LIMIT_S)
    except (OSError, UnicodeError, TimeoutError):
        return ""


def _check_alive(container: DockerContainer, name: str) -> None:
    container.reload()
    if container.status != "running":
        out, err = container.get_logs()
        raise ServerDiedError(name, out + err)
