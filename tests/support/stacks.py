"""Containers as an operator has them: a queue, its workers, and what goes wrong with them."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any

import docker
import redis
from docker.models.containers import Container
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_runbook.wire.ports import free_port
from tests.support.containers import IMAGES
from tests.support.servers import wait_until

RECONNECTED = "Queue connection restored"
_NUMBERS = itertools.count()


class Stack:
    """Containers of the tests' Redis image, removed by their ids in the end.

    The image has no shell: what stands for a worker is a Redis server, too, whose log says what a
    test makes it say.
    """

    def __init__(self) -> None:
        self._docker = docker.from_env(timeout=30)
        self._started: list[Container] = []
        self.project = f"runbook-test-{os.getpid()}-{next(_NUMBERS)}"

    def run(self, name: str, *options: str, port: int | None = None, **settings: Any) -> Container:
        """Start `<project>-<name>`, which compose would know as the service `name`."""
        ports = {"6379/tcp": ("127.0.0.1", port)} if port else {}
        labels = {
            "com.docker.compose.project": self.project,
            "com.docker.compose.service": name.partition("-")[0],
            **settings.pop("labels", {}),
        }
        started = self._docker.containers.run(
            IMAGES["redis_image"],
            ["redis-server", "--save", "", "--protected-mode", "no", *options],
            name=f"{self.project}-{name}",
            detach=True,
            ports=ports,
            labels=labels,
            **settings,
        )
        self._started.append(started)
        return started

    def queue(self, *options: str, **settings: Any) -> "Queue":
        """A server that is published on this machine."""
        return Queue(self, *options, **settings)

    def close(self) -> None:
        for one in self._started:
            with contextlib.suppress(docker.errors.NotFound):
                one.remove(force=True, v=True)
        self._docker.close()


class Queue:
    """A Redis in a container."""

    def __init__(self, stack: Stack, *options: str, name: str = "queue", **settings: Any) -> None:
        self.port = free_port()
        limits = ("--maxmemory", "64mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes")
        self.container = stack.run(name, *limits, *options, port=self.port, **settings)
        self.url = f"redis://127.0.0.1:{self.port}"
        wait_until(self.answers)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client().ping())
        return False

    def client(self, socket_timeout: float = 10) -> redis.Redis:
        retry = Retry(NoBackoff(), 0)
        return redis.Redis(port=self.port, socket_timeout=socket_timeout, retry=retry)

    def says(self, line: str) -> None:
        """Let it log a line."""
        self.client().eval(f"redis.log(redis.LOG_WARNING, {line!r})", 0)

    def restart(self) -> None:
        self.container.restart(timeout=5)
        wait_until(self.answers)

    def fill_up(self) -> None:
        """Take more memory than the container may: needs `--enable-debug-command yes`."""
        with contextlib.suppress(redis.RedisError):
            self.client(socket_timeout=2).execute_command("DEBUG", "POPULATE", 400_000, "key", 100)


@contextlib.contextmanager
def stack() -> Iterator[Stack]:
    made = Stack()
    try:
        yield made
    finally:
        made.close()
