"""Here the servers are of the program that comes with the product."""

from collections.abc import Iterator

import pytest

from tests.support.healthy import HEALTHY, fill
from tests.support.programs import bundled
from tests.support.servers import Server
from tests.support.sleepers import new_mark


@pytest.fixture(scope="session")
def healthy() -> Iterator[Server]:
    """One healthy server that no test changes."""
    with bundled(*HEALTHY) as server:
        fill(server)
        yield server


@pytest.fixture
def mark() -> str:
    """A number of seconds that no other process sleeps: see `sleepers`."""
    return new_mark()
