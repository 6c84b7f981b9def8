"""What a test needs and may not find."""

import pytest


def require(condition: bool, reason: str) -> None:  # noqa: FBT001  # reads as the sentence it is
    """Skip with the reason; in CI, where nothing may be skipped, conftest.py makes it a failure."""
    if not condition:
        pytest.skip(reason)
