"""`[[suppress]]`: what it names is shown, changes no exit code, and nothing more."""

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.programs import bundled
from tests.support.servers import Server

TODAY = dt.datetime.now(dt.UTC).date()
YESTERDAY = TODAY - dt.timedelta(days=1)
WITHOUT_EXPORTER = "[exporter]\nenabled = false\n[jwt_cache]\nenabled = false\n"
"""Nothing else than what a test breaks is broken."""


def entry(check: str, *further: str, reason: str = "moving to Valkey") -> str:
    lines = [f'check = "{check}"', f'reason = "{reason}"', 'owner = "platform"', *further]
    return "\n[[suppress]]\n" + "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def evicting() -> Iterator[Server]:
    """A server that may evict: as a queue, `memory.eviction_policy` is broken, and no more."""
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as server:
        yield server


def smoke(folder: Path, server: Server, config: str, *arguments: str) -> product.Outcome:
    return product.run(
        folder,
        *(arguments or ("smoke", "--select", "memory", "connectivity")),
        env=product.urls(server.url),
        config=WITHOUT_EXPORTER + config,
    )


def test_what_is_suppressed_is_shown_and_changes_no_exit_code(
    folder: Path, evicting: Server
) -> None:
    metrics = folder / "reports" / "metrics.prom"
    arguments = ("smoke", "--select", "memory", "--metrics-file", str(metrics), "--output=evidence")
    until = f"until = {TODAY}"
    plain = smoke(folder / "plain", evicting, "", *arguments[:3])
    done = smoke(folder, evicting, entry("memory", 'subject = "queue"', until), *arguments)
    name = "memory.eviction_policy[queue]"
    assert plain.code == 1
    assert plain.finding(name)["verdict"] == "fail"
    assert done.code == 0, done.out
    clause = f"suppressed until {TODAY} by platform: moving to Valkey"
    assert done.out.count(clause) == 1
    assert f"FAIL     {name}   suppressed: maxmemory-policy" in done.out
    assert clause in done.html
    assert "1 fail (suppressed)" in done.out
    last = next(line for line in done.out.splitlines() if line.startswith("HEALTHY"))
    assert "1 finding suppressed: every invariant that was checked holds, but for" in last
    found = done.finding(name)
    assert found["verdict"] == "fail"
    assert found["suppressed"] == {
        "reason": "moving to Valkey",
        "owner": "platform",
        "until": str(TODAY),
    }
    (test,) = (test for test in done.results["tests"] if test["name"] == name)
    assert test["status"] == "skipped"
    assert done.results["extra"]["suppressed"] == 1
    assert done.results["extra"]["counts"]["fail"] == 0
    assert done.results["summary"]["failed"] == 0
    suite = ET.fromstring(done.junit).find("testsuite")  # noqa: S314  # our own
    assert suite is not None
    assert suite.get("failures") == "0"
    (case,) = (case for case in suite if case.get("name") == name)
    skipped = case.find("skipped")
    assert skipped is not None
    assert str(skipped.get("message")).startswith(f"FAIL, {clause}; maxmemory-policy")
    told = [line for line in done.files["metrics.prom"].splitlines() if "eviction_policy" in line]
    assert [line[-4:] for line in told if 'suppressed="true"' in line] == [" 3.0"]
    # What was judged is judged so again.
    judged = product.run(folder, "judge", "reports/evidence.json")
    assert judged.code == 0, judged.out
    assert "1 fail (suppressed)" in judged.out


@pytest.mark.parametrize("password", ["memory", "reason", "queue"])
def test_evidence_is_judged_with_it_where_a_password_is_one_of_its_words(
    folder: Path, evicting: Server, password: str
) -> None:
    env = product.urls(evicting.user("ops", password, "~*", "&*", "+@all"))
    config = WITHOUT_EXPORTER + entry("memory", 'service = "queue"')
    arguments = ("smoke", "--select", "memory", "--output=evidence")
    done = product.run(folder, *arguments, env=env, config=config)
    judged = product.run(folder, "judge", "reports/evidence.json")
    assert (done.code, judged.code) == (0, 0), judged.err + judged.out


def test_it_names_whole_words_one_service_and_its_subjects_only(
    folder: Path, evicting: Server
) -> None:
    for number, other in enumerate(
        (
            entry("memory", 'service = "cache"'),
            entry("memory", 'subject = "que"'),
            entry("memory", 'subject = "*x"'),
            entry("memory.evictions"),
            entry("memory", f"until = {YESTERDAY}"),
        )
    ):
        done = smoke(folder / str(number), evicting, other, "smoke", "--select", "memory")
        assert done.code == 1, other
        assert done.results["extra"]["suppressed"] == 0
    glob = entry("memory.eviction_policy", 'subject = "q*e"', 'service = "queue"')
    assert smoke(folder / "glob", evicting, glob, "smoke", "--select", "memory").code == 0


def test_pytest_itself_skips_it(folder: Path, evicting: Server) -> None:
    """So `-x` goes on after it."""
    arguments = ("smoke", "--select", "memory", "--", "-x", "-v")
    done = smoke(folder, evicting, entry("memory.eviction_policy"), *arguments)
    assert done.code == 0, done.out
    assert "memory.evictions[queue]" in done.verdicts
    assert "1 fail (suppressed)" in done.out


