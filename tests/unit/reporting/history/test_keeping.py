"""Which runs are kept and compared, and what is dropped."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from redis_runbook.config.history import HistorySettings
from redis_runbook.record import RunRecord, ServiceRecord
from redis_runbook.redact import Shown
from redis_runbook.reporting.history import store
from redis_runbook.reporting.history.choice import is_kept
from redis_runbook.reporting.history.keeping import FILE, History
from redis_runbook.verdict import ExitCode, Verdict
from tests.support.history import finding, kept, night

BROKEN = finding("queue.workers[queue/a]", "fail")
SOUND = finding("queue.workers[queue/a]")


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        return db.execute(query).fetchall()


# Which runs


@pytest.mark.parametrize(
    ("change", "settings", "expected"),
    [
        ({}, {}, True),
        ({"profile": "smoke"}, {}, False),
        ({"profile": "smoke"}, {"every_run": True}, True),
        ({}, {"enabled": False}, False),
        ({}, {"enabled": False, "every_run": True}, False),
        ({"target": "embedded"}, {"every_run": True}, False),
        ({"target": None}, {}, False),
        ({"judged_at": night(1).started_at}, {}, False),
        ({"interrupted": True}, {}, False),
        ({"outcome": ExitCode.UNDETERMINED}, {}, True),
    ],
)
def test_a_complete_look_at_live_services_is_kept(
    change: dict[str, object],
    settings: dict[str, bool],
    expected: bool,  # noqa: FBT001
) -> None:
    record: RunRecord = replace(night(0, SOUND), **change)  # type: ignore[arg-type]
    assert is_kept(record, HistorySettings(**settings)) is expected


# What they are compared with


def test_a_run_is_compared_with_the_last_one(tmp_path: Path) -> None:
    assert kept(tmp_path, night(0, SOUND)).changes is None
    broke = kept(tmp_path, night(1, BROKEN))
    assert broke.changes
    assert (broke.changes.since, broke.changes.newly_broken) == (
        night(0).started_at,
        ("queue.workers[queue/a]",),
    )
    still = kept(tmp_path, night(3, BROKEN))
    assert still.changes
    assert still.changes.still_broken == {"queue.workers[queue/a]": night(1).started_at}
    mended = kept(tmp_path, night(4, SOUND))
    assert mended.changes
    assert mended.changes.repaired == ("queue.workers[queue/a]",)


@pytest.mark.parametrize(
    "change",
    [
        {"profile": Shown("smoke")},
        {"selected": (Shown("queue"),)},
        {"left_out": 3},
        {"services": ()},
        {"services": (replace(night(0).services[0], address=Shown("elsewhere:6379")),)},
        {"services": (replace(night(0).services[0], address=None),)},
        {"services": (replace(night(0).services[0], name=Shown("other")),)},
    ],
    ids=str,
)
def test_a_run_of_something_else_is_not_compared(change: dict[str, object], tmp_path: Path) -> None:
    kept(tmp_path, night(0, SOUND), every_run=True)
    kept(tmp_path, replace(night(1, BROKEN), **change), every_run=True)  # type: ignore[arg-type]
    added = kept(tmp_path, night(2, BROKEN), every_run=True)
    assert added.changes
    assert added.changes.since == night(0).started_at
    assert added.changes.newly_broken == ("queue.workers[queue/a]",)


def test_the_order_of_services_and_of_a_selection_is_no_difference(tmp_path: Path) -> None:
    queue = night(0).services[0]
    cache: ServiceRecord = replace(queue, name=Shown("cache"))
    some = (Shown("queue"), Shown("memory"))
    kept(tmp_path, night(0, SOUND, services=(queue, cache), selected=some))
    added = kept(tmp_path, night(1, SOUND, services=(cache, queue), selected=some[::-1]))
    assert added.changes


def test_a_run_whose_clock_was_ahead_is_not_the_last_one(tmp_path: Path) -> None:
    kept(tmp_path, night(0, SOUND))
    kept(tmp_path, night(50, BROKEN))
    added = kept(tmp_path, night(1, BROKEN))
    assert added.changes
    assert added.changes.newly_broken


def test_an_attempt_comes_in_the_place_of_the_one_before(tmp_path: Path) -> None:
    kept(tmp_path, night(0, SOUND))
    first = night(1, BROKEN)
    kept(tmp_path, first)
    history = History(tmp_path, HistorySettings())
    added = history.add(night(1.001, BROKEN, attempt=2), first)
    assert history.problems() == []
    assert added.changes
    assert (added.changes.since, len(added.changes.newly_broken)) == (night(0).started_at, 1)
    assert rows(tmp_path, "SELECT count(*) FROM runs") == [(2,)]
    assert rows(tmp_path, "SELECT count(*) FROM findings") == [(2,)]


def test_what_another_unit_was_observed_in_counts_as_not_measured(tmp_path: Path) -> None:
    kept(tmp_path, night(0, finding("a[queue]", observed=700.0, unit=Shown("ms"))))
    kept(tmp_path, night(1, finding("a[queue]", observed=0.7)))
    added = kept(tmp_path, night(2, finding("a[queue]", observed=0.6)))
    assert [point.observed for point in added.trends[0].points] == [None, 0.7, 0.6]


def test_findings_whose_names_are_masked_alike_are_the_worst_of_them(tmp_path: Path) -> None:
    both = (finding("a[[redacted]]"), finding("a[[redacted]]", "fail"))
    kept(tmp_path, night(0, *both))
    assert rows(tmp_path, "SELECT verdict FROM findings") == [("fail",)]
    added = kept(tmp_path, night(1, *both))
    assert added.changes
    assert list(added.changes.still_broken) == ["a[[redacted]]"]


# Trends


def test_a_trend_has_the_last_30_runs_and_this_one_with_its_forecast(tmp_path: Path) -> None:
    for number in range(40):
        memory = finding("memory.used_ratio[queue]", observed=0.3 + 0.01 * number)
        other = finding("latency.slowlog[queue]", observed=0.3 + 0.01 * number)
        added = kept(tmp_path, night(number, memory, other))
    trends = {trend.name: trend for trend in added.trends}
    memory_trend = trends[Shown("memory.used_ratio[queue]")]
    assert [point.at for point in memory_trend.points] == [
        night(number).started_at for number in range(9, 40)
    ]
    assert memory_trend.points[-1].observed == pytest.approx(0.69)
    assert memory_trend.forecast
    assert memory_trend.forecast.at.date() == night(50).started_at.date()
    assert trends[Shown("latency.slowlog[queue]")].forecast is None


def test_what_has_no_past_or_does_not_apply_has_no_trend(tmp_path: Path) -> None:
    old, off = finding("a[queue]"), finding("off[queue]", "not_applicable")
    assert kept(tmp_path, night(0, old, off)).trends == ()
    added = kept(tmp_path, night(1, old, off, finding("new[queue]")))
    assert [trend.name for trend in added.trends] == ["a[queue]"]


def test_of_very_many_findings_the_broken_ones_and_those_of_services_have_trends(
    tmp_path: Path,
) -> None:
    many = [finding(f"queue.depth[queue/{number}]") for number in range(400)]
    some = [finding("memory.used_ratio[queue]"), finding("queue.workers[queue/399]", "fail")]
    kept(tmp_path, night(0, *many, *some))
    added = kept(tmp_path, night(1, *many, *some))
    assert len(added.trends) == 300
    assert [trend.name for trend in added.trends[:2]] == [
        "queue.workers[queue/399]",
        "memory.used_ratio[queue]",
    ]
    assert added.trends[0].points[-1].verdict is Verdict.FAIL


# What is dropped


def test_runs_that_are_too_old_are_dropped_when_one_is_added(tmp_path: Path) -> None:
    for number in (0, 1, 2, 10):
        kept(tmp_path, night(number, SOUND), keep=8.5 * 86_400)
    assert rows(tmp_path, "SELECT count(*) FROM runs") == [(2,)]
    assert rows(tmp_path, "SELECT count(*) FROM findings") == [(2,)]


def test_the_newest_are_kept_of_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_RUNS", 3)
    for number in range(5):
        kept(tmp_path, night(number, SOUND))
    assert rows(tmp_path, "SELECT started_us FROM runs ORDER BY 1") == [
        (int(night(number).started_at.timestamp() * 1e6),) for number in (2, 3, 4)
    ]
    monkeypatch.setattr(store, "MOST_FINDINGS", 4)
    kept(tmp_path, night(5, *(finding(f"a[{number}]") for number in range(3))))
    assert rows(tmp_path, "SELECT size FROM runs ORDER BY started_us") == [(1,), (3,)]
    kept(tmp_path, night(6, *(finding(f"a[{number}]") for number in range(9))))
    assert rows(tmp_path, "SELECT size FROM runs") == [(9,)]  # the newest, however large


def test_a_clock_that_jumped_drops_no_other_run(tmp_path: Path) -> None:
    for number in (0, 1, 2, 300, 3):
        kept(tmp_path, night(number, SOUND), keep=90 * 86_400)
    assert rows(tmp_path, "SELECT count(*) FROM runs") == [(5,)]
    kept(tmp_path, night(301, SOUND), keep=90 * 86_400)
    assert rows(tmp_path, "SELECT count(*) FROM runs") == [(2,)]


def test_names_that_no_run_has_any_more_go_in_the_end(tmp_path: Path) -> None:
    for number in range(4):
        findings = [finding(f"queue.depth[queue/{number}-{job}]") for job in range(700)]
        kept(tmp_path, night(20 * number, *findings), keep=86_400)
    assert rows(tmp_path, "SELECT count(*) FROM names") == [(700,)]


# The file


def test_the_file_is_for_the_user_and_the_group(tmp_path: Path) -> None:
    kept(tmp_path, night(0, SOUND))
    (tmp_path / FILE).chmod(0o666)
    kept(tmp_path, night(1, SOUND))
    for file in (FILE, "index.html"):
        assert (tmp_path / file).stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {FILE, "index.html"}


def test_a_link_of_the_users_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere" / "kept.sqlite")
    kept(tmp_path, night(0, SOUND))
    assert (tmp_path / FILE).is_symlink()
    assert rows(tmp_path / "elsewhere" / "..", "SELECT count(*) FROM runs") == [(1,)]


def test_how_the_run_ended_is_noted(tmp_path: Path) -> None:
    history = History(tmp_path, HistorySettings())
    added = history.add(night(0, SOUND), None)
    assert rows(tmp_path, "SELECT outcome, exit_code, report FROM runs") == [(0, 0, None)]
    ended = replace(added, exit_code=ExitCode.UNDETERMINED)
    assert history.settle(ended, "nightly-20260901T031700Z") == []
    assert rows(tmp_path, "SELECT outcome, exit_code, report FROM runs") == [
        (0, 3, "nightly-20260901T031700Z")
    ]
    assert "UNDETERMINED" in (tmp_path / "index.html").read_text()


@pytest.fixture(autouse=True)
def _no_journal_stays(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.glob("*-journal"))
    assert not list(tmp_path.glob("*-wal"))
