"""The container target with the images of the tests."""

import os
from typing import Any

import redis

from redis_runbook.targets.choose import open_target
from redis_runbook.targets.target import Target
from tests.support.targets import config

IMAGES = {
    "redis_image": "redis-runbook-test/redis:7",
    "exporter_image": "redis-runbook-test/exporter:1.45",
    "iptables_image": "redis-runbook-test/iptables:1.8",
}

ENVIRONMENT = {f"REDIS_RUNBOOK_CONTAINER__{key.upper()}": image for key, image in IMAGES.items()}
"""The same, for a process of its own."""


def open_container(requested: Any = "container", **images: str) -> Target:
    settings = config(container={**IMAGES, **images})
    return open_target(settings, os.environ, requested=requested, profile="smoke")


def client(opened: Target, name: str) -> redis.Redis:
    (service,) = (service for service in opened.services if service.name == name)
    assert service.endpoint
    return redis.Redis(
        host=service.endpoint.host,
        port=service.endpoint.port,
        password=service.endpoint.password,
        protocol=2,
    )
