"""The history on real files: runs at once, runs that are killed, and disks that take nothing."""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.record import RunRecord
from redis_runbook.reporting.history.database import opened
from redis_runbook.reporting.history.keeping import FILE
from redis_runbook.reporting.history.store import Store
from tests.support.history import finding, kept, night, problems
from tests.support.memory import little_memory
from tests.support.places import ROOT

FINDINGS = 40

ADD = """
import itertools, os, sys
from pathlib import Path
from redis_runbook.reporting.history.database import opened
from redis_runbook.reporting.history.store import Store
from tests.support.history import FILE, finding, night, problems

folder, first, most, findings, user, whole = Path(sys.argv[1]), *map(float, sys.argv[2:])
many = [finding(f"queue.depth[queue/{n}]", "pass", 0.5) for n in range(int(findings))]
os.seteuid(int(user))  # all is imported: this user may not be able to read it
print("ready", flush=True)
sys.stdin.readline()
for number in itertools.takewhile(lambda n: n < most, itertools.count()):
    run, told = night(first + number / 1000, *many), []
    if whole:
        told = problems(folder, run)
    else:
        with opened(folder / FILE) as db:
            Store(db, run).add(keep_s=90 * 86_400)
    print(*told or ["kept"], flush=True)
"""
"""Adds so many runs, each with so many findings, once it is told to begin; `whole`: as runs do."""


def adding(
    folder: Path, first: float, most: float, *, findings: int = FINDINGS, user: int | None = None,
    whole: bool = True, **options: Any,
) -> "subprocess.Popen[str]":  # fmt: skip
    user = os.geteuid() if user is None else user
    numbers = (first, most, findings, user, int(whole))
    return subprocess.Popen(
        [sys.executable, "-c", ADD, str(folder), *map(str, numbers)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def begin(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    assert process.stdout.readline() == "ready\n"


@contextlib.contextmanager
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        yield db


def number_of_runs(folder: Path, findings: int = FINDINGS) -> int:
    """How many are kept, each of them whole, in a sound file."""
    with database(folder) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:  # killed before the first was added
            return 0
        whole = "SELECT size, (SELECT count(*) FROM findings WHERE run = id) FROM runs"
        sizes = db.execute(whole).fetchall()
        assert set(sizes) <= {(findings, findings)}
        orphans = "SELECT count(*) FROM findings WHERE run NOT IN (SELECT id FROM runs)"
        assert db.execute(orphans).fetchone() == (0,)
        return len(sizes)


def test_two_processes_at_once_add_all_of_their_runs(tmp_path: Path) -> None:
    both = [adding(tmp_path, first, 10) for first in (0, 30)]
    for process in both:
        ready(process)
    for process in both:
        begin(process)
    said = [process.communicate(timeout=60)[0] for process in both]
    assert said == ["kept\n" * 10] * 2
    assert number_of_runs(tmp_path) == 20


def test_a_process_that_is_killed_at_any_moment_leaves_whole_runs(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311  # reproducible, and no secret
    kept_runs, many = 0, 300  # each is some pages of the file
    for number in range(30):
        process = adding(tmp_path, number, float("inf"), findings=many, whole=number % 5 == 0)
        ready(process)
        begin(process)
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        assert process.stdout
        said = process.stdout.read().splitlines()
        process.wait(timeout=10)
        process.stdout.close()
        # What it has said that it kept is kept; one more may be.
        now = number_of_runs(tmp_path, many)
        assert now - kept_runs in {len(said), len(said) + 1}
        kept_runs = now
    assert kept_runs > 30
    assert problems(tmp_path, night(60, finding("a[queue]"))) == []
    for path in tmp_path.glob(".index.html.*.tmp"):  # of a kill while the page was written
        path.unlink()
    assert {path.name for path in tmp_path.iterdir()} == {FILE, "index.html"}


def test_a_process_that_is_killed_by_any_write_leaves_whole_runs(tmp_path: Path) -> None:
    """The kernel kills it as it writes beyond a size, of the file or its journal: at each size."""
    old = [finding(f"queue.depth[queue/{n}]", observed=0.5) for n in range(FINDINGS)]
    new = [finding(f"queue.workers[queue/{n}]", observed=0.5) for n in range(FINDINGS)]
    for number in range(20):
        kept(tmp_path, night(number, *old))
    whole = (tmp_path / FILE).read_bytes()
    ends = []
    for limit in range(0, len(whole) + 50_000, 1_000):
        (tmp_path / FILE).write_bytes(whole)
        ends.append(_added_under_limit(tmp_path, limit, night(60, *new)))
        # The first twenty are too old by then.
        assert number_of_runs(tmp_path) == (1 if ends[-1] else 20)
        (tmp_path / f"{FILE}-journal").unlink(missing_ok=True)  # an empty one is no journal
    assert ends == sorted(ends)  # killed, until the limit is large enough
    assert ends.count(False) > 30
    assert ends[-1]


def _added_under_limit(folder: Path, limit: int, record: RunRecord) -> bool:
    """Add a run in a process that no file may make larger; whether it was not killed by that."""
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            with opened(folder / FILE) as db:
                Store(db, record).add(keep_s=86_400)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGXFSZ
    return status == 0


def test_a_disk_that_is_full_is_told_and_loses_nothing(tmp_path: Path) -> None:
    kept(tmp_path, night(0, *(finding(f"queue.depth[queue/{n}]") for n in range(FINDINGS))))
    size = (tmp_path / FILE).stat().st_size
    process = adding(
        tmp_path, 1, 60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, -1)),
    )  # fmt: skip
    ready(process)
    begin(process)
    said = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0
    assert said[0] == "kept"
    assert said[-1].startswith(f"cannot write {tmp_path / FILE}: ")
    assert said[-1].endswith(("is the disk full?", "the disk is full"))
    assert number_of_runs(tmp_path) >= 1 + said.count("kept")
    kept(tmp_path, night(70, *(finding(f"queue.depth[queue/{n}]") for n in range(FINDINGS))))


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_cannot_be_written_is_told(exists: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as folder_name:  # which others may enter, as tmp_path not
        folder = Path(folder_name)
        if exists:
            kept(folder, night(0, *(finding(f"queue.depth[queue/{n}]") for n in range(FINDINGS))))
            (folder / FILE).chmod(0o644)
        folder.chmod(0o555)
        process = adding(folder, 1, 1, user=None if os.geteuid() else 65_534)
        ready(process)
        begin(process)
        said = process.communicate(timeout=60)[0]
        folder.chmod(0o755)
        assert said == f"cannot write {folder / FILE}: Permission denied\n"
        if exists:
            assert number_of_runs(folder) == 1


@pytest.mark.quiet
def test_90_nights_of_4000_findings_are_bounded(tmp_path: Path) -> None:
    """All of them broken since the first night, which is the most that there is to read."""
    many = [finding(f"queue.depth[queue/{n}]", "fail", 0.5) for n in range(4_000)]
    with little_memory(100):
        for number in range(90):
            with opened(tmp_path / FILE) as db:
                Store(db, night(number, *many)).add(keep_s=90 * 86_400)
        began = time.monotonic()
        told = kept(tmp_path, night(90, *many))
        took_s = time.monotonic() - began
    assert told.changes
    assert set(told.changes.still_broken.values()) == {night(0).started_at}
    assert len(told.changes.still_broken) == 4_000
    assert took_s < 10
    assert (tmp_path / FILE).stat().st_size < 30_000_000
    assert (tmp_path / "index.html").stat().st_size < 1_000_000
