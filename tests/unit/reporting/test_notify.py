"""When somebody is notified: once on change; and with which words."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest

from redis_runbook.config.notify import Event, masked_url, url_secrets
from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting.notify.change import Notified, change
from redis_runbook.reporting.notify.message import message
from redis_runbook.reporting.notify.notified import occasion
from redis_runbook.verdict import ExitCode, Finding, Suppression, Verdict, exit_code

ALL: Sequence[Event] = ("broken", "recovered", "unknown")
QUEUE = ServiceRecord(
    name=Shown("queue"), role=Shown("queue"), address=Shown("redis-queue:6379"), window_s=2.0
)


def record(*findings: Finding) -> RunRecord:
    code = exit_code([finding(Verdict.PASS, "held"), *findings])
    return RunRecord(
        profile=Shown("nightly"),
        selected=(),
        target=Shown("live"),
        announcement=None,
        started_at=dt.datetime(2026, 11, 26, 3, 17, tzinfo=dt.UTC),
        elapsed_s=2.0,
        services=(QUEUE,),
        queues=(),
        findings=(finding(Verdict.PASS, "held"), *findings),
        outcome=code,
        exit_code=code,
    )


def finding(verdict: Verdict, subject: str, check: str = "queue.depth") -> Finding:
    return Finding(
        check=Shown(check),
        subject=Shown(subject),
        verdict=verdict,
        message=Shown(f"about {subject}"),
        next_steps=(Shown(f"mend {subject}"), Shown("look again")),
    )


def broken(*subjects: str) -> RunRecord:
    return record(*(finding(Verdict.FAIL, subject) for subject in subjects))


def unknown(*subjects: str) -> RunRecord:
    return record(*(finding(Verdict.UNKNOWN, subject) for subject in subjects))


HEALTHY = record()
PARTLY = record(finding(Verdict.FAIL, "a"), finding(Verdict.UNKNOWN, "u"))


@pytest.mark.parametrize(
    ("on", "nights", "events"),
    [
        (ALL, [HEALTHY], [None]),
        (ALL, [broken("a"), broken("a"), HEALTHY, HEALTHY], ["broken", None, "recovered", None]),
        (ALL, [broken("a"), broken("a", "b"), broken("b")], ["broken", "broken", None]),
        # It was notified, and nobody has said that it was repaired.
        (ALL, [broken("a"), broken("b"), broken("a")], ["broken", "broken", None]),
        (ALL, [broken("a", "b"), broken("a"), broken("a", "b")], ["broken", None, None]),
        (ALL, [broken("a"), HEALTHY, broken("a")], ["broken", "recovered", "broken"]),
        (ALL, [unknown("u"), unknown("u"), unknown("u", "v")], ["unknown", None, "unknown"]),
        (ALL, [unknown("u"), PARTLY, HEALTHY], ["unknown", "broken", "recovered"]),
        (ALL, [broken("a"), unknown("a"), broken("a")], ["broken", "unknown", "broken"]),
        (
            ("broken", "recovered"),
            [unknown("u"), HEALTHY, broken("a"), unknown("a"), broken("a"), HEALTHY],
            [None, None, "broken", None, None, "recovered"],
        ),
        # Without a word about the recovery, what breaks again is news all the same.
        (("broken",), [broken("a"), HEALTHY, broken("a")], ["broken", None, "broken"]),
        (("unknown",), [broken("a"), unknown("u"), HEALTHY], [None, "unknown", None]),
    ],
)
def test_a_change_is_told_once(
    on: Sequence[Event], nights: Sequence[RunRecord], events: Sequence[Event | None]
) -> None:
    notified: Notified | None = None
    found = []
    for night in nights:
        event, notified = change(night, notified, on)
        found.append(event)
    assert found == events


@pytest.mark.parametrize("code", [ExitCode.NOTHING_CHECKED, ExitCode.INTERRUPTED])
def test_a_run_that_says_nothing_changes_nothing(code: ExitCode) -> None:
    _, notified = change(broken("a"), None, ALL)
    assert change(replace(HEALTHY, exit_code=code), notified, ALL) == (None, notified)


def test_what_is_suppressed_or_follows_is_no_news() -> None:
    why = Suppression(reason=Shown("r"), owner=Shown("o"), until=None)
    quiet = replace(finding(Verdict.FAIL, "q"), suppressed=why)
    follower = replace(finding(Verdict.FAIL, "w"), follows_from=Shown("queue.depth[a]"))
    _, notified = change(broken("a"), None, ALL)
    assert change(record(quiet), None, ALL).event is None
    assert change(record(finding(Verdict.FAIL, "a"), follower), notified, ALL).event is None
    advisory = replace(finding(Verdict.UNKNOWN, "u"), advisory=True)
    assert change(record(advisory), None, ALL).event is None


# The words


def test_ten_causes_are_told_with_their_first_step_and_the_new_ones_first() -> None:
    causes = [finding(Verdict.FAIL, f"s{n}", f"acme.check{n}") for n in range(12)]
    before = Notified(status="broken", broken=tuple(Shown(one.name) for one in causes[:3]))
    body = message(record(*causes), "broken", before).body
    lines = body.splitlines()
    assert lines[0] == "BROKEN: 12 invariants are broken (12 fail, 1 pass)"
    assert lines[1] == "nightly of 2026-11-26 03:17 UTC: queue at redis-queue:6379"
    assert lines[3:5] == ["acme.check3[s3]: about s3", "next: mend s3"]
    assert "look again" not in body
    assert sum(line.startswith("acme.") for line in lines) == 10
    assert lines[-1] == "and 2 more: see the report"


def test_sixty_queues_are_one_line() -> None:
    many = broken(*(f"tenant-{number:02}" for number in range(60)))
    body = message(many, "broken", None).body
    assert "queue.depth, 60 subjects: about tenant-00 (tenant-00 … tenant-59)" in body
    assert len(body) < 500


def test_its_size_is_bounded() -> None:
    many = record(
        *(
            replace(
                finding(Verdict.FAIL, "s" * 160 + str(number), f"acme.c{number}"),
                message=Shown("m" * 2000),
                next_steps=(Shown("n" * 2000),),
            )
            for number in range(300)
        )
    )
    assert len(message(many, "broken", None).body) < 10_000
    names = tuple(Shown("x" * 500) for _ in range(3_000))
    before = Notified(status="broken", broken=names)
    assert len(message(HEALTHY, "recovered", before).body) < 3_000


@pytest.mark.parametrize(
    "live", ["@everyone", "@here", "<!channel>", "<@U024BE7LH>", "[x](http://evil)"]
)
def test_no_name_mentions_anybody(live: str) -> None:
    body = message(broken(live), "broken", None).body
    assert live not in body
    assert live in body.replace("\N{ZERO WIDTH SPACE}", "")


def test_a_recovery_says_what_was_wrong_and_where_the_report_is() -> None:
    names = {"broken": (Shown("memory.a[queue]"),), "unknown": (Shown("memory.b[queue]"),)}
    before = Notified(status="broken", **names)
    lines = message(HEALTHY, "recovered", before, "/srv/reports/latest.html on h").body.splitlines()
    assert lines[2:] == [
        "was broken: memory.a[queue]",
        "was not determined: memory.b[queue]",
        "",
        "report: /srv/reports/latest.html on h",
    ]


# To whom


def test_another_place_profile_or_part_is_another_occasion() -> None:
    run = broken("a")
    keys = {
        occasion(run, "OPS_URL 1"),
        occasion(run, "OTHER_URL 1"),
        occasion(replace(run, profile=Shown("smoke")), "OPS_URL 1"),
        occasion(replace(run, left_out=3, selected=(Shown("memory"),)), "OPS_URL 1"),
        occasion(replace(run, left_out=3), "OPS_URL 1"),
        occasion(
            replace(run, services=(replace(QUEUE, address=Shown("staging:6379")),)), "OPS_URL 1"
        ),
    }
    assert len(keys) == 6


@pytest.mark.parametrize(
    ("url", "secret", "shown"),
    [
        ("slack://TokenAAAA/TokenBBBB/TokenCCCC/#ops", "TokenAAAA", "slack://***"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO", "JHMHI8qBe7bk2ZwO", "discord://***"),
        ("mailto://user:pass%20word1@gmail.com", "pass word1", "mailto://***"),
        ("json://h.example.org:1/p?token=abcdefgh12", "abcdefgh12", "json://***"),
        ("tgram://123456:abcdefghijk/12315544", "123456:abcdefghijk", "tgram://***"),
    ],
)
def test_every_part_of_a_url_that_is_no_host_is_a_secret(url: str, secret: str, shown: str) -> None:
    found = {*url_secrets(url)}
    assert {url, secret} <= found
    assert not found & {"h.example.org:1", "gmail.com", "h.example.org"}
    assert masked_url(url) == shown
