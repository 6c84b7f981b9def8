"""A server of each kind, for tests that write a queue's keys themselves."""

from collections.abc import Iterator

import pytest
import redis

from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.programs import program
from tests.support.servers import Server, running


@pytest.fixture(scope="module", params=["redis-6.2", "redis-7.0", "valkey-9"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(program=program(request.param)) as started:
        yield started


@pytest.fixture
def raw(server: Server) -> "Iterator[redis.Redis]":
    with server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with connected(parse_endpoint(server.url), "queue", timeout_s=10) as opened:
        yield opened
