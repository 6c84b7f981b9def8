"""Whatever the answers, they take little memory."""

import pytest


@pytest.fixture(autouse=True)
def _every_test_takes_little_memory(_little_memory: None) -> None:
    """Measure it."""
