"""A record survives its way through `results.json`, and outputs are functions of it alone."""

import datetime as dt
import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.record import (
    Changes,
    Forecast,
    LastSeen,
    QueueRecord,
    Recovered,
    RunRecord,
    ServerRecord,
    ServiceRecord,
    Trend,
    TrendPoint,
)
from redis_runbook.redact import Shown, printable, printable_mapping
from redis_runbook.reporting import junit
from redis_runbook.reporting.ctrf import render
from redis_runbook.reporting.previous import parse_record
from redis_runbook.reporting.table import OUTPUTS
from redis_runbook.reporting.text import counts
from redis_runbook.verdict import ExitCode, Finding, LatencyWindow, Suppression, Verdict

NIGHTS = tuple(dt.datetime(2026, 11, day, 3, 17, tzinfo=dt.UTC) for day in (23, 24, 25))

RECORD = RunRecord(
    profile=Shown("gate"),
    selected=(Shown("memory"), Shown("queue.latency")),
    target=Shown("live"),
    announcement=None,
    started_at=dt.datetime(2026, 11, 25, 3, 17, 5, 123456, tzinfo=dt.UTC),
    elapsed_s=31.25,
    services=(
        ServiceRecord(
            name=Shown("queue"),
            role=Shown("queue"),
            address=Shown("redis-queue:6379"),
            window_s=30.0,
            server=ServerRecord(
                product=Shown("redis"),
                version=Shown("7.0.15"),
                mode=Shown("standalone"),
                run_id=Shown("a" * 40),
                rejected_connections=3,
                uptime_s=86_400,
            ),
            last_seen=LastSeen(
                run_id=Shown("a" * 40),
                at=dt.datetime(2026, 11, 25, 3, 17, 5, 123456, tzinfo=dt.UTC),
            ),
        ),
        ServiceRecord(name=Shown("cache"), role=Shown("cache"), address=None, window_s=30.0),
    ),
    queues=(
        QueueRecord(
            service=Shown("queue"),
            name=Shown("bundle:render"),
            longest_wait_s=None,
            backlog=7,
            workers_at_work=2,
            counts={Shown("waiting"): 7, Shown("delayed"): 0},
        ),
    ),
    findings=(
        Finding(
            check=Shown("memory.used_ratio"),
            subject=Shown("queue"),
            verdict=Verdict.FAIL,
            message=Shown("used 83.1 % of maxmemory (limit 80 %) on queue"),
            service=Shown("queue"),
            role=Shown("queue"),
            observed=0.831,
            limit=0.8,
            unit=Shown("ratio"),
            runbook=Shown("2. Monitoring & Alerts"),
            next_steps=(Shown("find what grew"), Shown("raise maxmemory")),
            evidence=printable_mapping({"used": "83.1 MiB", "series": ["a", "b"]}),
            duration_s=0.012,
            why=Shown("at the limit a queue refuses new jobs"),
            window=LatencyWindow(
                window_s=2.0,
                limit_ms=50.0,
                n=400,
                p50_ms=0.1,
                p95_ms=0.3,
                p99_ms=0.4,
                max_ms=1.5,
                steps=((0.0, 0.2), (1.0, None)),
                histogram=((0.125, 300), (0.1768, 0), (0.25, 100)),
            ),
            suppressed=Suppression(
                reason=Shown("known"), owner=Shown("the team"), until=dt.date(2026, 12, 24)
            ),
        ),
        Finding(
            check=Shown("replication.link"),
            subject=Shown("cache"),
            verdict=Verdict.UNKNOWN,
            message=Shown("?"),
            follows_from=Shown("connectivity.reachable[cache]"),
        ),
        Finding(
            check=Shown("latency.slowlog"),
            subject=Shown("cache"),
            verdict=Verdict.UNKNOWN,
            message=Shown("?"),
            advisory=True,
        ),
    ),
    outcome=ExitCode.BROKEN,
    exit_code=ExitCode.BROKEN,
    left_out=4,
    attempt=3,
    waited_s=12.5,
    timeline=(Recovered(at_s=8.4, event=Shown("workers"), subject=Shown("bundle:render")),),
    unwritten=(Shown("cannot write reports/latest.html: Permission denied"),),
    configured_by=Shown("runbook.toml"),
    logins=(Shown("queue at localhost:6379"), Shown("grafana at http://localhost:3000")),
    changes=Changes(
        since=NIGHTS[1],
        newly_broken=(Shown("memory.used_ratio[queue]"),),
        repaired=(Shown("queue.workers[queue/bundle:render]"),),
        still_broken={Shown("queue.depth[queue/bundle:render]"): NIGHTS[0]},
        unclear=(Shown("replication.link[cache]"),),
    ),
    trends=(
        Trend(
            name=Shown("memory.used_ratio[queue]"),
            unit=Shown("ratio"),
            limit=0.8,
            points=(
                TrendPoint(at=NIGHTS[0], verdict=Verdict.PASS, observed=0.6),
                TrendPoint(at=NIGHTS[1], verdict=Verdict.UNKNOWN, observed=None),
                TrendPoint(at=NIGHTS[2], verdict=Verdict.FAIL, observed=0.831),
            ),
            forecast=Forecast(at=NIGHTS[2], earliest=NIGHTS[1], latest=None),
        ),
        Trend(
            name=Shown("replication.link[cache]"),
            unit=None,
            limit=None,
            points=(TrendPoint(at=NIGHTS[2], verdict=Verdict.UNKNOWN, observed=None),),
            forecast=Forecast(at=NIGHTS[1], earliest=NIGHTS[0], latest=NIGHTS[2]),
        ),
    ),
)


