"""Exit codes, selection and bad usage, as a user sees them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.places import CHECKS
from tests.support.programs import bundled
from tests.support.servers import Server


def test_a_broken_invariant_outranks_an_unknown_one(healthy: Server, folder: Path) -> None:
    dead = f"redis://127.0.0.1:{free_port()}"
    done = product.run(folder, "smoke", env=product.urls(dead, healthy.url))
    assert done.code == 1
    assert done.results["extra"]["exit_code"] == 1
    assert done.results["extra"]["healthy"] is False
    assert done.results["extra"]["counts"]["unknown"] > 0
    assert "BROKEN" in done.out


def test_an_unknown_verdict_is_never_healthy(folder: Path) -> None:
    with bundled() as server:
        done = product.run(
            folder, "smoke", "--select", "memory.used_ratio", env=product.urls(server.url)
        )
    assert done.code == 3
    assert done.results["extra"]["healthy"] is False


def test_nothing_checked_is_never_healthy(healthy: Server, folder: Path) -> None:
    done = product.run(folder, "smoke", "--select", "replication", env=product.urls(healthy.url))
    assert done.code == 5
    assert set(done.verdicts.values()) == {"not_applicable"}
    assert "NOTHING CHECKED" in done.out


def test_a_selection_is_said_to_be_one(healthy: Server, folder: Path) -> None:
    done = product.run(
        folder, "smoke", "--select", "connectivity.role", env=product.urls(healthy.url)
    )
    assert done.code == 0
    assert done.results["extra"]["left_out"] > 20
    said = f"{done.results['extra']['left_out']} checks were not selected"
    assert said in done.out
    assert said in done.html


def test_listing_the_checks_checks_nothing(healthy: Server, folder: Path) -> None:
    env = product.urls(healthy.url)
    done = product.run(folder, "smoke", "--", "--collect-only", "-q", env=env)
    assert done.code == 5
    assert not done.files


def test_a_url_that_is_not_set_is_unknown(healthy: Server, folder: Path) -> None:
    done = product.run(
        folder, "smoke", "--select", "connectivity", env={"REDIS_QUEUE_URL": healthy.url}
    )
    assert done.code == 3
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
    assert "set REDIS_CACHE_URL" in done.message("connectivity.reachable[cache]")


def test_target_live_falls_back_to_the_runbooks_addresses(folder: Path) -> None:
    done = product.run(folder, "smoke", "--target", "live", "--select", "connectivity")
    assert done.code == 1
    assert "the name redis-queue does not resolve" in done.message("connectivity.reachable[queue]")


def test_gate_refuses_to_fall_back(folder: Path) -> None:
    done = product.run(folder, "gate")
    assert done.code == 4
    assert "REDIS_QUEUE_URL" in done.err
    assert not done.files


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["smoke", "--select", "memry"], "the nearest is memory"),
        (["smoke", "--select", "memory.evictionz"], "the nearest is memory.evictions"),
        (["smoke", "--select", ""], "there is no such check"),
        (["smoke", "--config", "missing.toml"], "missing.toml"),
        (["smoke", "--deadline", "soon"], "--deadline"),
        (["smoke", "--target", "moon"], "--target"),
        (["smok"], "the nearest is smoke"),
        (["nigthly"], "the nearest is nightly"),
        (["queue", "lst"], "the nearest is list"),
        (["smoke", "--target", "contaner"], "the nearest is container"),
        (["smoke", "--outptu", "json"], "1 value that is not shown; the nearest is --output"),
        (["judge", "x.json", "--slect", "memory", "--outptu=x"], "are --select and --output"),
        (["config", "--zzz"], "unrecognized arguments: --zzz\n"),
        ([], "COMMAND"),
    ],
)
def test_bad_usage_is_code_4_without_a_traceback(
    arguments: list[str], words: str, folder: Path
) -> None:
    done = product.run(folder, *arguments)
    assert done.code == 4
    assert words in done.err
    assert "Traceback" not in done.err + done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["smoke", "--url=redis://:planted-word@h"],
        ["redis://:planted-word@h"],
        ["smoke", "--target", "redis://:planted-word@h"],
        ["queue", "list", "redis://:planted-word@h", "--servce"],
    ],
)
def test_a_misspelt_argument_is_quoted_without_its_password(
    arguments: list[str], folder: Path
) -> None:
    done = product.run(folder, *arguments)
    assert done.code == 4
    assert "planted-word" not in done.everything


@pytest.mark.parametrize(
    ("selected", "ids"),
    [
        ("memory.evictions", {"memory.evictions"}),
        ("memory.evic", {"memory.evictions", "memory.eviction_policy"}),
        ("mem", {"memory.used_ratio", "memory.eviction_policy", "memory.evictions",
                 "memory.fragmentation"}),
        ("queue.sta", {"queue.stalled"}),
    ],
)  # fmt: skip
def test_an_id_selects_itself_and_the_beginning_of_ids_all_of_them(
    selected: str, ids: set[str], healthy: Server, folder: Path
) -> None:
    done = product.run(folder, "smoke", "--select", selected, env=product.urls(healthy.url))
    assert {name.partition("[")[0] for name in done.verdicts} == ids


@pytest.mark.parametrize("command", [["config"], ["smoke", "--select", "exporter"]])
def test_a_url_that_cannot_be_asked_is_bad_configuration(command: list[str], folder: Path) -> None:
    done = product.run(folder, *command, config='[exporter]\nurl = "http://h/a@b"')
    assert done.code == 4
    assert "exporter.url: the URL holds an @ outside its credentials" in done.err


def test_a_command_loads_only_what_it_needs() -> None:
    program = (
        "import contextlib, sys; from redis_runbook.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--version'])\n"
        "print({'pydantic', 'pytest', 'redis', 'requests'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[1:] == ["set()"]


def test_all_errors_of_a_configuration_are_shown_at_once(folder: Path) -> None:
    done = product.run(
        folder,
        "smoke",
        env={"REDIS_RUNBOOK_REPROT_DIR": "x"},
        config="[services.queue]\nrole = 'queue'\nlimts = 3\n[checks.'memory.used']\nlevel='off'\n",
    )
    assert done.code == 4
    for words in ("REDIS_RUNBOOK_REPORT_DIR", "limits", "memory.used_ratio"):
        assert words in done.err
    assert "Traceback" not in done.err


def test_a_check_can_be_promoted_demoted_and_switched_off(folder: Path) -> None:
    config = (
        "[checks.'memory.eviction_policy']\nlevel = 'advisory'\n"
        "[checks.'memory.evictions']\nlevel = 'off'\n"
        "[checks.'latency.slowlog']\nlevel = 'invariant'\n"
    )
    with bundled("--maxmemory-policy", "allkeys-lru", "--enable-debug-command", "yes") as server:
        server.client().execute_command("DEBUG", "SLEEP", "0.3")
        arguments = ("--select", "memory.eviction_policy", "memory.evictions", "latency.slowlog")
        done = product.run(folder, "smoke", *arguments, env=product.urls(server.url), config=config)
    assert done.verdicts["memory.eviction_policy[queue]"] == "warn"
    assert done.verdicts["memory.evictions[queue]"] == "not_applicable"
    assert done.verdicts["latency.slowlog[queue]"] == "fail"


def test_a_read_only_run_writes_nothing(folder: Path) -> None:
    with bundled() as server:
        done = product.run(folder, "smoke", "--read-only", env=product.urls(server.url))
        commands = server.client().info("commandstats")
    assert done.verdicts["connectivity.writable[queue]"] == "not_applicable"
    assert not {"cmdstat_set", "cmdstat_del", "cmdstat_eval"} & set(commands)


def test_a_run_leaves_no_key_behind(folder: Path) -> None:
    with bundled() as server:
        product.run(folder, "smoke", env=product.urls(server.url))
        assert server.client().dbsize() == 0


def test_wait_reports_the_recovery(folder: Path) -> None:
    with bundled() as server:
        url = f"{server.url}/0"
        server.stop()
        arguments = ("smoke", "--wait", "40", "--select", "connectivity")
        run = product.Started(folder, *arguments, env=product.urls(url))
        run.wait_for("attempt 1, ")
        server.start()
        done = run.finish(40)
    assert done.code == 0, done.out
    assert done.results["extra"]["attempt"] > 1
    assert done.results["extra"]["waited_s"] > 1
    first, *_ = done.out.splitlines()
    assert re.fullmatch(
        r"attempt 1, \d s: BROKEN \(.* fail, .*\): connectivity.reachable\[queue\], .*", first
    )
    assert "after the first began" in done.out
    told = re.search(r"^queue, cache reachable after ([\d.]+) s · .*", done.out, re.MULTILINE)
    assert told
    assert float(told[1]) > done.results["extra"]["waited_s"]
    assert told[0] in done.html
    assert done.out.count("PASS     connectivity.reachable[queue]") == 1
    assert "FAIL     connectivity.reachable[queue]" not in done.out


def test_waiting_for_what_is_healthy_tells_of_nothing(healthy: Server, folder: Path) -> None:
    arguments = ("smoke", "--select", "connectivity")
    env = product.urls(healthy.url)
    done = product.run(folder, *arguments, "--wait", "60", env=env)
    extra = done.results["extra"]
    assert extra["recovery"] == {"attempts": 1, "waited_s": extra["waited_s"], "timeline": []}
    assert extra["waited_s"] < 0.1
    assert "reachable after" not in done.out
    assert "recovery" not in product.run(folder, *arguments, env=env).results["extra"]


@pytest.mark.quiet
def test_wait_gives_up_in_time_and_no_sooner(folder: Path) -> None:
    dead = f"redis://127.0.0.1:{free_port()}"
    done, took_s = product.measured(
        folder, "smoke", "--wait", "4", "--select", "connectivity", env=product.urls(dead)
    )
    assert done.code == 1
    last = done.results["extra"]
    assert 4 <= took_s < 8
    lines = [line for line in done.out.splitlines() if re.match(r"attempt \d, \d s: ", line)]
    assert len(lines) == last["attempt"] >= 3
    assert done.out.count("smoke (live): ") == 1
    assert "warning" not in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--wait would wait for nothing: no service URL is set; set REDIS_QUEUE_URL and"),
        (("--target", "embedded"), "--target embedded starts servers of its own"),
        (("--target", "container"), "--target container starts servers of its own"),
    ],
)
def test_waiting_for_throwaway_servers_is_refused(
    arguments: tuple[str, ...], words: str, folder: Path
) -> None:
    done = product.run(folder, "smoke", "--wait", "5", *arguments)
    assert done.code == 4
    assert words in done.err
    assert not done.files


# A variable that is misspelt


def test_a_misspelt_variable_is_named_where_it_leads_to_throwaway_servers(folder: Path) -> None:
    said = "REDIS_QUEU_URL is set and nothing reads it; did you mean REDIS_QUEUE_URL?"
    env = {"REDIS_QUEU_URL": "redis://:hunter2-secret@redis-queue"}
    done = product.run(
        folder, "smoke", "--target", "auto", "--select", "connectivity.role", env=env
    )
    assert done.code == 0
    assert done.err == f"{said}\n"
    assert f"no service URL is set ({said}): checked throwaway" in done.out.splitlines()[0]
    assert said in done.results["extra"]["announcement"]
    assert "HEALTHY throwaway servers (" in done.out
    shown = product.run(folder, "config", env=env)
    assert (shown.code, shown.err) == (0, f"{said}\n")
    refused = product.run(folder, "gate", env=env)
    assert refused.code == 4
    assert said in refused.err
    assert "hunter2" not in done.everything + shown.everything + refused.everything


def test_the_deadline_ends_a_run_as_unknown(healthy: Server, folder: Path) -> None:
    done = product.run(
        folder, "gate", "--deadline", "2", "--select", "latency", env=product.urls(healthy.url)
    )
    assert done.code == 3
    assert "deadline" in done.message("latency.round_trip[queue]")


def test_checks_without_a_profile_are_refused(folder: Path) -> None:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(CHECKS)],
        cwd=folder, env=product.QUIET, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "--profile" in done.stderr


@pytest.mark.parametrize("option", ["--window", "--select", "--output"])
def test_a_url_in_the_wrong_place_is_not_quoted(option: str, folder: Path) -> None:
    done = product.run(folder, "smoke", option, "queue=redis://:planted-word@h/1")
    assert done.code == 4
    assert "planted-word" not in done.everything


def test_an_address_with_credentials_is_refused_and_not_quoted(folder: Path) -> None:
    text = '[services.queue]\nexporter_target = "redis://:planted-word@redis-queue:6379"'
    done = product.run(folder, "config", config=text)
    assert done.code == 4
    assert "must be a URL without credentials" in done.err
    assert "planted-word" not in done.everything
    bare = product.run(folder, "config", config=text.replace("redis://:planted-word@", ""))
    assert (bare.code, "exporter_target" in bare.err) == (4, True)


def test_a_report_of_another_plugin_that_cannot_be_written_is_named(folder: Path) -> None:
    where = "/proc/nowhere/x.xml"
    done = product.run(folder, "smoke", "--select", "memory", "--", f"--junitxml={where}")
    assert done.code == 3
    assert "cannot write /proc/nowhere: " in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("smoke", "--report-dir", "redis://:hunter22@nowhere/x"),
        ("smoke", "--metrics-file", "redis://:hunter22@nowhere/x"),
        ("smoke", "--output", "json=redis://:hunter22@nowhere/x"),
        ("smoke", "--target", "live", "--baseline", "redis://:hunter22@nowhere/x"),
        ("snapshot", "http://me:hunter22@nowhere/x"),
        ("rules", "-o", "http://me:hunter22@nowhere/x"),
        ("rules", "--tests", "http://me:hunter22@nowhere/x"),
        ("dashboards", "-o", "http://me:hunter22@nowhere/x"),
    ],
)
def test_a_url_in_the_place_of_a_path_is_refused_and_not_shown(
    arguments: tuple[str, ...], folder: Path
) -> None:
    done = product.run(folder, *arguments, env={})
    assert done.code == 4
    assert "hunter22" not in done.out + done.err
    assert not list(folder.rglob("*nowhere*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("-a", "hunter2secret"),
        ("-phunter2secret",),
        ("--pass=hunter2secret",),
        ("--auth", "hunter2secret"),
        ("--url", ":hunter2secret@h:6379"),
        ("--output", "nagios", "-a", "hunter2secret"),
    ],
    ids=" ".join,
)
def test_the_value_of_an_option_that_is_none_is_not_shown(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    done = product.run(folder, "smoke", *arguments)
    assert done.code in {3, 4}
    assert "hunter2" not in done.everything
    assert "unrecognized arguments: -" in done.out + done.err