def test_what_follows_from_it_is_suppressed_through_its_cause(folder: Path) -> None:
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as server:
        env = {
            **product.urls(server.url),
            "REDIS_EXPORTER_URL": f"http://127.0.0.1:{free_port()}/metrics",
        }
        select = ("smoke", "--select", "exporter", "memory.evictions", "--", "-x")
        plain = product.run(folder / "plain", *select[:-2], env=env)
        both = product.run(folder, *select, env=env, config=entry("exporter.reachable"))
        truthful = entry("exporter.truthful")
        less = product.run(folder / "less", *select[:-2], env=env, config=truthful)
    assert plain.code == 1
    assert plain.finding("exporter.truthful[queue]")["follows_from"] == "exporter.reachable[queue]"
    assert both.code == 0, both.out
    follower = both.finding("exporter.truthful[queue]")
    assert follower["verdict"] == "unknown"
    assert follower["suppressed"]["owner"] == "platform"
    assert "4 findings suppressed" in both.out
    assert less.code == 1  # the cause is not suppressed with what follows from it


def test_a_service_that_is_away_is_suppressed_with_all_that_follows(folder: Path) -> None:
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as server:
        env = product.urls(server.url, f"redis://127.0.0.1:{free_port()}")
        away = entry("connectivity.reachable", 'service = "cache"')
        config = WITHOUT_EXPORTER + away
        done = product.run(folder, "smoke", env=env, config=config)
    assert done.verdicts["connectivity.reachable[cache]"] == "fail"
    assert done.verdicts["memory.used_ratio[cache]"] == "unknown"
    assert done.code == 0, done.out
    alone = [
        name
        for name in done.verdicts
        if done.finding(name)["verdict"] == "unknown" and not done.finding(name)["suppressed"]
    ]
    assert all(done.finding(name)["advisory"] for name in alone), alone


def test_where_nothing_was_seen_nothing_is_healthy(folder: Path) -> None:
    env = product.urls(f"redis://127.0.0.1:{free_port()}")
    config = WITHOUT_EXPORTER + entry("memory")
    done = product.run(folder, "smoke", "--select", "memory", env=env, config=config)
    assert {*done.verdicts.values()} == {"unknown", "not_applicable"} or {
        *done.verdicts.values()
    } == {"unknown"}
    assert done.code == 5, done.out


def test_no_service_that_is_away_makes_all_healthy(folder: Path) -> None:
    away = "redis://127.0.0.1:1"
    entry = '\n[[suppress]]\ncheck = "connectivity"\nreason = "r"\nowner = "o"\n'
    done = product.run(folder, "smoke", env=product.urls(away), config=entry)
    assert done.code == 5, done.out
    assert "NOTHING CHECKED, " in done.out
    assert " findings suppressed" in done.out


# What is wrong with a suppression


def test_an_expired_one_is_a_warning_of_the_run_and_an_error_of_config(
    folder: Path, healthy: Server
) -> None:
    config = entry("queue.depth", 'subject = "tenant-*"', f"until = {YESTERDAY}")
    done = smoke(folder, healthy, config, "smoke", "--select", "memory")
    name = "suppressions[queue.depth tenant-*]"
    found = done.finding(name)
    assert done.code == 0, done.out
    assert (found["verdict"], found["advisory"]) == ("warn", True)
    assert f"expired on {YESTERDAY}" in found["message"]
    assert name in done.out
    shown = product.run(folder, "config")
    assert shown.code == 4
    assert f"[[suppress]] no. 1 until = {YESTERDAY}: has passed" in shown.err
    assert "(queue.depth tenant-*, owner platform)" in shown.err


def test_one_that_names_nothing_is_a_warning_of_a_complete_run(
    folder: Path, healthy: Server
) -> None:
    used = entry("memory.used_ratio", 'subject = "queue"')  # it holds, and is named
    config = used + entry("memory.used_ratio", 'subject = "other"')
    done = smoke(folder, healthy, config, "smoke")
    warned = {name for name in done.verdicts if name.startswith("suppressions[")}
    assert warned == {"suppressions[memory.used_ratio other]"}, done.out
    part = smoke(folder, healthy, config, "smoke", "--select", "memory")
    assert not any(name.startswith("suppressions[") for name in part.verdicts)
    keyword = smoke(folder, healthy, config, "smoke", "--", "-k", "memory")
    assert not any(name.startswith("suppressions[") for name in keyword.verdicts)


def test_gate_ignores_one_without_an_end_and_says_so_once(folder: Path, evicting: Server) -> None:
    gate = ("gate", "--select", "memory", "--window", "queue=2s", "--window", "cache=2s")
    endless = smoke(folder / "endless", evicting, entry("memory", 'subject = "q*"'), *gate)
    assert endless.code == 1
    message = endless.message("suppressions[gate]")
    assert message == "suppressions without `until` do not apply in gate: memory q*"
    assert endless.out.count(message) == 1
    ended = smoke(folder / "ended", evicting, entry("memory", f"until = {TODAY}"), *gate)
    assert ended.code == 0, ended.out
    assert "suppressions[gate]" not in ended.verdicts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (entry("queue.dept"), "check = 'queue.dept': is no check, nor a prefix of one; did you"),
        (entry("memory", 'service = "cach"'), "service = 'cach': is not a service; did you mean"),
    ],
)
def test_an_unknown_check_or_service_is_an_error_everywhere(
    folder: Path, healthy: Server, text: str, problem: str
) -> None:
    for arguments in (("config",), ("smoke", "--select", "memory")):
        done = product.run(folder, *arguments, env=product.urls(healthy.url), config=text)
        assert done.code == 4
        assert f"[[suppress]] no. 1 {problem}" in done.err


def test_hostile_reasons_stay_text(folder: Path, evicting: Server) -> None:
    reason = "<script>x</script>]]> &amp; ::error::%0A"
    config = entry("memory.eviction_policy", reason=reason)
    done = smoke(folder, evicting, config, "smoke", "--select", "memory")
    assert done.code == 0, done.out
    assert "<script>x" not in done.html
    ET.fromstring(done.junit)  # noqa: S314  # our own
