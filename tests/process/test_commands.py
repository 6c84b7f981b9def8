"""`incident.smoke_command` with real programs: what fails, what is unknown, and what is not run."""

import json
import signal
from pathlib import Path

import pytest

from tests.support import product
from tests.support.servers import Server, wait_until
from tests.support.sleepers import sleeping

ONLY = ("smoke", "--select", "incident.smoke_command")


def command(script: str, name: str = "smoke", more: str = "") -> str:
    return f"[commands.{name}]\nrun = {json.dumps(['/bin/sh', '-c', script])}\n{more}\n"


def test_each_command_has_its_own_verdict(healthy: Server, folder: Path, mark: str) -> None:
    """They run side by side: four that take a second each take little more than one."""
    config = "".join(
        [
            command("sleep 1; echo launched", '"bundle:launch"'),
            command("sleep 1; echo no redis >&2; exit 3", "failing"),
            command("sleep 1; kill -SEGV $$", "crashing"),
            command(f"echo begun; sleep {mark} & sleep {mark}", "hanging", "timeout = '1500ms'"),
            "[commands.missing]\nrun = ['nosuchprogram']\n",
            "[commands.elsewhere]\nrun = ['true']\ncwd = '/nosuchfolder'\n",
            "[commands.bare]\nrun = ['true']\nenv_from = ['NO_SUCH_VARIABLE']\n",
            "[commands.nightly]\nrun = ['false']\nprofiles = ['nightly']\n",
            "[commands.off]\nrun = ['false']\nenabled = false\n",
            "[commands.'eyJhbGciOiJIUzI1NiJ9.planted']\nrun = ['true']\n",
        ]
    )
    done, took_s = product.measured(folder, *ONLY, env=product.urls(healthy.url), config=config)
    assert done.code == 1
    assert took_s < 6
    assert {name.partition("[")[2][:-1]: text for name, text in done.verdicts.items()} == {
        "bundle:launch": "pass",
        "failing": "fail",
        "crashing": "fail",
        "hanging": "fail",
        "missing": "unknown",
        "elsewhere": "unknown",
        "bare": "unknown",
        "nightly": "not_applicable",
        "off": "not_applicable",
        "[redacted]": "pass",
    }
    passed = done.finding("incident.smoke_command[bundle:launch]")
    assert (passed["observed"], passed["limit"], passed["unit"]) == (0, 0, "exit code")
    failed = done.finding("incident.smoke_command[failing]")
    assert failed["message"].startswith("failing exited with 3 after 1.")
    assert failed["evidence"]["last lines"] == ["no redis"]
    assert "crashing was ended by SIGSEGV" in done.message("incident.smoke_command[crashing]")
    hung = done.finding("incident.smoke_command[hanging]")
    assert hung["message"] == "hanging did not end within 1.5 s, and was killed"
    assert hung["evidence"]["last lines"] == ["begun"]
    assert not sleeping(mark)
    assert done.message("incident.smoke_command[missing]") == (
        "missing cannot be started: nosuchprogram: No such file or directory"
    )
    assert "/nosuchfolder" in done.message("incident.smoke_command[elsewhere]")
    assert "NO_SUCH_VARIABLE" in done.message("incident.smoke_command[bare]")
    assert "[commands.nightly] profiles" in done.message("incident.smoke_command[nightly]")
    assert "planted" not in done.everything


def test_a_command_knows_no_secret_of_ours_but_what_it_is_given(
    healthy: Server, folder: Path
) -> None:
    url = healthy.url.replace("//", "//:planted-ours@")
    config = command(
        "env; echo $HANDED $MODE; echo $API_TOKEN; ls -l /proc/self/fd",
        more="env = { MODE = 'dry', API_TOKEN = 'planted-given' }\nenv_from = ['HANDED']",
    )
    env = {**product.urls(url), "CI_JOB_TOKEN": "planted-ci", "HANDED": "over"}
    done = product.run(folder, *ONLY, env=env, config=config)
    (name,) = done.verdicts
    wrote = done.finding(name)["evidence"]["last lines"]
    names = {line.partition("=")[0] for line in wrote if "=" in line}
    assert names - {"LD_LIBRARY_PATH", "TMPDIR", "PWD"} == {
        *("PATH", "HOME", "LC_ALL", "HANDED", "MODE", "API_TOKEN")
    }
    assert {"over dry", "[redacted]"} <= set(wrote)
    assert not any("socket:" in line for line in wrote)
    assert "planted" not in done.everything
    shown = product.run(folder, "config", env=env)
    assert 'MODE = "***"' in shown.out
    assert "planted" not in shown.out


