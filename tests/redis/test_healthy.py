"""A healthy pair of servers passes every check, on every version, in all three ways to run."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support import product
from tests.support.exporters import exporter
from tests.support.places import ROOT
from tests.support.programs import every_version, program
from tests.support.servers import Server, running


@contextmanager
def healthy_pair(version: str) -> Iterator[dict[str, str]]:
    """Queue, cache and an exporter that serves both, as the environment that names them."""
    server = program(version)
    with ExitStack() as stack:
        queue = stack.enter_context(
            running("--maxmemory", "64mb", "--maxmemory-policy", "noeviction",
                    "--appendonly", "yes", program=server)
        )  # fmt: skip
        cache = stack.enter_context(
            running("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", program=server)
        )
        fill(cache)
        queue.client().hset("bull:render:meta", "version", "bullmq:5.81.5")
        url = stack.enter_context(exporter(queue))
        yield {**product.urls(queue.url, cache.url), "REDIS_EXPORTER_URL": url}


def fill(cache: Server) -> None:
    client = cache.client()
    for number in range(30):
        client.set(f"jwt:{number}", "{}", ex=900)


@every_version
def test_a_healthy_pair_passes_every_check(version: str, folder: Path) -> None:
    with healthy_pair(version) as env:
        saved = product.run(folder, "snapshot", "before.json", env=env)
        done = product.run(folder, "smoke", "--baseline", "before.json", env=env)
    assert saved.code == 0, saved.err
    assert done.code == 0, done.out
    not_passed = {name: verdict for name, verdict in done.verdicts.items() if verdict != "pass"}
    absent = {name for name, verdict in not_passed.items() if verdict == "not_applicable"}
    assert absent == set(not_passed)
    assert {name.partition(".")[0] for name in absent} == {
        "replication",
        "queue",
        "monitoring",
        "jwt_cache",
        "incident",
    }
    assert {"jwt_cache.refreshes[cache]", "incident.smoke_command[-]"} <= absent
    assert done.results["extra"]["healthy"] is True
    versions = done.results["extra"]["servers"]["queue"]
    assert versions["product"] == ("valkey" if version.startswith("valkey") else "redis")
    assert versions["version"].startswith(version.rpartition("-")[2])
    assert "HEALTHY" in done.out


def test_the_three_ways_to_run_agree(healthy: Server, folder: Path) -> None:
    env = {**product.QUIET, **product.urls(healthy.url)}
    ways = {
        "command": product.command("smoke", "--report-dir", str(folder / "command")),
        "pytest": [sys.executable, "-m", "pytest", "--profile", "smoke",
                   "--report-dir", str(folder / "pytest")],
        "make": ["make", "smoke", f"RUN_ARGS=--report-dir {folder / 'make'}",
                 f"VENV={Path(sys.executable).parent.parent}"],
    }  # fmt: skip
    codes, verdicts = {}, {}
    for way, command in ways.items():
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        codes[way] = done.returncode
        results = json.loads((folder / way / "results.json").read_text())["results"]
        verdicts[way] = {test["name"]: test["extra"]["verdict"] for test in results["tests"]}
    # make reports every failure of a command as 2.
    assert codes["command"] == codes["pytest"] == 3
    assert codes["make"] == 2
    assert verdicts["command"] == verdicts["pytest"] == verdicts["make"]


def test_throwaway_servers_are_said_to_be_such(folder: Path) -> None:
    done = product.run(folder, "smoke", "--target", "embedded")
    said = (
        "no service URL is set: checked throwaway servers; this says nothing about yours; "
        "the queue bundle:render is a demonstration"
    )
    assert done.code == 0, done.out
    assert done.out.splitlines()[0] == said
    assert said in done.html
    assert done.results["extra"]["announcement"] == said
    assert done.results["extra"]["target"] == "embedded"
    assert done.verdicts["exporter.reachable[queue]"] == "not_applicable"
    assert done.verdicts["jwt_cache.populated[cache]"] == "pass"
