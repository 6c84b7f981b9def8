"""Fixtures of the product's own tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, running


@pytest.fixture(scope="session")
def healthy() -> Iterator[Server]:
    """One healthy server that no test changes: a queue that has data, saves and evicts nothing."""
    with running(
        "--maxmemory", "100mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes"
    ) as server:
        client = server.client()
        for number in range(50):
            client.set(f"jwt:{number}", "{}", ex=3600)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the product runs: empty."""
    return tmp_path / "run"
