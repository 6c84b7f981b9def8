"""Whatever lies in the place of the history: one sentence, and it is left as it is."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from redis_runbook.reporting.history import database
from redis_runbook.reporting.history.keeping import FILE
from tests.support.history import finding, kept, night, problems, refused
from tests.support.memory import little_memory

BROKEN = finding("queue.workers[queue/a]", "fail", 0.9)
ANOTHER_USER = 65_534


ENDLESS = """CREATE VIEW findings AS
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
SELECT x AS run, x AS name, 'fail' AS verdict FROM n"""


def changed(folder: Path, *statements: str) -> Path:
    """A history of three nights, to which somebody else did this."""
    for number in range(3):
        kept(folder, night(number, BROKEN))
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db, db:
        for statement in statements:
            db.execute(statement)
    return folder / FILE


# No history


def text(file: Path) -> None:
    file.write_text("not a database, but a text that is long enough to be one\n" * 100)


def foreign(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE somebodys (data TEXT)")


def directory(file: Path) -> None:
    file.mkdir()


def pipe(file: Path) -> None:
    os.mkfifo(file)


def device(file: Path) -> None:
    file.symlink_to("/dev/full")


def of_another_user(file: Path) -> None:
    file.touch()
    os.chown(file, ANOTHER_USER, -1)


def link_of_another_user(file: Path) -> None:
    file.symlink_to(file.with_name("elsewhere"))
    os.lchown(file, ANOTHER_USER, -1)


def journal_that_is_a_link(file: Path) -> None:
    file.with_name(f"{FILE}-journal").symlink_to("/etc/hostname")


def journal_of_another_user(file: Path) -> None:
    journal = file.with_name(f"{FILE}-journal")
    journal.write_text("of another user")
    os.chown(journal, ANOTHER_USER, -1)


def loop(file: Path) -> None:
    file.symlink_to(file)


def empty(file: Path) -> None:
    file.touch()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (text, "it is no SQLite database: move it away, and the next run begins a new one"),
        (foreign, "it is no history of redis-runbook"),
        (directory, "history.sqlite is a directory"),
        (pipe, "history.sqlite is no plain file"),
        (device, "full is no plain file"),
        (loop, "history.sqlite is no plain file"),
        (of_another_user, "history.sqlite belongs to another user"),
        (link_of_another_user, "it is a link of another user"),
        (journal_that_is_a_link, "history.sqlite-journal is no plain file"),
        (journal_of_another_user, "history.sqlite-journal belongs to another user"),
    ],
)
def test_what_is_no_history_of_ours_is_refused_and_left_alone(
    make: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    if "another_user" in make.__name__ and os.geteuid():
        pytest.skip("only root can give a file away")
    file = tmp_path / FILE
    make(file)
    before = file.read_bytes() if file.is_file() else None
    assert refused(tmp_path, night(0, BROKEN)).startswith(sentence)
    assert (file.read_bytes() if file.is_file() else None) == before


def test_an_empty_file_becomes_one(tmp_path: Path) -> None:
    empty(tmp_path / FILE)
    kept(tmp_path, night(0, BROKEN))


def test_what_belongs_to_the_owner_of_the_folder_is_used(tmp_path: Path) -> None:
    """As on network disks, where all files belong to one user."""
    if os.geteuid():
        pytest.skip("only root can give a file away")
    empty(tmp_path / FILE)
    for path in (tmp_path, tmp_path / FILE):
        os.chown(path, ANOTHER_USER, -1)
    kept(tmp_path, night(0, BROKEN))


# A history that somebody has changed


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["PRAGMA user_version = 2"], "its version is 2; this version of redis-runbook knows 1"),
        (["PRAGMA user_version = 0"], "its version is 0: move the file away"),
        (["PRAGMA application_id = 5"], "it is no history of redis-runbook"),
        (["CREATE TABLE more (x)"], "it is no history of redis-runbook"),
        (
            ["CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END"],
            "it is no history of redis-runbook",
        ),
        (
            [
                "DROP TABLE findings",
                ENDLESS,
            ],
            "it is no history of redis-runbook",
        ),
        (["UPDATE findings SET verdict = 'fine'"], "it holds what no run wrote"),
        (["UPDATE findings SET observed = 'much'"], "it holds what no run wrote"),
        (["UPDATE findings SET observed = x'ff'"], "it holds what no run wrote"),
        (["UPDATE names SET name = x'ff'"], "it holds what no run wrote"),
        (["UPDATE names SET name = CAST(x'ff' AS TEXT)"], "it holds what no run wrote"),
        (["UPDATE names SET name = hex(zeroblob(400000))"], "it holds what no run wrote"),
        (["UPDATE names SET name = hex(zeroblob(4000000))"], "it holds what no run wrote"),
        (["UPDATE runs SET started_us = -1"], "it holds what no run wrote"),
        (["UPDATE runs SET started_us = 'then'"], "it holds what no run wrote"),
        (["UPDATE runs SET started_us = 9e18"], "it holds what no run wrote"),
        (["UPDATE runs SET elapsed_s = 9e999"], "it holds what no run wrote"),
        (["UPDATE runs SET exit_code = 77"], "it holds what no run wrote"),
        (["UPDATE runs SET profile = x'00'"], "it holds what no run wrote"),
        (["UPDATE runs SET size = 'large'"], "it holds what no run wrote"),
        (["UPDATE findings SET observed = 9e999"], "it holds what no run wrote"),
    ],
)
def test_what_no_run_wrote_is_refused(statements: list[str], sentence: str, tmp_path: Path) -> None:
    file = changed(tmp_path, *statements)
    told = problems(tmp_path, night(5, BROKEN))
    assert [one.removeprefix(f"cannot write {file}: ")[: len(sentence)] for one in told] == [
        sentence
    ]
    assert integrity(file) == "ok"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE findings SET run = run + 96",
        "UPDATE findings SET unit = x'00'",
        "UPDATE runs SET report = '../../etc/passwd'",
        "UPDATE runs SET counts = '<b>', services = '<script>', profile = '<i>'",
        "DELETE FROM names",
        "PRAGMA journal_mode = WAL",
        "PRAGMA encoding = 'UTF-16'",
        "PRAGMA auto_vacuum = 1",
    ],
)
def test_what_else_is_changed_does_no_harm(statement: str, tmp_path: Path) -> None:
    file = changed(tmp_path, statement)
    assert problems(tmp_path, night(5, BROKEN)) == []
    page = (tmp_path / "index.html").read_text()
    assert "passwd" not in page
    assert not any(tag in page for tag in ("<b>", "<i>", "<script"))
    assert integrity(file) == "ok"


@pytest.mark.parametrize("at", [20, 60, 100, 4096, 5000, 9000, 13000, 17000, 21000])
def test_a_damaged_file_is_refused_or_does_no_harm(at: int, tmp_path: Path) -> None:
    file = changed(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:at] + bytes(range(256)) * 3 + whole[at + 768 :])
    for problem in problems(tmp_path, night(5, BROKEN)):
        reason = problem.removeprefix(f"cannot write {file}: ")
        assert reason.startswith(("it is ", "it holds ", "its version ", "it is in use")), reason


def test_a_file_that_was_cut_is_damaged(tmp_path: Path) -> None:
    file = changed(tmp_path)
    os.truncate(file, 5000)
    assert refused(tmp_path, night(5, BROKEN)).startswith("it is damaged: move it away")


# Size and time


def test_a_file_of_very_many_rows_takes_little_memory_and_time(tmp_path: Path) -> None:
    file = changed(
        tmp_path,
        "WITH RECURSIVE n(x) AS (SELECT 100 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000) "
        "INSERT INTO names SELECT x, 'queue.depth[queue/' || x || ']' FROM n",
        "INSERT INTO findings SELECT 3, id, 'fail', 1, 1, 'jobs', 0 FROM names WHERE id >= 100",
    )
    began = time.monotonic()
    with little_memory(60):
        told = problems(tmp_path, night(5, BROKEN))
    assert time.monotonic() - began < 10
    assert told == []
    assert integrity(file) == "ok"


def test_a_file_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(tmp_path)
    monkeypatch.setattr(database, "_LIMIT_S", -1.0)
    monkeypatch.setattr(database, "_STEPS", 1)
    assert refused(tmp_path, night(5, BROKEN)).startswith("it took longer than")


def test_a_file_that_another_program_keeps_locked_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = changed(tmp_path)
    monkeypatch.setattr(database, "_LOCKED_S", 0.2)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert refused(tmp_path, night(5, BROKEN)).startswith("another program has had it locked")
    kept(tmp_path, night(6, BROKEN))


def integrity(file: Path) -> str:
    with contextlib.closing(sqlite3.connect(file)) as db:
        (said,) = db.execute("PRAGMA integrity_check").fetchone()
    return str(said)
