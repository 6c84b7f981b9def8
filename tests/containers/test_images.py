"""Images by tag and digest, pulled from a real registry."""

import contextlib
from collections.abc import Iterator

import docker
import pytest
from docker.errors import ImageNotFound

from redis_runbook.targets.target import TargetError
from tests.support.containers import IMAGES, client, open_container
from tests.support.registry import serving

OTHER = "0" * 64


@pytest.fixture
def pushed(api: docker.APIClient) -> Iterator[str]:
    """Redis' image with its digest, in a registry and no more in Docker."""
    with serving() as registry:
        name = f"{registry}/redis"
        api.tag(IMAGES["redis_image"], name, "7")
        pushed_lines = list(api.push(name, "7", stream=True, decode=True))
        (digest,) = {line["aux"]["Digest"] for line in pushed_lines if "aux" in line}
        api.remove_image(f"{name}:7")
        yield f"{name}:7@{digest}"
        with contextlib.suppress(ImageNotFound):
            api.remove_image(f"{name}@{digest}")


def _id(api: docker.APIClient, image: str) -> str:
    return str(api.inspect_image(image)["Id"])  # type: ignore[no-untyped-call]


def test_an_image_by_tag_and_digest_is_pulled_once_and_started(
    pushed: str, api: docker.APIClient
) -> None:
    with pytest.raises(ImageNotFound):
        _id(api, pushed)
    opened = open_container(redis_image=pushed)
    try:
        assert client(opened, "queue").ping()
    finally:
        opened.close()
    assert _id(api, pushed) == _id(api, IMAGES["redis_image"])


def test_an_image_of_another_content_is_not_taken(pushed: str) -> None:
    other = f"{pushed.partition('@')[0]}@sha256:{OTHER}"
    with pytest.raises(TargetError, match="cannot be pulled"):
        open_container(redis_image=other)
