"""Images of containers: pulled where they are not present, for as long as the user is patient."""

import threading
from dataclasses import dataclass
from typing import Final

import docker
from docker.errors import ImageNotFound
from docker.utils import parse_repository_tag
from testcontainers.core.config import testcontainers_config

from redis_runbook.redact import harmless
from redis_runbook.targets.target import TargetError
from redis_runbook.wire.background import in_background
from redis_runbook.wire.docker.client import TROUBLE, explain


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for an image: for the registry's first answer, and for the whole pull."""

    registry_s: float
    image_s: float


PATIENT: Final = Patience(registry_s=15, image_s=180)
"""For a user who asked for containers."""
IMPATIENT: Final = Patience(registry_s=2, image_s=30)
"""For `auto`, which can fall back to embedded servers."""


def ensure_image(api: docker.APIClient, image: str, patience: Patience) -> str:
    """Pull an image unless it is present; returns its name, with the prefix of testcontainers.

    Raises:
        TargetError: it is not, and cannot be pulled.
    """
    name = testcontainers_config.hub_image_name_prefix + image
    try:
        api.inspect_image(name)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        problem = _pull(api, name, patience)
    except TROUBLE as error:
        problem = explain(error)
    else:
        return name
    if problem:
        raise TargetError(f"the image {image} is not here and cannot be pulled: {problem}")
    return name


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
