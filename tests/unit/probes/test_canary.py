"""Whether what came back is what was written."""

from typing import Any

import pytest

from redis_runbook.probes.canary import _why_not


@pytest.mark.parametrize(
    ("replies", "refusal"),
    [
        ((b"OK", b"token", 1), ""),
        ((b"OK", b"other", 1), "what was written could not be read back"),
        ((b"OK", None, 0), "what was written could not be read back"),
        ((None, None, 0), "SET was not answered with OK"),
        ((b"OK", b"token", 0), "the canary could not be removed"),
    ],
)
def test_a_canary_that_is_not_what_was_written_is_a_why_not(
    replies: tuple[Any, Any, Any], refusal: str
) -> None:
    assert _why_not(*replies, "token") == refusal
