"""What unit tests share."""

from collections.abc import Iterator

import pytest

from tests.support.fake_docker import FakeDocker, fake_docker


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDocker]:
    """FAKE: the Docker daemon at DOCKER_HOST."""
    with fake_docker(monkeypatch) as made:
        yield made
