"""`redis-runbook judge`: the same verdicts on saved facts, offline, and never taken for now's."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.config.error import ConfigError
from redis_runbook.reporting.previous import parse_record
from redis_runbook.session.saved import load_saved
from tests.process.test_secrets import JWT, PASSWORD
from tests.support import product
from tests.support.judging import assert_same, judge, ruled
from tests.support.programs import bundled
from tests.support.servers import Server

LIMITS = (
    "[services.cache.limits]\nmemory_ratio = 0.0001\n[jwt_cache]\nmin_entries = 3\n"
    "[queues.render]\ndepth = 1\n"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> product.Outcome:
    """A whole run on a queue that is down and a cache that is broken, with another before it."""
    folder = tmp_path_factory.mktemp("broken") / "run"
    options = ("--maxmemory", "100mb", "--slowlog-log-slower-than", "0")
    with bundled(*options) as queue, bundled(*options) as cache:
        raw = cache.client()
        raw.set("jwt:1", "{}", ex=3600)
        raw.set("jwt:2", "{}")
        since_ms = int(time.time() * 1000) - 9_000
        queue.client().hset("bull:render:meta", mapping={"version": "bullmq:5.81.5"})
        queue.client().lpush("bull:render:wait", "1", "2")
        queue.client().hset(
            "bull:render:1", mapping={"name": "x", "timestamp": since_ms, "opts": "{}"}
        )
        env = product.urls(queue.url, cache.url)
        product.run(folder, "smoke", "--select", "connectivity", env=env, config=LIMITS)
        return product.run(folder, "smoke", env=env, config=LIMITS)


@pytest.fixture(scope="module")
def document(run: product.Outcome) -> dict[str, Any]:
    return json.loads(run.files["evidence.json"])  # type: ignore[no-any-return]


def test_it_says_the_same_without_a_connection(
    folder: Path, run: product.Outcome, document: dict[str, Any]
) -> None:
    assert {"fail", "warn", "pass", "not_applicable"} <= {*run.verdicts.values()}
    assert run.verdicts["queue.depth[render]"] == "fail"
    done = judge(folder, document)
    assert_same(done, run)
    assert done.code == 1
    assert "OPENED" not in done.out


def test_the_proof_of_no_connection_can_fail(folder: Path, document: dict[str, Any]) -> None:
    folder.mkdir()
    plugin = folder / "acme.py"
    plugin.write_text("import socket\nsocket.getaddrinfo('localhost', 1)\n")
    done = judge(folder / "x", document, config='plugins = ["../acme.py"]\n')
    assert (done.code, done.out) == (70, "OPENED socket.getaddrinfo localhost 1\n")


def test_nobody_takes_it_for_what_is_so_now(folder: Path, document: dict[str, Any]) -> None:
    done = judge(folder, document)
    began = document["run"]["started_at"]
    then = f"{began[:10]} {began[11:19]} UTC"
    first, *_, last = [line for line in done.out.splitlines() if line]
    assert first == f"judged from evidence saved by a run of {then}; nothing was looked at now"
    assert f"BROKEN as of {then}: " in done.out
    assert "; by evidence that was saved then: " in done.out
    assert last == "report: reports/judged/latest.html"
    assert f"BROKEN as of {then}" in done.html
    assert first in done.html
    assert "redis-runbook smoke (saved evidence)" in done.html
    assert 'name="redis-runbook smoke (saved evidence)"' in done.junit
    extra = done.results["extra"]
    assert (extra["target"], extra["judged"]["target"]) == ("evidence", "live")
    assert extra["judged"]["at"] > began
    assert extra["announcement"] == first
    assert extra["logins"] == []
    assert "evidence.json" not in done.files
    stored = parse_record(done.files["results.json"])
    assert (stored.target, stored.judged_at is None) == ("live", False)


def test_a_run_after_it_compares_with_no_judgement(
    folder: Path, document: dict[str, Any], healthy: Server
) -> None:
    judge(folder, document, "--report-dir", "reports")
    arguments = ("smoke", "--select", "connectivity.clients")
    done = product.run(folder, *arguments, env=product.urls(healthy.url))
    assert "since it started" in done.message("connectivity.clients[cache]")


def test_other_limits_are_asked_of_the_same_facts(
    folder: Path, run: product.Outcome, document: dict[str, Any]
) -> None:
    limits = (
        "[services.cache.limits]\nmemory_ratio = 0.9\n"
        '[jwt_cache]\nmin_entries = 2\n[checks."queue.depth"]\nlevel = "advisory"\n'
    )
    done = judge(folder, document, config=limits)
    changed = {
        name: (run.verdicts[name], verdict)
        for name, verdict in done.verdicts.items()
        if verdict != run.verdicts[name]
    }
    assert changed == {
        "memory.used_ratio[cache]": ("fail", "pass"),
        "jwt_cache.populated[cache]": ("fail", "pass"),
        "queue.depth[render]": ("fail", "warn"),
    }
    assert done.finding("memory.used_ratio[cache]")["limit"] == 0.9
    assert done.results["extra"]["configured_by"] == "limits.toml"


def test_only_what_is_selected_is_judged(folder: Path, document: dict[str, Any]) -> None:
    done = judge(folder, document, "--select", "memory.used_ratio", "latency")
    assert {name.partition("[")[0] for name in done.verdicts} == {
        "memory.used_ratio", "latency.round_trip", "latency.command_p95", "latency.slowlog"
    }  # fmt: skip
    assert "checks were not selected" in done.out


def test_it_judges_what_the_run_judged_unless_more_is_selected(folder: Path) -> None:
    with bundled("--maxmemory", "100mb") as server:
        env = product.urls(server.url)
        some = product.run(folder, "smoke", "--select", "memory", env=env, config=LIMITS)
    assert_same(judge(folder / "same", some.files["evidence.json"]), some)
    more = judge(folder / "more", some.files["evidence.json"], "--select", "persistence")
    assert more.verdicts == {
        "persistence.saving[queue]": "unknown", "persistence.saving[cache]": "unknown"
    }  # fmt: skip
    assert more.message("persistence.saving[queue]") == (
        "the evidence does not have these facts about queue: PersistenceFacts"
    )
    assert more.code == 3


def test_a_service_that_the_evidence_lacks_is_unknown(
    folder: Path, document: dict[str, Any]
) -> None:
    more = '[services.other]\nrole = "cache"\n'
    done = judge(folder, document, "--select", "memory.used_ratio", config=more)
    assert done.verdicts["memory.used_ratio[other]"] == "unknown"
    off = judge(folder / "off", document, config="[services.cache]\nenabled = false\n")
    assert off.verdicts["memory.used_ratio[cache]"] == "not_applicable"


def test_a_queue_that_was_not_asked_for_is_unknown(folder: Path, document: dict[str, Any]) -> None:
    done = judge(folder, document, config='[services.queue]\nqueues = ["bundle:other"]\n')
    assert done.verdicts["queue.depth[bundle:other]"] == "unknown"
    assert "the evidence has nothing about it" in done.message("queue.depth[bundle:other]")


def test_throwaway_servers_stay_that(folder: Path) -> None:
    limits = "[services.cache.limits]\nmemory_ratio = 0.0001\n"
    run = product.run(folder, "smoke", "--target", "embedded", config=limits)
    done = judge(folder / "judged", run.files["evidence.json"])
    assert_same(done, run)
    assert "the queue bundle:render is a demonstration; judged from evidence" in done.out
    assert "UTC, throwaway servers (embedded)" in done.out


def test_a_finding_that_nothing_here_can_judge_is_unknown(folder: Path) -> None:
    folder.mkdir()
    (folder / "test_mine.py").write_text("def test_fails():\n    assert False\n")
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as server:
        run = product.run(folder, "smoke", "--", "test_mine.py", env=product.urls(server.url))
    done = judge(folder / "judged", run.files["evidence.json"])
    assert run.verdicts["test_mine[test_fails]"] == "fail"
    assert done.verdicts == {**run.verdicts, "test_mine[test_fails]": "unknown"}
    assert done.message("test_mine[test_fails]").endswith("the run said fail")
    some = judge(folder / "some", run.files["evidence.json"], "--select", "memory.evictions")
    assert "test_mine[test_fails]" not in some.verdicts


def test_a_level_of_a_check_that_is_not_here_does_not_matter(
    folder: Path, document: dict[str, Any], run: product.Outcome
) -> None:
    levels = {"acme.depth": {"level": "advisory"}}
    configured = {**document["configuration"], "checks": levels}
    assert_same(judge(folder, {**document, "configuration": configured}), run)
    other = '[checks."acme.depth"]\nlevel = "advisory"\n'
    assert judge(folder / "own", document, config=other).code == 4


def test_commands_a_login_and_a_log_are_judged_without_them(folder: Path, healthy: Server) -> None:
    folder.mkdir()
    (folder / "worker.log").write_text("started\n")
    config = (
        '[commands.url]\nrun = ["/bin/sh", "-c", "echo seen; exit 3", "planted-argument"]\n'
        'env = { X = "planted-value" }\ncwd = "."\n'
        '[commands.never]\nrun = ["/bin/true"]\nprofiles = ["nightly"]\n'
        '[jwt_cache.login]\nrun = ["/bin/true", "planted-login"]\ntimeout = 0.5\n'
        '[containers.worker]\nkind = "worker"\nservice = "queue"\nlog_file = "worker.log"\n'
    )
    select = ("--select", "incident", "jwt_cache")
    run = product.run(folder, "smoke", *select, env=product.urls(healthy.url), config=config)
    assert run.verdicts["incident.smoke_command[url]"] == "fail"
    assert run.verdicts["incident.smoke_command[never]"] == "not_applicable"
    assert run.verdicts["jwt_cache.refreshes[cache]"] == "fail"
    assert "incident.workers_reconnected[worker]" in run.verdicts
    assert "planted" not in run.files["evidence.json"]
    assert_same(judge(folder / "judged", run.files["evidence.json"]), run)
    other = '[commands.url]\nrun = ["/bin/true"]\n'
    done = judge(folder / "other", run.files["evidence.json"], config=other)
    assert (done.code, "commands.url.run decides what is observed" in done.err) == (4, True)


def test_so_is_what_was_lost_since_a_snapshot(folder: Path) -> None:
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as server:
        env, raw = product.urls(server.url), server.client()
        for queue in ("render", "token:planted-a", "token:planted-b"):
            raw.hset(f"bull:{queue}:meta", mapping={"version": "bullmq:5.81.5"})
        product.run(folder, "snapshot", "before.json", env=env)
        raw.delete("bull:render:meta", "bull:token:planted-b:meta")
        select = ("--select", "incident.data_kept", "--baseline", "before.json")
        run = product.run(folder, "smoke", *select, env=env)
    assert run.verdicts["incident.data_kept[queue]"] == "fail", run.out
    assert "planted" not in run.files["evidence.json"]
    judged = judge(folder / "judged", run.files["evidence.json"])
    assert (judged.code, judged.verdicts) == (run.code, run.verdicts)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/login", None], ids=["there", "not set"])
def test_so_is_a_login_by_a_request(folder: Path, healthy: Server, url: str | None) -> None:
    config = '[jwt_cache]\nmin_entries = 9999\n[jwt_cache.login]\nurl_env = "LOGIN_URL"\n'
    env = product.urls(healthy.url) | ({"LOGIN_URL": url} if url else {})
    run = product.run(folder, "smoke", "--select", "jwt_cache", env=env, config=config)
    assert run.verdicts["jwt_cache.refreshes[cache]"] == ("fail" if url else "not_applicable")
    assert_same(judge(folder / "judged", run.files["evidence.json"]), run)


# What is a secret


@pytest.mark.parametrize("shown", [True, False], ids=["job details", "no job details"])
def test_it_holds_no_secret(folder: Path, shown: bool) -> None:  # noqa: FBT001  # a parameter
    now_ms = int(time.time() * 1000)
    with bundled("--requirepass", PASSWORD, "--slowlog-log-slower-than", "0") as server:
        raw = server.client(password=PASSWORD, client_name="planted-not:token=planted-name")
        raw.set(f"jwt:{JWT}", JWT)
        for queue in (f"q-{JWT}", "token:planted-a", "token:planted-b"):
            raw.hset(f"bull:{queue}:meta", mapping={"version": "bullmq:5.81.5"})
            raw.lpush(f"bull:{queue}:active", "2")
            raw.lpush(f"bull:{queue}:wait", f"id-{JWT}", "password=planted-id")
            raw.hset(f"bull:{queue}:password=planted-id", mapping={
                "name": f"job {JWT}", "data": '{"token": "planted-data"}', "opts": "{}",
                "timestamp": now_ms - 90_000})  # fmt: skip
            raw.hset(f"bull:{queue}:2", mapping={"name": "x", "data": "planted-data"})
            raw.zadd(f"bull:{queue}:failed", {"3": now_ms})
            raw.hset(f"bull:{queue}:3", "failedReason", f"401 of {JWT}")
        env = product.urls(server.url.replace("://", f"://:{PASSWORD}@"))
        env |= {"REDIS_EXPORTER_URL": "http://u:planted-basic@127.0.0.1:1/metrics"}
        env |= {"CI_JOB_TOKEN": "planted-variable", "GRAFANA_TOKEN": "planted-grafana"}
        config = (
            f'[privacy]\njob_details = {str(shown).lower()}\n[queues."token:planted-a"]\n'
            'depth = 1\n[services.queue]\nqueues = ["token:planted-a"]\n'
            '[commands."token=planted-command"]\nrun = ["/bin/false"]\n'
            '[jwt_cache]\npattern = "token=planted-pattern:*"\n'
            '[containers.w]\nkind = "worker"\nservice = "queue"\nlog_file = "token=planted-file"\n'
            'reconnect_line = "password=planted-line"\nlog_patterns = ["secret=planted-pattern"]\n'
        )
        run = product.run(folder, "smoke", env=env, config=config)
    text = run.files["evidence.json"].replace("planted-not:", "")
    assert JWT not in run.everything
    assert PASSWORD not in run.everything
    assert json.dumps(PASSWORD)[1:-1] not in run.everything
    assert "planted" not in text
    assert "planted" not in run.everything.replace("planted-not:", "")
    assert "id-[redacted]" in text or not shown
    done = judge(folder / "judged", run.files["evidence.json"])
    assert run.verdicts["queue.depth[token:[redacted]]"] == "fail"
    assert done.verdicts == run.verdicts
    assert done.code == run.code


@pytest.mark.parametrize("word", ["depth", "queues", "limits", "services", "memory", "cache:*"])
def test_a_password_that_is_a_word_of_ours_spoils_nothing(
    folder: Path, healthy: Server, word: str
) -> None:
    config = f'[queues.render]\ndepth = 5\n{LIMITS.partition("[queues")[0]}pattern = "cache:*"\n'
    env = {**product.urls(healthy.url), "A_PASSWORD": word, "B_URL": f"http://u:{word}@h"}
    run = product.run(folder, "smoke", env=env, config=config)
    judged = judge(folder / "judged", run.files["evidence.json"])
    assert (judged.code, judged.verdicts) == (run.code, run.verdicts)


# What is no evidence


def broken(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], str]:
    def made(document: dict[str, Any]) -> str:
        copy = json.loads(json.dumps(document))
        change(copy)
        return json.dumps(copy)

    return made


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "empty": (lambda _: "", "is not JSON"),
    "no JSON": (lambda _: "{", "is not JSON"),
    "a list": (lambda _: "[]", "is no evidence of redis-runbook's"),
    "another JSON": (lambda _: "{}", "is no evidence of redis-runbook's"),
    "deep": (lambda _: '{"a":' * 100_000, "is no evidence of redis-runbook's"),
    "elements": (lambda _: f"[{'[],' * 310_000}[]]", "has more than 300,000 elements"),
    "bytes": (lambda _: '"' + "x" * (13 << 20) + '"', "is larger than 12,582,912 bytes"),
    "digits": (lambda _: f'{{"format": {"9" * 10_000}}}', "is not JSON"),
    "another format": (
        broken(lambda it: it.update(version=2, generated_by="redis-runbook 9.1")),
        "has a format that this version does not read: it was written by redis-runbook 9.1",
    ),
    "no facts": (broken(lambda it: it.pop("facts")), "is no evidence of redis-runbook's"),
    "facts as a list": (broken(lambda it: it.update(facts=[])), "is no evidence"),
    "other facts": (
        broken(lambda it: it["facts"]["services"]["cache"]["memory"].update(used_bytes="much")),
        "MemoryFacts.used_bytes: is not an integer",
    ),
    "unknown facts": (
        broken(lambda it: it["facts"]["services"]["cache"]["memory"].update(x=1)),
        "MemoryFacts has 1 field that is not known",
    ),
    "an unknown service": (
        broken(lambda it: it["facts"]["services"].update({"x\x1b[31m": {}})),
        r"has facts about x\x1b[31m, which its configuration does not have",
    ),
    "an unknown profile": (
        broken(lambda it: it["run"].update(profile="../../x")),
        "SavedRun.profile: is not a known word",
    ),
    "a time without a zone": (
        broken(lambda it: it["run"].update(started_at="2026-01-01T00:00:00")),
        "SavedRun.started_at: is not a moment with its time zone",
    ),
    "a time far away": (
        broken(lambda it: it["run"].update(started_at="9999-12-31T23:59:59+00:00")),
        "SavedRun.started_at: is not a moment of these years",
    ),
    "a run without an end": (
        broken(lambda it: it["run"].update(elapsed_s=1e18)),
        "has a run that took impossibly long",
    ),
    "many findings of nobody's": (
        broken(
            lambda it: it["run"].update(
                findings=[{"check": "x", "subject": "y", "verdict": "fail"}] * 1_001
            )
        ),
        "has more than 1,000 findings that nothing here can judge",
    ),
    "many queues": (
        broken(
            lambda it: it["configuration"]["services"]["queue"].update(
                queues=[str(number) for number in range(1_001)]
            )
        ),
        "has more than 1,000 queues",
    ),
    "evidence of an unknown service": (
        broken(lambda it: it.update(gathered={str(number): {} for number in range(1_000)})),
        "has facts about 0, which its configuration does not have",
    ),
    "a plugin": (
        broken(lambda it: it["configuration"].update(plugins=["evil.py"])),
        "has keys in its configuration that evidence never has",
    ),
    "a file to read": (
        broken(lambda it: it["configuration"]["services"]["cache"].update(url_file="/etc/x")),
        "has keys in its configuration that evidence never has",
    ),
    "a folder to write to": (
        broken(lambda it: it["configuration"].update(report_dir="/")),
        "has keys in its configuration that evidence never has",
    ),
    "a large configuration": (
        broken(lambda it: it["configuration"].update(queues={str(n): {} for n in range(90_000)})),
        "has a configuration that is too large",
    ),
}


def refused(file: Path, config: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_saved(file, config, {})
    return str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, document: dict[str, Any], name: str
) -> None:
    make, why = HOSTILE[name]
    file = tmp_path / "x\x1b.json"
    file.write_text(make(document))
    said = refused(file)
    assert "x\\x1b.json: " in said
    assert why in said
    assert said.isprintable()


@pytest.mark.parametrize("name", ["deep", "elements", "bytes", "other facts", "a plugin"])
def test_that_is_bad_usage_soon_told(folder: Path, document: dict[str, Any], name: str) -> None:
    make, why = HOSTILE[name]
    folder.mkdir()
    (folder / "evil.py").write_text("import sys\nsys.exit(99)\n")
    (folder / "evidence.json").write_text(make(document))
    done, took_s = product.measured(folder, "judge", "evidence.json")
    assert (done.code, done.out, done.files) == (4, "", {}), done.err
    assert done.err.strip().count("\n") == 0
    assert done.err.startswith("ERROR: evidence evidence.json: ")
    assert why in done.err
    assert took_s < 10


def test_the_largest_that_is_read_takes_bounded_memory(
    folder: Path, document: dict[str, Any]
) -> None:
    folder.mkdir()
    large = json.loads(json.dumps(document))
    large["gathered"] = {"queue": {"LOG": ["x" * 300] * 30_000}}
    (folder / "evidence.json").write_text(json.dumps(large))
    done, took_s = product.measured(folder, "judge", "evidence.json")
    assert done.code == 1, done.err
    assert took_s < 20


def test_what_many_checks_could_not_be_told_takes_bounded_memory(
    folder: Path, document: dict[str, Any]
) -> None:
    folder.mkdir()
    large = json.loads(json.dumps(document))
    facts = large["facts"]["services"]["queue"]
    facts["discovery"]["queues"] = [{"prefix": "bull", "name": str(at)} for at in range(250)]
    facts["queues"] = {"cannot_look": "no permission for XRANGE on queue", "follows_from": None}
    (folder / "evidence.json").write_text(json.dumps(large))
    done, took_s = product.measured(folder, "judge", "evidence.json")
    assert " 1512 unknown, 502 unknown (advisory), " in done.out, done.out
    assert took_s < 20


def test_a_configuration_that_is_wrong_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    wrong = json.loads(json.dumps(document))
    wrong["configuration"]["services"]["cache"]["limits"]["memory_ratio"] = "x"
    (tmp_path / "evidence.json").write_text(json.dumps(wrong))
    assert refused(tmp_path / "evidence.json").startswith(
        "evidence: services.cache.limits.memory_ratio = 'x': must be a valid number"
    )


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ('[jwt_cache]\npattern = "other:*"\n', "jwt_cache.pattern"),
        ('[services.queue]\nprefix = "bee"\n', "services.queue.prefix"),
        ('[services.queue]\nrole = "cache"\n', "services.queue.role"),
        ('[services.cache.series]\njob = "x"\n', "services.cache.series.job"),
        ('[grafana]\ndashboards = ["x"]\n', "grafana.dashboards"),
    ],
)
def test_a_configuration_that_asks_for_something_else_is_refused(
    tmp_path: Path, document: dict[str, Any], config: str, key: str
) -> None:
    (tmp_path / "evidence.json").write_text(json.dumps(document))
    (tmp_path / "other.toml").write_text(config)
    said = refused(tmp_path / "evidence.json", tmp_path / "other.toml")
    assert said.startswith(f"{key} decides what is observed")


@pytest.mark.parametrize("output", ["prometheus", "evidence", "nothing"])
def test_outputs_about_now_are_refused(folder: Path, document: dict[str, Any], output: str) -> None:
    done = judge(folder, document, "--output", output)
    assert (done.code, done.files) == (4, {})
    assert f"--output {output}: " in done.err


def test_a_file_that_cannot_be_read_is_bad_usage(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    for name, why in {"none.json": "does not exist", "pipe": "is not a plain file"}.items():
        done = product.run(folder, "judge", name)
        assert (done.code, done.err.strip()) == (4, f"ERROR: evidence {name}: {why}")


def test_control_characters_of_the_file_reach_no_output(
    folder: Path, document: dict[str, Any]
) -> None:
    text = json.dumps(document).replace("bundle", "b")
    hostile = json.loads(text)
    hostile["run"]["services"]["cache"]["endpoint"]["host"] = "h\x1b[31m<b>"
    hostile["facts"]["services"]["cache"]["memory"]["policy"] = "x\x1b[31m<script>\n"
    hostile["gathered"] = {"cache": {"<b>\x1b[0m": ["\x07<script>"]}}
    done = judge(folder, hostile)
    assert done.code == 1
    assert "\x1b" not in done.everything
    assert "\x07" not in done.everything
    assert "<script>\\n" not in done.html
    assert ruled(done)
