"""What every output keeps to: bounded sizes and times, and nothing suppressed counts as failed."""

import time
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from redis_runbook.redact import Shown
from redis_runbook.reporting import github, junit, markdown, nagios, prometheus, tap
from redis_runbook.reporting.output import Output
from redis_runbook.reporting.standing import Standing, concerns, standing
from redis_runbook.reporting.table import OUTPUTS
from redis_runbook.verdict import Finding, Suppression, Verdict
from redis_runbook.wire import own_series as own
from tests.support.hostile_records import findings, hostile, huge, record
from tests.support.promtool import promtool

SUPPRESSED = Suppression(reason=Shown("planned"), owner=Shown("ops"), until=None)


def finding(name: str, verdict: Verdict, **changes: object) -> Finding:
    made = replace(findings(["x"])[0], check=Shown(name), subject=Shown("a"), verdict=verdict)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output", "most_bytes"),
    [(markdown, 1024 * 1024), (github, 256 * 1024), (nagios, 8_000), (tap, 8 * 1024 * 1024)],
)
def test_a_thousand_long_findings_stay_small_and_quick(output: Output, most_bytes: int) -> None:
    made = huge()
    began = time.process_time()
    text = output.render(made)
    assert time.process_time() - began < 5
    assert len(text.encode()) <= most_bytes


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_no_control_character_is_left_in_an_output(output: Output) -> None:
    text = output.render(hostile(raw=False))
    assert all(char.isprintable() or char == "\n" for char in text)


def test_metrics_of_hostile_names_are_metrics() -> None:
    text = prometheus.render(hostile(raw=False))
    checked = promtool("check", "metrics", text=text)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    values = {
        sample.labels[own.SUPPRESSED]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == own.CHECK and " s" in sample.labels["subject"][-2:]
    }
    assert values == {"true"}


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN])
def test_what_is_suppressed_counts_as_failed_nowhere(verdict: Verdict) -> None:
    one = finding("memory.used_ratio", verdict, suppressed=SUPPRESSED)
    made = record([one])
    assert standing(one) is Standing.SKIPPED
    (suite,) = ET.fromstring(junit.render(made))  # noqa: S314  # our own
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "1")
    assert "::error" not in github.render(made)
    for text in (markdown.render(made), github.render(made), tap.render(made)):
        assert f"{verdict.label}, suppressed without an end by ops" in text


def test_what_follows_from_something_suppressed_is_told_for_itself() -> None:
    cause = finding("connectivity.reachable", Verdict.FAIL, suppressed=SUPPRESSED)
    after = finding("memory.used_ratio", Verdict.UNKNOWN, follows_from=Shown(cause.name))
    later = finding("queue.depth", Verdict.UNKNOWN, follows_from=Shown(after.name))
    made = record([cause, after, later])
    told = concerns(made, Verdict.UNKNOWN)
    names = [one.name for group in told for one in group.findings]
    assert names == [after.name, later.name]
    open_cause = replace(cause, suppressed=None)
    assert not concerns(record([open_cause, after, later]), Verdict.UNKNOWN)
