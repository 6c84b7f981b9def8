"""The container target on real Docker: it works, and nothing of it is left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import docker
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from redis_runbook.config.model import Container
from redis_runbook.config.roles import CACHE
from redis_runbook.targets import container, images, leftovers
from redis_runbook.targets.target import Target, TargetError
from tests.support.containers import IMAGES, client, open_container
from tests.support.product import QUIET
from tests.support.servers import wait_until
from tests.support.targets import ROLES

ABSENT = "127.0.0.1:1/redis-runbook-test/absent:1"
HURRY = images.Patience(registry_s=0.5, image_s=1)
OTHER_RUN = """
import signal, time
from redis_runbook.config.roles import QUEUE
from redis_runbook.config.model import Container
from redis_runbook.targets import container, images
signal.signal(signal.SIGTERM, signal.default_int_handler)
chosen = Container(redis_image="{redis_image}", exporter_image="{exporter_image}")
container.start({{"queue": QUEUE}}, chosen, images.PATIENT)
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def target(api: docker.APIClient) -> Iterator[Target]:  # noqa: ARG001  # needs Docker
    """One run that no test changes."""
    opened = open_container()
    yield opened
    opened.close()


def of_process(pid: int) -> dict[str, Any]:
    """Selects what a process started; other tests start containers at the same time."""
    return {"label": f"{leftovers._PID}={pid}"}


def left(api: docker.APIClient, run: str | None = None) -> list[str]:
    """Ids of the containers and networks of a run, or of all that this process started."""
    filters = {"label": f"{leftovers.RUN}={run}"} if run else of_process(os.getpid())
    found = [*api.containers(all=True, filters=filters), *api.networks(filters=filters)]
    return [one["Id"] for one in found]


def runs(api: docker.APIClient, pid: int) -> set[str]:
    containers = api.containers(all=True, filters=of_process(pid))
    return {one["Labels"][leftovers.RUN] for one in containers}


def test_both_services_answer_and_are_what_their_roles_ask_for(target: Target) -> None:
    queue, cache = client(target, "queue"), client(target, "cache")
    assert target.kind == "container"
    assert queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert cache.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    assert queue.info("persistence")["aof_last_write_status"] == "ok"
    assert len(list(cache.scan_iter("jwt:*", count=1000))) == 200
    assert queue.hget("bull:bundle:render:meta", "version") == b"redis-runbook:demonstration"
    assert "bull:bundle:cmVuZGVy:w:demonstration" in {one["name"] for one in queue.client_list()}


