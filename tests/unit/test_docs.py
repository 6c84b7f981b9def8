"""The guide explains what findings say."""

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.judging.cause import Cause
from redis_runbook.judging.stalled import StalledKind
from tests.support.places import GUIDE

# The guide


@pytest.mark.parametrize(
    "words",
    [
        *(check_id for check_id in CATALOGUE if check_id.startswith("queue.")),
        *(cause.value for cause in Cause if cause is not Cause.NOTHING_WAITS),
        *(kind.value for kind in StalledKind),
    ],
)
def test_the_guide_explains_every_check_and_every_cause(words: str) -> None:
    assert f"`{words}`" in GUIDE.read_text()
