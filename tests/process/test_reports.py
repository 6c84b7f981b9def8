"""What a run leaves behind: results.json as the contract says, junit.xml to match, whole files."""

import datetime as dt
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from redis_runbook.catalogue import CATALOGUE
from tests.support import product
from tests.support.servers import Server

STATUS = {
    "pass": "passed",
    "warn": "passed",
    "fail": "failed",
    "unknown": "other",
    "not_applicable": "skipped",
}
NUMBER = (int, float, type(None))
EXTRA: Mapping[str, Any] = {
    "check": str,
    "service": (str, type(None)),
    "subject": str,
    "role": (str, type(None)),
    "verdict": str,
    "observed": NUMBER,
    "limit": NUMBER,
    "unit": (str, type(None)),
    "message": str,
    "runbook": (str, type(None)),
    "next_steps": list,
    "evidence": dict,
    "advisory": bool,
    "follows_from": (str, type(None)),
    "why": (str, type(None)),
    "window": (dict, type(None)),
    "suppressed": (dict, type(None)),
}
"""The contract: what the `extra` of each test holds."""

OWN_CHECKS = '''
import pytest
from redis_runbook.check import check

@check("connectivity.reachable")
def test_broken(judge, service):
    """It holds.

    Next: turn it
        off and on.
    """
    judge.passes_if(
        False, "3 of 2", observed=3, limit=2.0, evidence={"seen": [1]}, next_steps=["look first"]
    )

@check("connectivity.clients")
def test_broken_advisory(judge, service):
    judge.passes_if(False, "a bit much")

@pytest.fixture
def given_up(judge):
    judge.unknown("too far")

@check("latency.slowlog")
def test_undetermined_advisory(given_up):
    raise AssertionError("must not be called")

@pytest.fixture
def noticed(judge):
    judge.advise("seen on the way")

@check("memory.evictions")
def test_advised_by_a_fixture(noticed):
    raise AssertionError("must not be called")

@pytest.fixture
def certain(judge):
    judge.passes("it is so")

@check("connectivity.pubsub")
def test_passed_by_a_fixture(certain):
    raise AssertionError("must not be called")

@pytest.fixture
def assuming():
    assert 1 == 2

@check("jwt_cache.populated")
def test_assumed_by_a_fixture(assuming):
    raise RuntimeError("must not be called")

@check("connectivity.role")
def test_undetermined(judge, service):
    judge.unknown("too dark")

@check("memory.used_ratio")
def test_without_a_ruling(judge, service):
    pass

@check("memory.eviction_policy")
def test_defective(judge, service):
    raise ZeroDivisionError

@check("memory.fragmentation")
def test_holds(judge, service):
    judge.passes_if(True, "fine", observed=0.5, limit=1)

@check("persistence.saving")
def test_advises(judge, service):
    judge.advise("look at this", evidence={"why": "because"})

@check("replication.link")
def test_has_no_subject(judge, service):
    judge.not_applicable("nothing here")

def test_plain_pass():
    pass

def test_plain_failure():
    assert 1 == 2

def test_plain_skip():
    pytest.skip("not today")

@pytest.mark.xfail
def test_expected_failure():
    assert 1 == 2

@pytest.fixture
def shaky():
    yield
    raise OSError("on the way out")

def test_fails_in_teardown(shaky):
    pass
'''


