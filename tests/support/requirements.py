"""What a test needs and may not find."""

import shutil

import pytest


def require(condition: bool, reason: str) -> None:  # noqa: FBT001  # reads as the sentence it is
    """Skip with the reason; in CI, where nothing may be skipped, conftest.py makes it a failure."""
    if not condition:
        pytest.skip(reason)


def installed(program: str) -> str:
    """The path of a program that the test starts, or a skip that names it."""
    found = shutil.which(program)
    require(found is not None, f"{program} is not installed")
    return str(found)
