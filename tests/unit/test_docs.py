"""The guide explains what findings say."""

import pytest

from redis_runbook.catalogue import CATALOGUE
from redis_runbook.judging.cause import Cause
from redis_runbook.judging.stalled import StalledKind
from redis_runbook.session.saved import MAX_BYTES, MAX_ELEMENTS
from tests.support.places import GUIDE, ROOT

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


def test_the_security_page_has_the_limits_of_what_is_judged() -> None:
    limits = f"at most {MAX_BYTES >> 20} MiB and {MAX_ELEMENTS:,} elements of JSON"
    assert limits in (ROOT / "SECURITY.md").read_text()