def test_a_record_is_read_back_as_it_was() -> None:
    assert parse_record(render(RECORD)) == RECORD


def test_recovery_is_told_of_a_run_that_waited_only() -> None:
    extra = json.loads(render(RECORD))["results"]["extra"]
    assert extra["recovery"] == {
        "attempts": 3,
        "waited_s": 12.5,
        "timeline": [{"at_s": 8.4, "event": "workers", "subject": "bundle:render"}],
    }
    assert (extra["attempt"], extra["waited_s"]) == (3, 12.5)
    did_not_wait = replace(RECORD, timeline=None)
    assert "recovery" not in json.loads(render(did_not_wait))["results"]["extra"]
    assert parse_record(render(did_not_wait)) == did_not_wait


def test_a_document_of_a_version_without_it_was_last_seen_by_nobody() -> None:
    document = json.loads(render(RECORD))
    del document["results"]["extra"]["services"]["queue"]["last_seen"]
    record = parse_record(json.dumps(document))
    assert record.services[0] == replace(RECORD.services[0], last_seen=None)


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(ExitCode))
def test_any_record_is_read_back_as_it_was(text: str, number: float, code: ExitCode) -> None:
    shown = printable(text)
    finding = replace(
        RECORD.findings[0], message=shown, subject=shown, observed=number, evidence={shown: shown}
    )
    record = replace(RECORD, announcement=shown, findings=(finding,), outcome=code, exit_code=code)
    assert parse_record(render(record)) == record


def test_trends_are_told_by_the_runs_that_they_share() -> None:
    told = json.loads(render(RECORD))["results"]["extra"]["trends"]
    assert told["at"] == [at.isoformat() for at in NIGHTS]
    memory, link = told["by_name"].values()
    assert (memory["verdicts"], memory["observed"]) == (
        ["pass", "unknown", "fail"],
        [0.6, None, 0.831],
    )
    assert (link["verdicts"], link["observed"]) == ([None, None, "unknown"], [None] * 3)


def test_a_record_of_before_there_was_a_history_is_read() -> None:
    document = json.loads(render(RECORD))
    del document["results"]["extra"]["changes"], document["results"]["extra"]["trends"]
    assert parse_record(json.dumps(document)) == replace(RECORD, changes=None, trends=())


def test_a_record_of_before_findings_knew_their_level_is_read() -> None:
    document = json.loads(render(RECORD))
    for test in document["results"]["tests"]:
        del test["extra"]["advisory"], test["extra"]["follows_from"]
    del document["results"]["extra"]["unwritten"]
    read = parse_record(json.dumps(document))
    assert [one.name for one in read.findings] == [one.name for one in RECORD.findings]
    assert not any(one.advisory or one.follows_from for one in read.findings)


def test_what_advisory_checks_could_not_tell_or_is_suppressed_is_counted_apart() -> None:
    assert counts(RECORD.findings) == "1 fail (suppressed), 1 unknown, 1 unknown (advisory)"
    assert counts(RECORD.findings[2:]) == "1 unknown (advisory)"


def test_an_advisory_check_that_could_not_look_or_what_is_suppressed_is_no_error() -> None:
    (suite,) = ET.fromstring(junit.render(RECORD))  # noqa: S314  # our own
    counted = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "3", "failures": "0", "errors": "1", "skipped": "2"}
    suppressed, skipped = suite.findall("testcase/skipped")
    assert str(suppressed.get("message")).startswith("FAIL, suppressed until ")
    assert skipped.get("message") == "UNKNOWN (advisory): ?"


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_an_output_says_the_same_of_the_same_record(output: object) -> None:
    render_again = getattr(output, "render")  # noqa: B009  # any output of the table
    assert render_again(RECORD) == render_again(RECORD)


@pytest.mark.parametrize(
    "change",
    [
        {"profile": 1},
        {"services": {"queue": {}}},
        {"servers": {}},
        {"queues": [{"name": "x"}]},
        {"exit_code": 77},
        {"recovery": {"timeline": [{"at_s": "x", "event": "a", "subject": "b"}]}},
        {"recovery": {"timeline": 3}},
        {"changes": {"since": "2026-11-25", "newly_broken": []}},
        {"changes": []},
        {"trends": {"at": ["2026-11-25T03:17:00"], "by_name": {}}},
        {"trends": {"at": [], "by_name": {"a[x]": {"verdicts": ["pass"], "observed": [1]}}}},
        {"trends": {"at": [], "by_name": 7}},
        {"selected": "memory", "counts": None, "attempt": "x"},
    ],
    ids=str,
)
def test_a_damaged_document_is_no_record(change: dict[str, object]) -> None:
    document = json.loads(render(RECORD))
    document["results"]["extra"] |= change
    with pytest.raises(ValueError, match=r"."):
        parse_record(json.dumps(document))
