"""The container target: real containers on a network of their own, through testcontainers.

Containers and networks have labels that say which run they belong to. A run removes those with its
own labels, even if its start failed halfway. Before it starts anything, it removes what killed runs
have left behind. (Ryuk, which testcontainers has for that, is one more image to pull.)
"""

import atexit
import contextlib
import functools
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import docker
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient, get_docker_host_hostname
from testcontainers.core.wait_strategies import HttpWaitStrategy

from redis_runbook.config.model import Container
from redis_runbook.config.roles import RoleSpec
from redis_runbook.targets import leftovers
from redis_runbook.targets.images import Patience, ensure_image
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

REDIS_PORT: Final = 6379
_EXPORTER: Final = "redis.exporter"  # with a dot, which no service's name has
_EXPORTER_PORT: Final = 9121
CONFIG_PATH: Final = "/redis-runbook.conf"
_LOCAL: Final = "127.0.0.1"
_ANSWER_LIMIT_S: Final = 2.0
START_LIMIT_S: Final = 10
_API_LIMIT_S: Final = 30
_CLOSE_LIMIT_S: Final = 10
_POLL_EVERY_S: Final = 0.05
_P = ParamSpec("_P")
_T = TypeVar("_T")


def start(roles: Mapping[str, RoleSpec], images: Container, patience: Patience) -> Throwaway:
    """Start one Redis per service and one exporter for all, and wait until each answers.

    The exporter has the servers' password; `/scrape?target=` selects the server.

    Raises:
        TargetError: no daemon answers, an image cannot be pulled, or a container does not start.
    """
    run = Containers(images)
    try:
        run.prepare(images.redis_image, images.exporter_image, patience=patience)
        run.create_network()
        servers = {name: run.start_server(name, role) for name, role in roles.items()}
        targets = {name: run.inside(name) for name in roles}
        exporter = run.start_exporter(_EXPORTER, next(iter(targets.values())))
        return Throwaway(
            endpoints={name: server.result() for name, server in servers.items()},
            close=run.close,
            exporter_url=exporter.result(),
            exporter_targets=targets,
        )
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


class Containers:
    """The network and the containers of one run."""

    def __init__(self, images: Container) -> None:
        """Connect to Docker; nothing is created yet.

        Raises:
            TargetError: no daemon answers.
        """
        testcontainers_config.ryuk_disabled = True
        testcontainers_config.connection_mode_override = ConnectionMode.docker_host
        self.api = _connect()
        self.password = create_password()
        self._images = images
        self._id = uuid.uuid4().hex[:12]
        self.labels = leftovers.labels(self._id)
        self._host = _host_of(self.api)
        self._network = f"redis-runbook-{self._id}"
        # Everything is created in threads, so that an interruption cannot come between a request
        # and its answer, and `close` finds everything that was created.
        self._pool = ThreadPoolExecutor()
        # A second signal may interrupt `close` itself (`timeout` sends two): then it runs again.
        atexit.register(self.close)

    def close(self) -> None:
        """Remove everything that was created for the run; may be called again."""
        self._pool.shutdown(cancel_futures=True)
        self.api.timeout = _CLOSE_LIMIT_S
        leftovers.remove(self.api, self._id)
        self.api.close()
        atexit.unregister(self.close)

    def prepare(self, *images: str, patience: Patience) -> None:
        """Remove what killed runs have left, and pull images that are not present.

        Raises:
            TargetError: an image cannot be pulled.
        """
        leftovers.sweep(self.api)
        for image in images:
            ensure_image(self.api, image, patience)

    def create_network(self) -> None:
        """Create the network; raises TargetError if that fails."""
        self.submit(self.api.create_network, self._network, labels=self.labels).result()

    def submit(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Create something; the result raises TargetError if that fails."""

        def explained() -> _T:
            # testcontainers itself raises TimeoutError, ConnectionError and RuntimeError.
            # ValueError is for a Docker host whose name is not valid in a URL.
            try:
                return function(*args, **kwargs)
            except (*TROUBLE, OSError, RuntimeError, ValueError) as error:
                reason = f"a container cannot be started: {explain(error)}"
                raise TargetError(reason) from error

        return self._pool.submit(explained)

    def name_of(self, name: str) -> str:
        """The name of a container that is started as `name`."""
        return f"{self._network}-{name}"

    def inside(self, name: str) -> str:
        """The address of a server in the network of the containers."""
        return f"redis://{name}:{REDIS_PORT}"

    def start_server(
        self, name: str, role: RoleSpec, *, port: int | None = None, **settings: Any
    ) -> Future[Endpoint]:
        """Start a server, and wait until it answers; on this port if one is given."""
        return self.submit(self._start_server, name, role, port, settings)

    def _start_server(
        self, name: str, role: RoleSpec, port: int | None, settings: Mapping[str, Any]
    ) -> Endpoint:
        container = _Container(self._images.redis_image, self._host, REDIS_PORT, port)
        container.with_command(["redis-server", CONFIG_PATH])
        container.with_copy_into_container(server_config(role, self.password), CONFIG_PATH)
        with self._started(container, name, settings):
            endpoint = Endpoint(
                scheme="redis",
                host=self._host,
                port=container.get_exposed_port(REDIS_PORT),
                password=self.password,
            )
            wait_until_answers(
                endpoint,
                name,
                deadline=time.monotonic() + START_LIMIT_S,
                check_alive=functools.partial(_check_alive, container, name),
            )
        return endpoint

    def start_exporter(
        self, name: str, target: str, *, port: int | None = None, password: str | None = None
    ) -> Future[HttpUrl]:
        """Start an exporter of a server, and wait until it answers.

        It has the servers' password, unless another one is given.
        """
        secret = self.password if password is None else password
        return self.submit(self._start_exporter, name, target, port, secret)

    def _start_exporter(self, name: str, target: str, port: int | None, password: str) -> HttpUrl:
        container = _Container(self._images.exporter_image, self._host, _EXPORTER_PORT, port)
        container.with_envs(REDIS_ADDR=target, REDIS_PASSWORD=password)
        container.waiting_for(
            HttpWaitStrategy(_EXPORTER_PORT, "/health")
            .with_poll_interval(_POLL_EVERY_S)
            .with_startup_timeout(START_LIMIT_S)
        )
        with self._started(container, name, {}):
            published = container.get_exposed_port(_EXPORTER_PORT)
            return parse_http_url(f"http://{joined(self._host, published)}/metrics")

    @contextlib.contextmanager
    def _started(
        self, container: DockerContainer, name: str, settings: Mapping[str, Any]
    ) -> Iterator[None]:
        container.with_name(self.name_of(name)).with_kwargs(
            labels=self.labels,
            network=self._network,
            networking_config={self._network: self.api.create_endpoint_config(aliases=[name])},
            **settings,
        )
        with contextlib.closing(container.get_docker_client().client):
            try:
                container.start()
                yield
            except (TimeoutError, ConnectionError):  # of testcontainers: it does not say why
                _check_alive(container, name)
                raise


class _Container(DockerContainer):
    """A container with one port, published on one address of Docker's host if that is known.

    `published` is the port there; if it is None, Docker chooses one.
    """

    def __init__(self, image: str, host: str, port: int, published: int | None) -> None:
        super().__init__(image, docker_client_kw={"timeout": _API_LIMIT_S})
        self._host = host
        self.ports[str(port)] = (_address_of(host), published)  # type: ignore[assignment]  # as docker takes it

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
