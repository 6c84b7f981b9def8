"""Nightly runs of a real server over time: what changed, in every output that tells it."""

import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.healthy import HEALTHY, fill
from tests.support.programs import bundled
from tests.support.servers import Server

NIGHTLY = ("nightly", "--window", "queue=2s", "--window", "cache=2s")
SOME = ("--select", "memory", "connectivity.reachable")
NO_EXPORTER = "[exporter]\nenabled = false"
POLICY = "memory.eviction_policy[queue]"


@pytest.fixture
def server() -> Iterator[Server]:
    with bundled(*HEALTHY) as server:
        fill(server)
        yield server


def runs(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "reports" / "history.sqlite")) as db:
        return db.execute(
            "SELECT profile, exit_code, report FROM runs ORDER BY started_us"
        ).fetchall()


def changes(done: product.Outcome) -> Any:
    return done.results["extra"]["changes"]


def index(done: product.Outcome) -> str:
    """What the page says, without its elements."""
    text = re.sub(r"(?s)<style>.*?</style>|<[^>]*>", " ", done.files["index.html"])
    return " ".join(text.split())


def test_a_fault_is_newly_broken_then_still_broken_then_repaired(
    server: Server, folder: Path
) -> None:
    env = product.urls(server.url)
    first = product.run(folder, *NIGHTLY, env=env, config=NO_EXPORTER)
    assert (first.code, changes(first)) == (0, None)
    assert "This is the first nightly run of these services that is kept" in index(first)
    server.client().config_set("maxmemory-policy", "allkeys-lru")
    second = product.run(folder, *NIGHTLY, env=env, config=NO_EXPORTER)
    assert second.code == 1
    assert changes(second)["since"] == began(first)
    assert changes(second)["newly_broken"] == [POLICY]
    assert f"Newly broken (1) {POLICY} Trends" in index(second)
    third = product.run(folder, *NIGHTLY, env=env, config=NO_EXPORTER)
    assert changes(third)["newly_broken"] == []
    assert changes(third)["still_broken"] == {POLICY: began(second)}
    assert f"Still broken (1) {POLICY}, since {began(second)[:10]}" in index(third)
    server.client().config_set("maxmemory-policy", "noeviction")
    last = product.run(folder, *NIGHTLY, env=env, config=NO_EXPORTER)
    assert last.code == 0
    assert changes(last)["repaired"] == [POLICY]
    assert f"Repaired (1) {POLICY}" in index(last)
    trends = last.results["extra"]["trends"]
    assert trends["at"] == [began(done) for done in (first, second, third, last)]
    assert trends["by_name"][POLICY]["verdicts"] == ["pass", "fail", "fail", "pass"]
    memory = trends["by_name"]["memory.used_ratio[queue]"]
    assert memory["unit"] == "ratio"
    assert all(0 < observed < 0.8 for observed in memory["observed"])
    kept = runs(folder)
    assert [(profile, code) for profile, code, _ in kept] == [
        ("nightly", code) for code in (0, 1, 1, 0)
    ]
    links = re.findall(r'<a href="(nightly[^"]+)"', last.files["index.html"])
    assert links == [f"{report}.html" for *_, report in reversed(kept)]
    assert all(link in last.files for link in links)
    assert oct((folder / "reports" / "history.sqlite").stat().st_mode)[-3:] == "640"


def began(done: product.Outcome) -> str:
    return str(json.loads(done.files["results.json"])["timestamp"])


def test_a_service_that_is_away_is_neither_repaired_nor_newly_broken(
    server: Server, folder: Path
) -> None:
    env = product.urls(server.url)
    server.client().config_set("maxmemory-policy", "allkeys-lru")
    first = product.run(folder, *NIGHTLY, *SOME, env=env)
    server.stop()
    away = product.run(folder, *NIGHTLY, *SOME, env=env)
    assert away.verdicts[POLICY] == "unknown"
    assert changes(away)["newly_broken"] == [
        "connectivity.reachable[queue]",
        "connectivity.reachable[cache]",
    ]
    assert (changes(away)["repaired"], changes(away)["unclear"]) == ([], [POLICY])
    assert f"Was broken, and is a warning or not determined now (1) {POLICY}" in index(away)
    server.start()
    server.client().config_set("maxmemory-policy", "allkeys-lru")
    back = product.run(folder, *NIGHTLY, *SOME, env=env)
    assert changes(back)["newly_broken"] == []
    assert changes(back)["still_broken"] == {POLICY: began(first)}
    assert len(changes(back)["repaired"]) == 2


