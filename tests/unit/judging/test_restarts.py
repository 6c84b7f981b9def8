"""A restart that is worth a warning: another process than minutes ago, and a young one."""

from dataclasses import replace
from typing import cast

import pytest

from redis_runbook.judging.restarts import SeenBefore, restarted
from redis_runbook.probes.server import ServerFacts
from redis_runbook.redact import NO_TEXT
from tests.support.check_cases import HEALTHY, RUN_ID

OTHER = "b" * 40
SERVER = cast("ServerFacts", HEALTHY["server"])


@pytest.mark.parametrize(
    ("uptime_s", "run_id", "ago_s", "warns"),
    [
        (2, OTHER, 40, True),
        (59, OTHER, 600, True),
        (2, RUN_ID, 40, False),  # the same process
        (60, OTHER, 40, False),  # it stays up
        (2, OTHER, 601, False),  # one restart since an older run
        (2, OTHER, -1, False),  # the clock was set back in between
    ],
)
def test_only_a_young_process_after_another_a_moment_ago_is_a_restart_that_goes_on(
    uptime_s: int,
    run_id: str,
    ago_s: float,
    warns: bool,  # noqa: FBT001  # a column of the table
) -> None:
    said = restarted(replace(SERVER, uptime_s=uptime_s), SeenBefore(run_id=run_id, ago_s=ago_s))
    assert said.startswith(f"restarted {uptime_s} s ago, and the run of {ago_s} s ago") is warns
    assert bool(said) is warns


def test_who_was_never_seen_before_or_tells_no_id_has_not_restarted() -> None:
    assert not restarted(replace(SERVER, uptime_s=2), None)
    nameless = replace(SERVER, uptime_s=2, run_id=NO_TEXT)
    assert not restarted(nameless, SeenBefore(run_id=OTHER, ago_s=4))
