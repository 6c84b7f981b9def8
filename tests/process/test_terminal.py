"""What a run prints: little, in 80 columns, with colour on a terminal only."""

import os
import pty
import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support import product
from tests.support.programs import bundled
from tests.support.servers import Server

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def many_queues(server: Server, number: int = 60) -> None:
    """Queues in which a job has waited for a minute, with nobody who takes it."""
    at_ms = int(server.client().time()[0]) * 1000 - 60_000
    filled = server.client().pipeline()
    for tenant in range(number):
        key = f"bull:tenant-{tenant:02d}"
        filled.hset(f"{key}:meta", mapping={"version": "bullmq:5.81.5"})
        filled.lpush(f"{key}:wait", "1")
        filled.hset(f"{key}:1", mapping={"name": "x", "timestamp": at_ms, "opts": "{}"})
    filled.execute()


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> product.Outcome:
    with bundled("--maxmemory", "200mb", "--maxmemory-policy", "noeviction") as server:
        many_queues(server)
        env = {**product.urls(server.url), "COLUMNS": "80"}
        return product.run(tmp_path_factory.mktemp("crowded") / "run", "smoke", env=env)


def test_sixty_queues_with_one_cause_are_told_once(crowded: product.Outcome) -> None:
    lines = crowded.out.splitlines()
    assert len(lines) < 120, crowded.out
    told = [line for line in lines if "queue.workers, 60 subjects" in line]
    assert told
    assert all("tenant-00 … tenant-59" in line for line in told)
    assert len(crowded.html) < 1_000_000


def test_it_fits_80_columns_but_for_what_is_to_be_copied(crowded: product.Outcome) -> None:
    long = [line for line in crowded.out.splitlines() if len(line) > 80]
    assert [line for line in long if line.count(" ") > 12] == []
    assert crowded.out.splitlines()[-1].startswith("evidence, for")


def test_what_does_not_apply_is_a_line_for_each_reason(crowded: product.Outcome) -> None:
    reasons = [line for line in crowded.out.splitlines() if line.startswith("N/A")]
    assert len(reasons) == len(set(reasons)) < 15
    assert any("queue.schedulers, 60 subjects" in line for line in reasons)


def test_quiet_prints_the_summary_and_verbose_every_finding(folder: Path, healthy: Server) -> None:
    env = {**product.urls(healthy.url), "COLUMNS": "80"}
    select = ("--select", "memory", "connectivity")
    quiet = product.run(folder / "quiet", "smoke", "--quiet", *select, env=env)
    verbose = product.run(folder / "verbose", "smoke", "--verbose", *select, env=env)
    plain = product.run(folder / "plain", "smoke", *select, env=env)
    assert "PASS" not in quiet.out
    assert "HEALTHY" in quiet.out
    assert quiet.out.splitlines()[-1] == "report: reports/latest.html"
    assert [name for name in verbose.verdicts if name not in verbose.out] == []
    assert len(quiet.out) < len(plain.out) < len(verbose.out)


def test_a_warning_and_what_is_unknown_say_what_is_next(crowded: product.Outcome) -> None:
    text = " ".join(crowded.out.split())
    for verdict in ("warn", "unknown"):
        steps = {
            test["extra"]["next_steps"][0]
            for test in crowded.results["tests"]
            if test["extra"]["verdict"] == verdict and test["extra"]["next_steps"]
        }
        assert steps
        assert [step for step in steps if step not in text] == []


def test_what_to_grant_is_told(folder: Path, healthy: Server) -> None:
    client = healthy.client()
    client.execute_command(
        "ACL", "SETUSER", "few", "on", ">few", "+@all", "-slowlog", "-info", "~*"
    )
    try:
        env = product.urls(healthy.url.replace("://", "://few:few@"))
        done = product.run(folder, "smoke", "--select", "latency.slowlog", "memory", env=env)
    finally:
        client.execute_command("ACL", "DELUSER", "few")
    assert (
        "next: Grant it to the user that the URL names: `ACL SETUSER USER +slowlog|get`" in done.out
    )
    assert "`ACL SETUSER USER +info`" in done.out


@pytest.mark.parametrize(("given", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_there_is_colour_on_a_terminal_only(
    folder: Path,
    healthy: Server,
    given: dict[str, str],
    coloured: bool,  # noqa: FBT001
) -> None:
    folder.mkdir()
    parent, child = pty.openpty()
    env = {**product.QUIET, **product.urls(healthy.url), "TERM": "xterm", **given}
    arguments = product.command("smoke", "--select", "memory.used_ratio")
    shown: list[bytes] = []

    def read() -> None:
        while True:
            try:
                shown.append(os.read(parent, 65_536))
            except OSError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    subprocess.run(arguments, cwd=folder, env=env, stdout=child, timeout=60, check=False)
    os.close(child)
    reader.join(10)
    text = b"".join(shown).decode()
    assert bool(ANSI.search(text)) is coloured
    piped = product.run(folder, "smoke", "--select", "memory.used_ratio", env=env)
    assert not ANSI.search(piped.out)


def test_no_line_is_a_command_to_a_runner_of_github_actions(folder: Path) -> None:
    with bundled("--maxmemory", "200mb", "--maxmemory-policy", "noeviction") as server:
        for name in ("##[add-mask]x", "::error::x", "x ::warning::y"):
            server.client().hset(f"bull:{name}:meta", mapping={"version": "bullmq:5.81.5"})
        env = {**product.urls(server.url), "COLUMNS": "60"}
        done = product.run(folder, "smoke", "--verbose", "--select", "queue", env=env)
    assert "error::x" in done.out
    assert "##[" not in done.out + done.err
    starts = [line for line in done.out.splitlines() if line.lstrip().startswith("::")]
    assert starts == []
