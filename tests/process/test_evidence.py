"""`evidence.json` of a run in which something is broken, and none of one that is healthy."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process.test_secrets import JWT
from tests.support import product
from tests.support.programs import bundled
from tests.support.servers import Server, running

BROKEN = "[services.cache.limits]\nmemory_ratio = 0.0001\n"
PARTS = {
    *("SLOWLOG GET 20", "LATENCY LATEST", "LATENCY DOCTOR", "MEMORY DOCTOR", "CLIENT LIST"),
    *(f"INFO {name}" for name in ("memory", "stats", "clients", "persistence", "replication")),
}
SELECT = ("smoke", "--select", "memory", "connectivity.reachable")


def evidence(done: product.Outcome) -> dict[str, Any]:
    return json.loads(done.files["evidence.json"])  # type: ignore[no-any-return]


def calls(server: Server, command: str) -> int:
    stats = server.client().info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])


def test_a_healthy_run_gathers_nothing_and_leaves_none(folder: Path, healthy: Server) -> None:
    before = calls(healthy, "memory|doctor")
    done = product.run(folder, *SELECT, env=product.urls(healthy.url))
    assert done.code == 0
    assert [name for name in done.files if "evidence" in name] == []
    assert calls(healthy, "memory|doctor") == before
    assert done.results["extra"]["gathered"] == {}
    assert "evidence" not in done.out


def test_a_healthy_run_does_not_even_import_it(folder: Path, healthy: Server) -> None:
    program = [sys.executable, "-X", "importtime", *product.command(*SELECT)[1:]]
    done = product.started(program, folder, env=product.urls(healthy.url))
    assert done.code == 0
    assert "redis_runbook.session.run_record" in done.err
    names = ("evidence", "encoding", "decoding", "gathering", "replay", "saved", "masks")
    assert [name for name in names if f"redis_runbook.session.{name}\n" in done.err] == []


def test_it_has_all_facts_of_a_healthy_run_where_it_is_asked_for(
    folder: Path, healthy: Server
) -> None:
    env = product.urls(healthy.url)
    done = product.run(folder, *SELECT, "--output", "evidence", "--output", "evidence=x.json",
                       env=env)  # fmt: skip
    assert (done.code, evidence(done)["gathered"]) == (0, {})
    assert {*evidence(done)["facts"]["services"]["queue"]} >= {"memory", "connection", "clients"}
    assert json.loads((folder / "x.json").read_text()) == evidence(done)


def test_something_broken_is_asked_about_once_in_each_service(folder: Path) -> None:
    with bundled("--slowlog-log-slower-than", "0", "--maxmemory", "100mb") as cache:
        client = cache.client(client_name=f"app-{JWT}")
        client.get(f"jwt:{JWT}")
        with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as queue:
            env = product.urls(queue.url, cache.url)
            done = product.run(folder, *SELECT, env=env, config=BROKEN)
            assert calls(queue, "memory|doctor") == 0
        assert calls(cache, "memory|doctor") == 1
    assert done.code == 1
    gathered = evidence(done)["gathered"]
    assert {*gathered} == {"cache"}
    assert {*gathered["cache"]} == PARTS
    assert any(
        line.endswith("GET jwt:… (1 argument)") for line in gathered["cache"]["SLOWLOG GET 20"]
    )
    assert any(line.startswith("used_memory: ") for line in gathered["cache"]["INFO memory"])
    assert "1 app-[redacted]: get, flags N" in gathered["cache"]["CLIENT LIST"]
    assert not any("127.0.0.1" in line for lines in gathered["cache"].values() for line in lines)
    assert JWT not in done.everything
    assert done.results["extra"]["gathered"] == gathered
    assert "evidence gathered from cache" in done.html
    assert done.out.endswith("reports/evidence.json\n")


def test_it_is_written_as_reports_are(folder: Path, healthy: Server) -> None:
    for _ in range(2):
        product.run(folder, *SELECT, env=product.urls(healthy.url), config=BROKEN)
    files = sorted((folder / "reports").glob("*evidence.json"))
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o640}
    own = [file.name.removesuffix(".evidence.json") for file in files if file.name[0] == "s"]
    assert all((folder / "reports" / f"{name}.html").exists() for name in own)
    assert files[0].name == "evidence.json"
    # Not the last by name: that of a second run in the same second sorts before the first.
    newest = max(files[1:], key=lambda file: file.stat().st_mtime_ns)
    assert files[0].read_text() == newest.read_text()


def test_what_is_denied_says_so_in_its_place(folder: Path) -> None:
    rules = "+@read +ping +info +config|get +client|setname ~* &*".split()
    with running("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as server:
        env = product.urls(server.user("shy", "shy-password", *rules))
        done = product.run(folder, *SELECT, env=env, config=BROKEN)
    gathered = evidence(done)["gathered"]["cache"]
    assert gathered["MEMORY DOCTOR"] == ["no permission for MEMORY DOCTOR on cache"]
    assert gathered["SLOWLOG GET 20"] == ["no permission for SLOWLOG GET on cache"]
    assert gathered["LATENCY LATEST"] == ["no permission for LATENCY LATEST on cache"]
    assert gathered["CLIENT LIST"] == ["no permission for CLIENT LIST on cache"]
    assert any(line.startswith("used_memory: ") for line in gathered["INFO memory"])


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_of_a_service_that_does_not_answer_there_is_the_reason(folder: Path, how: str) -> None:
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as server:
        env = product.urls(server.url)
        server.stop() if how == "stopped" else server.freeze()
        done, took_s = product.measured(folder, *SELECT, env=env)
    (why,) = evidence(done)["gathered"]["queue"]["not gathered"]
    assert why.startswith("queue is not reachable (")
    assert took_s < 12
    facts = evidence(done)["facts"]["services"]["queue"]
    assert facts["memory"]["follows_from"] == "connectivity.reachable[queue]"


def test_nothing_is_gathered_after_the_deadline(folder: Path, healthy: Server) -> None:
    env = product.urls(healthy.url)
    done = product.run(folder, "smoke", "--deadline", "1", env=env, config=BROKEN)
    gathered = evidence(done)["gathered"]
    assert {*gathered} == {"queue", "cache"}
    assert all(
        lines == ["the run's deadline had passed"]
        for parts in gathered.values()
        for lines in parts.values()
    )


def test_a_healthy_run_leaves_no_evidence_of_an_earlier_one(folder: Path, healthy: Server) -> None:
    select = ("--select", "connectivity.reachable")
    product.run(folder, "smoke", *select, env=product.urls("redis://127.0.0.1:1"))
    assert (folder / "reports" / "evidence.json").exists()
    product.run(folder, "smoke", *select, env=product.urls(healthy.url))
    assert not (folder / "reports" / "evidence.json").exists()
    assert len([*(folder / "reports").glob("smoke-*.evidence.json")]) == 1


def test_evidence_of_an_earlier_run_that_cannot_be_removed_is_told(
    folder: Path, healthy: Server
) -> None:
    (folder / "reports" / "evidence.json").mkdir(parents=True)
    select = ("--select", "connectivity.reachable")
    done = product.run(folder, "smoke", *select, env=product.urls(healthy.url))
    assert done.code == 3
    assert "cannot remove reports/evidence.json, which an earlier run left" in done.out
    assert "report: reports/latest.html" in done.out


def test_evidence_that_went_elsewhere_only_is_not_named_where_it_is_not(folder: Path) -> None:
    (folder / "reports" / "evidence.json").mkdir(parents=True)
    arguments = ("--select", "connectivity.reachable", "--output", "evidence=mine.json")
    done = product.run(folder, "smoke", *arguments, env=product.urls("redis://127.0.0.1:1"))
    assert done.code == 1
    assert (folder / "mine.json").is_file()
    assert "report: reports/latest.html" in done.out
    assert "evidence, for" not in done.out