@pytest.fixture(scope="module")
def every_verdict(healthy: Server, tmp_path_factory: pytest.TempPathFactory) -> product.Outcome:
    """A run of checks that end in every way that a check can end."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "test_own.py").write_text(OWN_CHECKS)
    return product.run(folder, "smoke", "--", "-v", "test_own.py", env=product.urls(healthy.url))


@pytest.fixture(scope="module")
def sound(healthy: Server, tmp_path_factory: pytest.TempPathFactory) -> product.Outcome:
    """A healthy run, that is as short as can be."""
    folder = tmp_path_factory.mktemp("sound")
    env = product.urls(healthy.url)
    return product.run(folder, "smoke", "--select", "connectivity", "memory.used_ratio", env=env)


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("connectivity.reachable[queue]", "fail", "3 of 2"),
        ("connectivity.clients[queue]", "warn", "a bit much"),
        ("connectivity.role[cache]", "unknown", "too dark"),
        ("latency.slowlog[cache]", "unknown", "too far"),
        ("memory.evictions[queue]", "warn", "seen on the way"),
        ("connectivity.pubsub[queue]", "pass", "it is so"),
        ("jwt_cache.populated[cache]", "fail", "assert 1 == 2"),
        ("memory.used_ratio[queue]", "unknown", "the check ended without a ruling"),
        ("memory.eviction_policy[queue]", "unknown", "the check itself failed (ZeroDivisionError)"),
        ("memory.fragmentation[cache]", "pass", "fine"),
        ("persistence.saving[queue]", "warn", "look at this"),
        ("replication.link[queue]", "not_applicable", "nothing here"),
        ("test_own[test_plain_pass]", "pass", "passed"),
        ("test_own[test_plain_failure]", "fail", "assert 1 == 2"),
        ("test_own[test_plain_skip]", "not_applicable", "not today"),
        ("test_own[test_expected_failure]", "fail", "assert 1 == 2"),
        ("test_own[test_fails_in_teardown]", "unknown", "the check itself failed (OSError)"),
    ],
)
def test_a_check_that_ends_in_any_way_has_a_verdict(
    name: str, verdict: str, words: str, every_verdict: product.Outcome
) -> None:
    assert every_verdict.verdicts[name] == verdict
    assert words in every_verdict.message(name)
    assert f"  {name}" in every_verdict.out


def test_a_finding_carries_what_a_person_needs_to_act(every_verdict: product.Outcome) -> None:
    assert every_verdict.finding("connectivity.reachable[queue]") == {
        "check": "connectivity.reachable",
        "service": "queue",
        "subject": "queue",
        "role": "queue",
        "verdict": "fail",
        "observed": 3,
        "limit": 2.0,
        "unit": "ms",
        "message": "3 of 2",
        "runbook": CATALOGUE["connectivity.reachable"].runbook,
        "next_steps": ["Look first", "Turn it off and on."],
        "evidence": {"seen": [1]},
        "advisory": False,
        "follows_from": None,
        "why": None,
        "window": None,
        "suppressed": None,
    }
    assert every_verdict.finding("persistence.saving[queue]")["evidence"] == {"why": "because"}
    assert every_verdict.finding("memory.fragmentation[cache]")["next_steps"] == []
    assert every_verdict.code == 1


@pytest.mark.parametrize("run", ["every_verdict", "sound"])
def test_results_are_what_the_contract_says(run: str, request: pytest.FixtureRequest) -> None:
    done: product.Outcome = request.getfixturevalue(run)
    document = json.loads(done.files["results.json"])
    assert (document["reportFormat"], document["specVersion"]) == ("CTRF", "1.0.0")
    assert dt.datetime.fromisoformat(document["timestamp"]).tzinfo == dt.UTC
    results = done.results
    assert set(results) == {"tool", "summary", "tests", "extra"}
    assert results["tool"]["name"] == "redis-runbook"
    tests, summary, extra = results["tests"], results["summary"], results["extra"]
    for test in tests:
        found = test["extra"]
        assert set(test) == {"name", "status", "duration", "message", "extra"}
        assert test["name"] == f"{found['check']}[{found['subject']}]"
        assert test["status"] == STATUS[found["verdict"]]
        assert test["message"] == found["message"] != ""
        assert test["duration"] >= 0
        assert list(found) == list(EXTRA)
        assert all(isinstance(found[key], kind) for key, kind in EXTRA.items())
        if found["check"] in CATALOGUE:
            spec = CATALOGUE[found["check"]]
            assert found["runbook"] == spec.reference_for(found["role"])
            assert found["unit"] == (spec.unit if found["limit"] is not None else None)
    assert len({test["name"] for test in tests}) == len(tests)
    statuses = [test["status"] for test in tests]
    for status in ("passed", "failed", "skipped", "pending", "other"):
        assert summary[status] == statuses.count(status)
    assert summary["tests"] == len(tests)
    now_ms = time.time() * 1000
    assert now_ms - 120_000 < summary["start"] < summary["stop"] < now_ms
    verdicts = list(done.verdicts.values())
    assert extra["counts"] == {verdict: verdicts.count(verdict) for verdict in STATUS}
    assert (extra["profile"], extra["target"], extra["announcement"]) == ("smoke", "live", None)
    assert extra["exit_code"] == done.code
    assert extra["healthy"] is (done.code == 0)
    assert extra["interrupted"] is False
    assert extra["window_s"] == 2
    assert set(extra["servers"]) == {"queue", "cache"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", extra["servers"]["queue"]["version"])


def test_the_junit_report_counts_the_same(every_verdict: product.Outcome) -> None:
    (suite,) = ET.fromstring(every_verdict.junit)  # noqa: S314  # our own
    counts = every_verdict.results["extra"]["counts"]
    assert suite.get("name") == "redis-runbook smoke"
    assert int(suite.get("tests", "")) == len(every_verdict.verdicts)
    kinds = {"failure": "fail", "error": "unknown", "skipped": "not_applicable"}
    advisory = [
        test["extra"]
        for test in every_verdict.results["tests"]
        if test["extra"]["advisory"] and test["extra"]["verdict"] == "unknown"
    ]
    assert advisory
    counts["unknown"] -= len(advisory)
    counts["not_applicable"] += len(advisory)
    for kind, verdict in kinds.items():
        number = suite.get(kind if kind == "skipped" else f"{kind}s")
        assert int(number or "") == len(suite.findall(f"testcase/{kind}")) == counts[verdict]
    for case in suite.findall("testcase"):
        finding = every_verdict.finding(str(case.get("name")))
        outcome, *_ = case
        said = f"{outcome.get('message', '')}{outcome.text or ''}"
        assert case.get("classname") == finding["check"]
        assert finding["message"] in said
        shown = "not_applicable" if finding in advisory else finding["verdict"]
        assert kinds.get(outcome.tag) == {"pass": None, "warn": None}.get(shown, shown)
        assert all(f"next: {step}" in said for step in finding["next_steps"])


def test_a_run_leaves_stable_names_and_its_own_and_nothing_else(sound: product.Outcome) -> None:
    assert sound.code == 0
    assert len(sound.files) == 6
    stable = {".html": "latest.html", ".json": "results.json", ".xml": "junit.xml"}
    dated = [name for name in sound.files if re.fullmatch(r"smoke-\d{8}T\d{6}Z\.\w+", name)]
    assert {Path(name).suffix for name in dated} == set(stable)
    for name in dated:
        assert sound.files[name] == sound.files[stable[Path(name).suffix]]
    started = dt.datetime.fromisoformat(json.loads(sound.files["results.json"])["timestamp"])
    assert all(f"{started:%Y%m%dT%H%M%SZ}" in name for name in dated)


def test_a_selection_waits_for_nothing_that_it_does_not_need(sound: product.Outcome) -> None:
    summary = sound.results["summary"]
    assert summary["stop"] - summary["start"] < 7_000


def test_a_later_run_keeps_earlier_reports_and_moves_the_stable_names(
    healthy: Server, folder: Path
) -> None:
    env = product.urls(healthy.url)
    first = product.run(folder, "smoke", "--select", "memory.used_ratio", env=env)
    second = product.run(folder, "gate", "--select", "memory.evictions", env=env)
    kept = {name: text for name, text in second.files.items() if name.startswith("smoke-")}
    assert kept == {name: first.files[name] for name in kept}
    assert len(kept) == 3
    assert len(second.files) == 9
    assert second.results["extra"]["profile"] == "gate"
    assert "redis-runbook gate" in second.html


@pytest.mark.parametrize(
    ("arguments", "env", "config"),
    [
        (("smoke", "--target", "live"), {"REDIS_QUEUE_URL": "http://h"}, ""),
        (("smoke",), {}, "[services.queue]\nrole = 'queeu'\n"),
        (("smoke",), {}, "not toml"),
        (("smoke", "--select", "no.such"), {}, ""),
        (("smoke", "--deadline", "soon"), {}, ""),
        (("gate",), {}, ""),
    ],
)
def test_a_run_that_cannot_start_leaves_the_previous_report_alone(
    arguments: tuple[str, ...], env: Mapping[str, str], config: str, folder: Path
) -> None:
    reports = folder / "reports"
    reports.mkdir(parents=True)
    before = {}
    for name in ("latest.html", "results.json", "junit.xml"):
        (reports / name).write_text(f"the last {name}")
        before[name] = (reports / name).stat().st_mtime_ns
    done = product.run(folder, *arguments, env=env, config=config)
    assert done.code == 4
    assert done.files == {name: f"the last {name}" for name in before}
    assert {path.name: path.stat().st_mtime_ns for path in reports.iterdir()} == before
    assert done.err
    assert "Traceback" not in done.out + done.err


def test_a_report_folder_of_any_name_is_used_and_named(healthy: Server, folder: Path) -> None:
    name = 're\'ports <b> & "größe" $HOME; 100 %'
    done = product.run(
        folder, "smoke", "--select", "memory.used_ratio", "--report-dir", name,
        env=product.urls(healthy.url),
    )  # fmt: skip
    assert done.code == 0
    assert f"report: {name}/latest.html" in done.out
    assert len(list((folder / name).iterdir())) == 6
    assert "<b>" not in (folder / name / "latest.html").read_text()


def test_a_report_folder_with_control_characters_is_refused(folder: Path) -> None:
    done = product.run(folder, "smoke", "--report-dir", "re\x1b[2Jports")
    assert done.code == 4
    assert "report_dir" in done.err
    assert "\x1b" not in done.out + done.err
    assert list(folder.iterdir()) == []
