"""What tests need of the machine: skipped with the reason where it is absent, or failed in CI."""

import os

import pytest

REQUIRE_ALL = "RUNBOOK_TEST_REQUIRE_SERVICES"
"""Set to 1 where nothing may be skipped."""


def require(condition: bool, reason: str) -> None:  # noqa: FBT001  # reads like an assertion
    """Go on if the condition holds; else skip the test, or fail it where nothing may be skipped."""
    if condition:
        return
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{reason} ({REQUIRE_ALL}=1 forbids the skip)", pytrace=False)
    pytest.skip(reason)