def test_what_a_command_prints_is_bounded_and_redacted(healthy: Server, folder: Path) -> None:
    flood = "yes 'planted-by-value password=planted' | head -c 1000000000; echo; exit 1"
    quiet = "printf '<script>\\033]0;title\\007'; printf '%5000s' x; echo; exit 1"
    config = command(flood, "flood", "timeout = '1m'") + command(quiet, "strange")
    env = {**product.urls(healthy.url), "MY_SECRET": "planted-by-value"}
    done = product.run(folder, *ONLY, env=env, config=config)
    found = done.finding("incident.smoke_command[flood]")
    assert found["evidence"]["output"] == "1,000,000,001 bytes"
    assert found["evidence"]["last lines"][-2] == "[redacted] password=[redacted]"
    strange = done.finding("incident.smoke_command[strange]")["evidence"]["last lines"]
    assert strange[0].startswith("<script>\\x1b]0;title\\x07")
    assert len(strange[0]) < 250
    assert "planted" not in done.everything
    assert "<script>\\x1b" not in done.html


def test_the_passwords_of_commands_that_it_prints_are_not_shown(
    healthy: Server, folder: Path
) -> None:
    config = command("echo AUTH someone OtherPlantedPw9; echo auth default OtherPlantedPw9; exit 1")
    done = product.run(folder, *ONLY, env=product.urls(healthy.url), config=config)
    lines = done.finding("incident.smoke_command[smoke]")["evidence"]["last lines"]
    assert lines == ["AUTH [redacted] [redacted]", "auth default [redacted]"]
    assert "OtherPlantedPw9" not in done.everything


def test_nothing_is_started_where_it_should_not_be(healthy: Server, folder: Path) -> None:
    config = command(f"touch {folder}/started") + (
        f"[jwt_cache.login]\nrun = ['touch', '{folder}/started']\n"
    )
    live = product.urls(healthy.url)
    both = ("smoke", "--select", "incident.smoke_command", "jwt_cache.refreshes")
    for arguments, env, reason in (
        (("--read-only",), live, "not run by a read-only run: it may write"),
        (("--target", "embedded"), live, "not run beside throwaway servers"),
        ((), {}, "not run beside throwaway servers"),
    ):
        done = product.run(folder, *both, *arguments, env=env, config=config)
        assert done.code == 5
        assert set(done.verdicts.values()) == {"not_applicable"}
        for name in done.verdicts:
            assert reason in done.message(name)
    other = product.run(folder, "smoke", "--select", "connectivity.role", env=live, config=config)
    assert other.code == 0
    assert not (folder / "started").exists()


def test_without_a_command_or_a_login_that_is_said(healthy: Server, folder: Path) -> None:
    arguments = (
        "smoke",
        "--select",
        "incident.smoke_command",
        "jwt_cache.refreshes",
        "connectivity.role",
    )
    done = product.run(folder, *arguments, env=product.urls(healthy.url))
    assert done.code == 0
    assert done.message("incident.smoke_command[-]") == (
        "no command is configured: [commands.NAME] run"
    )
    assert done.message("jwt_cache.refreshes[cache]") == (
        "no login is configured: [jwt_cache.login] run or url"
    )


def test_a_command_that_the_runs_deadline_ends_is_unknown(
    healthy: Server, folder: Path, mark: str
) -> None:
    config = command(f"sleep {mark} & sleep {mark}")
    env = product.urls(healthy.url)
    done = product.run(folder, *ONLY, "--deadline", "2", env=env, config=config)
    assert done.code == 3
    message = done.message("incident.smoke_command[smoke]")
    assert "of its 20 s, as the run ended: give it a longer --deadline" in message
    assert not sleeping(mark)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_ends_with_the_run(
    number: signal.Signals, healthy: Server, folder: Path, mark: str
) -> None:
    folder.mkdir()
    script = f"trap '' INT TERM HUP; sleep {mark} & sleep {mark}; sleep {mark}"
    (folder / "runbook.toml").write_text(command(script, more="timeout = '5m'"))
    run = product.Started(folder, "smoke", env=product.urls(healthy.url))
    run.wait_for("connectivity.reachable[queue]")
    wait_until(lambda: len(sleeping(mark)) == 2, 5)
    run.process.send_signal(number)
    done = run.finish(10)
    assert done.code == (2 if number != signal.SIGKILL else -9)
    wait_until(lambda: not sleeping(mark), 5)