def test_one_exporter_watches_both_services(target: Target) -> None:
    assert set(target.exporters) == set(ROLES)
    for name, route in target.exporters.items():
        assert route.url
        url = route.url.location.replace("/metrics", "/scrape")
        answer = requests.get(url, params={"target": route.target}, timeout=5)
        samples = {
            sample.name: sample
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        assert samples["redis_up"].value == 1
        run_id = client(target, name).info("server")["run_id"]
        assert samples["redis_instance_info"].labels["run_id"] == run_id


def test_ports_are_published_for_this_machine_only(target: Target, api: docker.APIClient) -> None:
    password = next(service.endpoint.password for service in target.services if service.endpoint)
    found = [
        one
        for run in runs(api, os.getpid())
        for one in api.containers(filters={"label": f"{leftovers.RUN}={run}"})
        if any(
            port.get("PublicPort") == service.endpoint.port
            for port in one["Ports"]
            for service in target.services
            if service.endpoint
        )
    ]
    assert len(found) == len(target.services)
    assert {port["IP"] for one in found for port in one["Ports"]} == {"127.0.0.1"}
    assert password
    assert password not in str([api.inspect_container(one["Id"]) for one in found])


@pytest.fixture
def other_host(api: docker.APIClient) -> Iterator[str]:  # noqa: ARG001  # needs Docker
    """Docker by TCP, at an address of its own: as another host is reached."""
    listener = socket.create_server(("127.0.0.2", 0))

    def forward(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect("/var/run/docker.sock")
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=forward, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"tcp://127.0.0.2:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_another_host_publishes_where_it_is_reached_and_nowhere_else(
    other_host: str, api: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", other_host)
    before = runs(api, os.getpid())
    opened = open_container()
    try:
        assert client(opened, "queue").ping()
        (run,) = runs(api, os.getpid()) - before
        found = api.containers(filters={"label": f"{leftovers.RUN}={run}"})
        published = [port for one in found for port in one["Ports"] if "PublicPort" in port]
        assert {port["IP"] for port in published} == {"127.0.0.2"}
        assert len(published) == 3
        inspected = [api.inspect_container(one["Id"])["HostConfig"] for one in found]
        assert not any(host["Privileged"] or host["CapAdd"] for host in inspected)
        assert {host["NetworkMode"] for host in inspected} == {f"redis-runbook-{run}"}
    finally:
        opened.close()
    assert left(api, run) == []


def test_close_removes_all_containers_and_the_network(api: docker.APIClient) -> None:
    before = set(left(api))
    opened = open_container()
    assert len(set(left(api)) - before) == 4  # two servers, an exporter, a network
    opened.close()
    opened.close()
    assert set(left(api)) <= before


@pytest.mark.parametrize("step", ["wait_until_answers", "HttpWaitStrategy"])
def test_an_interrupted_start_leaves_nothing(
    step: str, api: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = set(left(api))
    monkeypatch.setattr(container, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_container()
    assert set(left(api)) <= before


def test_a_start_that_is_interrupted_twice_leaves_nothing(api: docker.APIClient) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_RUN.format(**IMAGES)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=QUIET,
    ) as other:
        its = of_process(other.pid)
        wait_until(lambda: api.networks(filters=its))
        for _ in range(2):  # as `timeout` does
            other.send_signal(signal.SIGTERM)
        other.wait(timeout=30)
    assert api.containers(all=True, filters=its) == []
    assert api.networks(filters=its) == []


def test_what_a_killed_run_left_is_swept_and_a_live_run_is_not(
    target: Target, api: docker.APIClient
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_RUN.format(**IMAGES)], stdout=subprocess.PIPE, env=QUIET
    ) as other:
        try:
            assert other.stdout
            assert other.stdout.readline() == b"started\n"
            (killed,) = runs(api, other.pid)
            assert len(left(api, killed)) == 3
        finally:
            other.kill()
        # Not waited for yet: a zombie is gone, too.
        open_container().close()
        assert left(api, killed) == []
    assert client(target, "queue").ping()
    assert client(target, "cache").ping()


def test_an_image_that_cannot_be_pulled_is_named(api: docker.APIClient) -> None:
    before = set(left(api))
    with pytest.raises(TargetError) as raised:
        open_container(exporter_image=ABSENT)
    assert str(raised.value).startswith(f"the image {ABSENT} is not here and cannot be pulled: ")
    assert set(left(api)) <= before


def test_auto_takes_embedded_servers_where_an_image_cannot_be_pulled(
    api: docker.APIClient,  # noqa: ARG001  # needs Docker
) -> None:
    opened = open_container("auto", redis_image=ABSENT)
    try:
        assert opened.kind == "embedded"
        assert client(opened, "queue").ping()
    finally:
        opened.close()


def test_auto_takes_containers_where_the_images_are_here(
    api: docker.APIClient,  # noqa: ARG001  # needs Docker
) -> None:
    opened = open_container("auto")
    opened.close()
    assert opened.kind == "container"


def test_a_registry_that_says_nothing_is_given_up(
    api: docker.APIClient,  # noqa: ARG001  # needs Docker
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/redis:7"
        with pytest.raises(TargetError, match=r"registry does not answer within 0\.5 s"):
            container.start(ROLES, Container(redis_image=image), HURRY)


@pytest.mark.parametrize("image", ["Not A Reference", "UPPER/case:1"])
def test_an_image_name_that_is_none_is_told(image: str, api: docker.APIClient) -> None:
    del api
    with pytest.raises(TargetError, match=r"cannot be pulled: .*reference"):
        open_container(redis_image=image)


def test_an_image_that_does_something_else_is_told(
    api: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(left(api))
    monkeypatch.setattr(container, "START_LIMIT_S", 1)
    with pytest.raises(
        TargetError, match=r"throwaway queue does not answer on 127\.0\.0\.1:\d+ in time"
    ):
        open_container(redis_image=IMAGES["exporter_image"])
    with pytest.raises(TargetError, match="a container cannot be started: HTTP endpoint not ready"):
        open_container(exporter_image=IMAGES["redis_image"])
    assert set(left(api)) <= before


def test_a_server_that_dies_in_its_container_is_quoted(
    api: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(left(api))
    monkeypatch.setattr(container, "server_config", lambda *_: b"maxmemory much\n")
    with pytest.raises(TargetError, match=r"throwaway queue ended at once: .*memory"):
        open_container()
    assert set(left(api)) <= before


def test_a_service_may_be_called_exporter(api: docker.APIClient) -> None:
    before = set(left(api))
    started = container.start({"exporter": CACHE}, Container(**IMAGES), images.PATIENT)
    try:
        assert started.exporter_url
        url = started.exporter_url.location.replace("/metrics", "/scrape")
        answer = requests.get(url, params={"target": "redis://exporter:6379"}, timeout=5)
        assert "\nredis_up 1\n" in answer.text
    finally:
        started.close()
    assert set(left(api)) <= before