@pytest.mark.parametrize(
    ("arguments", "config", "kept"),
    [
        (("smoke",), "", False),
        (("smoke", "--history"), "", True),
        (("smoke",), "[history]\nevery_run = true", True),
        (("nightly",), "[history]\nenabled = false", False),
        (("nightly", "--keep", "7d"), "", True),
    ],
)
def test_which_runs_are_kept_is_configured(
    arguments: tuple[str, ...],
    config: str,
    kept: bool,  # noqa: FBT001
    server: Server,
    folder: Path,
) -> None:
    done = product.run(
        folder, *arguments, "--select", "memory.used_ratio", env=product.urls(server.url),
        config=config,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert ("history.sqlite" in done.files, "index.html" in done.files) == (kept, kept)


def test_throwaway_servers_have_no_history(folder: Path) -> None:
    done = product.run(folder, *NIGHTLY, "--target", "embedded", "--select", "memory.used_ratio")
    assert done.code == 0
    assert "history.sqlite" not in done.files


@pytest.mark.parametrize(
    ("arguments", "env", "config", "sentence"),
    [
        (
            ("--history", "--target", "embedded"), {}, "",
            "--history keeps what your services were like, and --target embedded starts servers",
        ),
        (("--history",), {}, "", "--history would keep nothing: no service URL is set"),
        (
            ("--history",), {"REDIS_QUEUE_URL": "redis://h"}, "[history]\nenabled = false",
            "--history would keep nothing: [history] enabled is false",
        ),
        (("--keep", "90"), {}, "", 'history.keep = \'90\': must be at least a day, such as "90d"'),
        (("--keep", "soon"), {}, "", "history.keep = 'soon': must be a"),
        (("--keep", "400d"), {}, "", "history.keep = 34560000.0: must be less than or equal to"),
    ],
)  # fmt: skip
def test_what_would_keep_nothing_is_refused(
    arguments: tuple[str, ...], env: dict[str, str], config: str, sentence: str, folder: Path
) -> None:
    done = product.run(folder, "smoke", *arguments, env=env, config=config)
    assert done.code == 4
    assert sentence in done.err
    assert not done.files


def test_of_the_attempts_of_wait_the_last_one_is_kept(folder: Path) -> None:
    dead = f"redis://127.0.0.1:{free_port()}"
    done = product.run(
        folder, "nightly", "--wait", "3", "--select", "connectivity", env=product.urls(dead)
    )
    assert done.code == 1
    assert done.results["extra"]["attempt"] >= 2
    assert changes(done) is None
    ((profile, code, report),) = runs(folder)
    assert (profile, code) == ("nightly", 1)
    assert done.files[f"{report}.json"] == done.files["results.json"]


def test_evidence_that_is_judged_again_is_not_kept(server: Server, folder: Path) -> None:
    env = product.urls(server.url)
    server.client().config_set("maxmemory-policy", "allkeys-lru")
    product.run(folder, *NIGHTLY, *SOME, env=env)
    judged = product.run(folder, "judge", "reports/evidence.json")
    assert judged.code == 1
    assert len(runs(folder)) == 1
    assert not (folder / "reports" / "judged" / "history.sqlite").exists()


def test_a_history_that_cannot_be_used_costs_the_healthy_code_and_no_report(
    server: Server, folder: Path
) -> None:
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "history.sqlite").write_text("a text of somebody's\n" * 100)
    done = product.run(folder, *NIGHTLY, *SOME, env=product.urls(server.url))
    assert done.code == 3
    sentence = (
        "cannot write reports/history.sqlite: it is no SQLite database: move it away, and the "
        "next run begins a new one"
    )
    assert sentence in done.err
    assert done.results["extra"]["unwritten"] == [sentence]
    assert done.results["extra"]["changes"] is None
    assert "a report is missing" in done.html
    assert "index.html" not in done.files
    assert done.files["history.sqlite"].startswith("a text of somebody's")
    assert "Traceback" not in done.out + done.err


def test_an_index_that_cannot_be_written_is_a_missing_report(server: Server, folder: Path) -> None:
    (folder / "reports" / "index.html").mkdir(parents=True)
    done = product.run(folder, *NIGHTLY, *SOME, env=product.urls(server.url))
    assert done.code == 3
    assert done.results["extra"]["unwritten"] == ["cannot write reports/index.html: Is a directory"]
    assert runs(folder)[0][1] == 3


def test_a_python_without_sqlite_keeps_none_and_says_so(server: Server, folder: Path) -> None:
    without = (
        "import sys; sys.modules['sqlite3'] = None; from redis_runbook.cli import main; "
        "sys.exit(main())"
    )
    program = [sys.executable, "-c", without, *NIGHTLY, *SOME]
    done = product.started(program, folder, env=product.urls(server.url))
    assert done.code == 3
    assert "cannot write reports/history.sqlite: this Python has no sqlite3" in done.err
    assert done.results["extra"]["counts"]["fail"] == 0


def test_no_secret_is_in_the_history(server: Server, folder: Path) -> None:
    server.client().config_set("requirepass", "planted-secret")
    client = server.client(password="planted-secret")
    client.hset("bull:planted-secret:meta", "version", "bullmq:5.1.0")
    client.hset("bull:plain<b>:meta", "version", "bullmq:5.1.0")
    url = f"redis://:planted-secret@127.0.0.1:{server.port}"
    for _ in range(2):
        done = product.run(folder, *NIGHTLY, env=product.urls(url))
    assert "planted-secret" not in done.everything
    assert "queue.depth[plain<b>]" in done.files["history.sqlite"]
    assert "queue.paused[plain&lt;b&gt;]" in done.files["index.html"]
    assert "<b>" not in done.files["index.html"]
