"""Where containers are looked for."""

import docker
import pytest

from redis_runbook.targets import container


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http+docker://localhost", "127.0.0.1"),
        ("http://docker:2375", "docker"),
        ("https://192.0.2.7:2376", "192.0.2.7"),
    ],
)
def test_containers_are_looked_for_where_docker_is(base_url: str, host: str) -> None:
    api = docker.APIClient(version="1.41")
    api.base_url = base_url
    assert container._host_of(api) == host
