"""What a record says of findings that tell of one cause."""

import itertools
from dataclasses import replace

import pytest

from redis_runbook.config.profiles import PROFILES
from redis_runbook.redact import Shown
from redis_runbook.reporting.grouping import groups
from redis_runbook.reporting.page.render import render
from redis_runbook.session.run import Run
from redis_runbook.session.run_record import make_record
from redis_runbook.verdict import Finding, Verdict
from tests.support.loading import as_loaded, configured

MEMORY = Finding(
    check=Shown("memory.used_ratio"),
    subject=Shown("cache"),
    verdict=Verdict.FAIL,
    message=Shown("used 90 %"),
)
WINDOW = replace(
    MEMORY,
    check=Shown("monitoring.windows"),
    subject=Shown("cache/RedisMemory"),
    follows_from=Shown(MEMORY.name),
)
ALERT = replace(WINDOW, check=Shown("monitoring.alerts"), subject=Shown("prometheus"))
TOLD = {
    ("unknown", "fail"),
    ("unknown", "unknown"),
    ("fail", "fail"),
    ("warn", "fail"),
    ("warn", "warn"),
}


def recorded(*findings: Finding) -> dict[str, Finding]:
    run = Run(as_loaded(configured()), PROFILES["smoke"], environ={})
    for finding in findings:
        run.record(finding)
    return {finding.name: finding for finding in make_record(run).findings}


@pytest.mark.parametrize(("verdict", "cause"), [*itertools.product(Verdict, Verdict)])
def test_a_finding_follows_from_one_that_tells_of_the_same_cause(
    verdict: Verdict, cause: Verdict
) -> None:
    # The cause may come later, as latency does.
    found = recorded(replace(WINDOW, verdict=verdict), replace(MEMORY, verdict=cause))
    expected = MEMORY.name if (verdict.value, cause.value) in TOLD else None
    assert found[WINDOW.name].follows_from == expected
    assert recorded(replace(WINDOW, verdict=verdict))[WINDOW.name].follows_from is None


def test_three_witnesses_of_one_broken_thing_are_told_together() -> None:
    run = Run(as_loaded(configured()), PROFILES["smoke"], environ={})
    for finding in (MEMORY, WINDOW, ALERT):
        run.record(finding)
    record = make_record(run)
    (group,) = groups(record.needs_attention, record)
    assert (group.first, group.others) == (MEMORY, [WINDOW, ALERT])
    page = render(record, title="", own=None)
    assert page.count("<article") == 1
    assert page.count("follow from it: 2") == 1
