"""The checks of containers on Podman, which speaks Docker's API: the same verdicts."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import redis

from redis_runbook.wire.ports import free_port
from tests.support.containers import IMAGES
from tests.support.product import Outcome, run
from tests.support.requirements import installed
from tests.support.servers import wait_until
from tests.support.stacks import RECONNECTED

IMAGE = f"localhost/{IMAGES['redis_image']}"
CONFIG = """
[services.cache]
enabled = false
[containers.queue]
service = "queue"
container = "queue-1"
[containers.worker]
kind = "worker"
service = "queue"
project = "podman-test"
compose_service = "worker"
"""


class Podman:
    """A Podman with storage of its own, whose API listens on a socket."""

    def __init__(self, folder: Path) -> None:
        self._command = [installed("podman"), "--root", f"{folder}/root", "--runroot",
                         f"{folder}/run", "--storage-driver", "vfs"]  # fmt: skip
        self.socket = folder / "podman.sock"
        self._service = subprocess.Popen(
            [*self._command, "system", "service", "--time=0", f"unix://{self.socket}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def do(self, *arguments: str, **options: object) -> None:
        command = [*self._command, *arguments]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr.decode()

    def start(self, name: str, port: int, *options: str) -> None:
        """A Redis in a container, which compose would know as the service `name`."""
        self.do(
            *("run", "--detach", "--name", f"{name}-1", "--network", "host"),
            # A machine may allow fewer than Podman asks for.
            *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"),
            *("--label", "com.docker.compose.project=podman-test"),
            *("--label", f"com.docker.compose.service={name}", *options, IMAGE),
            *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""),
            *("--maxmemory", "64mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes"),
        )
        wait_until(lambda: answers(port))

    def close(self) -> None:
        with contextlib.suppress(AssertionError):
            self.do("rm", "--force", "--all", "--time", "0")
        self._service.send_signal(signal.SIGTERM)
        self._service.wait(10)


def answers(port: int) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(redis.Redis(port=port).ping())
    return False


@pytest.fixture(scope="module")
def podman(api: docker.APIClient) -> Iterator[Podman]:
    """Podman with the test image, which Docker has."""
    folder = Path(tempfile.mkdtemp())  # Podman takes no long path
    image = folder / "image.tar"
    with image.open("wb") as file:
        for part in api.get_image(IMAGES["redis_image"]):
            file.write(part)
    made = Podman(folder)
    try:
        made.do("load", "--input", str(image))
        wait_until(made.socket.exists)
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_podman_answers_as_docker_does(podman: Podman, folder: Path) -> None:
    port, other = free_port(), free_port()
    podman.start("queue", port, "--memory", "96m")
    podman.start("worker", other, "--env", f"REDIS_QUEUE_URL=redis://127.0.0.1:{port}")

    def look(name: str) -> Outcome:
        env = {
            "REDIS_QUEUE_URL": f"redis://127.0.0.1:{port}",
            "DOCKER_HOST": f"unix://{podman.socket}",
        }
        select = ("--select", "incident", "memory.used_ratio")
        done = run(folder / name, "smoke", *select, config=CONFIG, env=env)
        assert "Traceback" not in done.everything
        return done

    time.sleep(3.5)  # a worker that was started with its queue would have nothing to restore
    podman.do("restart", "queue-1")
    wait_until(lambda: answers(port))
    redis.Redis(port=other).eval(f"redis.log(redis.LOG_WARNING, {RECONNECTED!r})", 0)
    well = look("well")
    subjects = {"queue", "worker"}
    expected = {f"incident.{check}[{name}]" for check in ("container", "logs") for name in subjects}
    expected |= {"incident.endpoints[queue]", "incident.endpoints[worker]"}
    expected |= {"incident.workers_reconnected[worker]", "memory.used_ratio[queue]"}
    assert {name: well.verdicts[name] for name in expected} == dict.fromkeys(expected, "pass")
    assert "of its container's limit" in well.message("memory.used_ratio[queue]")

    podman.do("kill", "queue-1")
    killed = look("killed")
    assert killed.verdicts["incident.container[queue]"] == "fail"
    assert "(exit code 137, SIGKILL)" in killed.message("incident.container[queue]")
    assert killed.verdicts["incident.container[worker]"] == "pass"
    assert "log of queue-1" in killed.results["extra"]["gathered"]["queue"]


def test_podman_that_is_gone_is_unknown(podman: Podman, folder: Path) -> None:
    env = {"DOCKER_HOST": f"unix://{podman.socket}.gone", "REDIS_QUEUE_URL": "redis://127.0.0.1:1"}
    done = run(folder, "smoke", "--select", "incident.container", config=CONFIG, env=env)
    assert {*done.verdicts.values()} == {"unknown"}
