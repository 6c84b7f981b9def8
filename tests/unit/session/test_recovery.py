"""What `--wait` tells of what came back, and what it does not."""

from collections.abc import Mapping
from dataclasses import replace

from redis_runbook.record import RunRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting import text
from redis_runbook.reporting.page.render import render
from redis_runbook.session.recovery import at_exit, timeline
from redis_runbook.verdict import ExitCode, Finding, Verdict
from tests.unit.reporting.test_record import RECORD

QUEUE, CACHE = "connectivity.reachable[queue]", "connectivity.reachable[cache]"
WORKERS, EXPORTER = "queue.workers[render]", "exporter.reachable[queue]"
JWT, WRITABLE = "jwt_cache.populated[cache]", "connectivity.writable[queue]"
AWAY = {QUEUE: "fail", EXPORTER: "fail", WORKERS: "unknown", WRITABLE: "unknown"}
ALL = dict.fromkeys((QUEUE, WRITABLE, EXPORTER, WORKERS), "pass")


def finding(name: str, verdict: str) -> Finding:
    check, _, subject = name.removesuffix("]").partition("[")
    return Finding(
        check=Shown(check),
        subject=Shown(subject),
        verdict=Verdict(verdict),
        message=Shown("."),
        service=Shown("cache" if subject == "cache" else "queue"),
        observed=1 if verdict == "pass" else 0,
        limit=1,
    )


def waited(*attempts: Mapping[str, str], run_ids: str = "aaaaaaaaa") -> RunRecord:
    """The last record of these attempts, 10 s apart; their n-th finding is made after n seconds."""
    before: RunRecord | None = None
    for number, verdicts in enumerate(attempts):
        findings = [finding(name, verdict) for name, verdict in verdicts.items()]
        broken = any(verdict != "pass" for verdict in verdicts.values())
        code = ExitCode.BROKEN if broken else ExitCode.HEALTHY
        queue, cache = RECORD.services
        server = replace(queue.server, run_id=Shown(run_ids[number])) if queue.server else None
        record = replace(
            RECORD,
            services=(replace(queue, server=server), cache),
            findings=findings,
            outcome=code,
            exit_code=code,
            attempt=number + 1,
            waited_s=10.0 * number,
            elapsed_s=8.04,
        )
        found_s = {one.name: at + 1.0 for at, one in enumerate(findings)}
        before = replace(record, timeline=timeline(record, before, found_s=found_s))
    assert before
    return before


def told(*attempts: Mapping[str, str], run_ids: str = "aaaaaaaaa") -> str:
    return text.timeline(waited(*attempts, run_ids=run_ids))


def test_what_came_back_is_told_in_order_with_its_time() -> None:
    said = told(AWAY, {**AWAY, QUEUE: "pass"}, {**ALL, WORKERS: "unknown"}, {**ALL, JWT: "pass"})
    assert said == (
        "queue reachable after 11.0 s · exporter of queue after 23.0 s · workers of render after "
        "34.0 s · jwt cache after 35.0 s · healthy after 38.0 s"
    )


def test_what_was_there_from_the_start_is_not_told() -> None:
    assert told(ALL) == ""
    assert told({**ALL, WORKERS: "fail"}, ALL) == (
        "workers of render after 14.0 s · healthy after 18.0 s"
    )


def test_what_flapped_has_the_last_time_or_none() -> None:
    up = {**AWAY, QUEUE: "pass"}
    assert told(AWAY, up, AWAY, up) == "queue reachable after 31.0 s · not healthy after 38.0 s"
    assert told(AWAY, up, AWAY) == ""
    assert told(up, AWAY, up) == "queue reachable after 21.0 s · not healthy after 28.0 s"
    # What nobody looked at any more is not known to hold.
    assert told(AWAY, {**AWAY, QUEUE: "pass"}, {EXPORTER: "fail"}) == ""


def test_a_server_that_was_restarted_in_between_came_back_with_the_last_process() -> None:
    up = {QUEUE: "pass", WORKERS: "fail"}
    there = "queue reachable after 21.0 s · workers of render after 22.0 s · healthy after 28.0 s"
    assert told(up, up, {QUEUE: "pass", WORKERS: "pass"}, run_ids="aab") == there
    assert told(up, up, {QUEUE: "pass", WORKERS: "pass"}, run_ids="aaa") == (
        "workers of render after 22.0 s · healthy after 28.0 s"
    )


def test_another_check_is_told_by_its_id_once_it_was_broken_by_itself() -> None:
    refuses = {QUEUE: "pass", WRITABLE: "fail"}
    writes = {QUEUE: "pass", WRITABLE: "pass"}
    assert told(refuses, writes) == (
        "connectivity.writable of queue after 12.0 s · healthy after 18.0 s"
    )
    assert "writable" not in told({QUEUE: "fail", WRITABLE: "unknown"}, writes)


def test_a_queue_that_needs_no_worker_has_none_that_came_back() -> None:
    none_there = replace(finding(WORKERS, "pass"), observed=0, limit=0)
    before = waited({QUEUE: "fail"})
    record = replace(before, attempt=2, findings=[none_there], outcome=ExitCode.BROKEN)
    assert timeline(record, before, found_s={}) == ()


def test_a_warning_of_an_advisory_check_is_not_back() -> None:
    before = waited({QUEUE: "fail"})
    warns = replace(finding(QUEUE, "warn"), advisory=True)
    record = replace(before, attempt=2, findings=[warns], outcome=ExitCode.HEALTHY)
    assert [one.event for one in timeline(record, before, found_s={})] == ["healthy"]


def test_what_came_back_together_is_told_together() -> None:
    queues = {f"queue.workers[q{number}]": "pass" for number in range(5)}
    before = waited(dict.fromkeys(queues, "fail"))
    findings = [finding(name, verdict) for name, verdict in queues.items()]
    record = replace(before, attempt=2, waited_s=10.0, findings=findings, outcome=ExitCode.BROKEN)
    found_s = {one.name: 3 + at / 10 for at, one in enumerate(findings)}
    record = replace(record, timeline=timeline(record, before, found_s=found_s))
    assert text.timeline(record).startswith("workers of q0, q1, q2 and 2 more after 13.4 s · ")


def test_a_run_whose_report_is_missing_did_not_become_healthy() -> None:
    record = waited(AWAY, ALL)
    assert at_exit(record.timeline, ExitCode.HEALTHY) == record.timeline
    left = at_exit(record.timeline, ExitCode.UNDETERMINED) or ()
    assert [one.event for one in left] == ["reachable", "exporter", "workers"]
    assert at_exit(None, ExitCode.UNDETERMINED) is None


def test_the_page_tells_it_where_something_came_back() -> None:
    record = waited(AWAY, ALL)
    assert f'<p class="timeline">{text.timeline(record)}</p>' in render(record, title="", own=None)
    from_the_start = replace(RECORD, timeline=())
    assert "timeline" not in render(from_the_start, title="", own=None).partition("</style>")[2]
