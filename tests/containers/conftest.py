"""Docker itself, for tests of what was started there."""

import contextlib
from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException

from tests.support.containers import IMAGES
from tests.support.requirements import require


@pytest.fixture(scope="module")
def api() -> Iterator[docker.APIClient]:
    """Docker's own interface, where a daemon and the test images are there."""
    found = None
    with contextlib.suppress(DockerException):
        found = docker.from_env(timeout=10).api
    require(found is not None, "no Docker daemon answers: scripts/start-dockerd.sh")
    assert found
    here = {tag for image in found.images() for tag in image["RepoTags"] or ()}
    require(
        set(IMAGES.values()) <= here, "the test images are not here: scripts/build-test-images.sh"
    )
    with contextlib.closing(found):
        yield found
