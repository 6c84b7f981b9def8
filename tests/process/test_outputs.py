"""Where outputs go: to files, to standard output, to a job's summary; and as a plugin of Nagios."""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.servers import Server, wait_until

MEMORY = ("smoke", "--select", "memory.used_ratio")
NOBODY = f"redis://127.0.0.1:{free_port()}"
SUMMARY = "GITHUB_STEP_SUMMARY"


def env(server: Server, **more: str) -> Mapping[str, str]:
    return {SUMMARY: "", **product.urls(server.url), **more}


def unbounded(limit: str) -> str:
    return f"[services.queue.limits]\nmemory_ratio = {limit}\n"


def test_as_a_plugin_it_prints_one_line_and_has_the_plugins_exit_code(
    healthy: Server, folder: Path
) -> None:
    done = product.run(folder, *MEMORY, "--output", "nagios", env=env(healthy))
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    assert line.startswith("OK: HEALTHY 2 of ")
    assert "'memory.used_ratio[queue]'=" in line.partition("|")[2]
    assert done.results["extra"]["exit_code"] == 0


def test_as_a_plugin_it_is_critical_where_an_invariant_is_broken(
    healthy: Server, folder: Path
) -> None:
    done = product.run(
        folder, *MEMORY, "--output=nagios", env=env(healthy), config=unbounded("0.0001")
    )
    assert (done.code, done.out.partition(":")[0], done.err) == (2, "CRITICAL", "")
    assert done.results["extra"]["exit_code"] == 1


def test_as_a_plugin_it_warns(healthy: Server, folder: Path) -> None:
    config = unbounded("0.0001") + '[checks."memory.used_ratio"]\nlevel = "advisory"\n'
    done = product.run(folder, *MEMORY, "--output", "nagios", env=env(healthy), config=config)
    assert (done.code, done.out.partition(":")[0]) == (1, "WARNING")


@pytest.mark.parametrize(
    ("arguments", "urls", "words"),
    [
        (MEMORY, {}, "UNKNOWN: HEALTHY throwaway servers"),
        (MEMORY, product.urls(NOBODY), "UNKNOWN: UNDETERMINED"),
        (("smoke", "--select", "nothing.at.all"), {}, "UNKNOWN: --select nothing.at.all: there is"),
        (("gate",), {}, "UNKNOWN: gate does not fall back to throwaway servers"),
        (("smoke", "--wat"), {}, "UNKNOWN: unrecognized arguments: --wat"),
        (("smoke", "--config", "missing.toml"), {}, "UNKNOWN: file missing.toml: does not exist"),
        (("judge", "missing.json"), {}, "UNKNOWN: --output nagios: it tells what is so now"),
        (("smoke", "--", "--collect-only"), {}, "UNKNOWN: nothing was checked"),
    ],
    ids=["throwaway", "unreachable", "select", "gate", "option", "config", "judge", "collect"],
)
def test_as_a_plugin_it_is_unknown_whatever_prevents_a_look(
    arguments: tuple[str, ...], urls: Mapping[str, str], words: str, folder: Path
) -> None:
    first, *rest = arguments
    done = product.run(folder, first, "--output", "nagios", *rest, env=urls)
    assert (done.code, done.err) == (3, ""), done.out
    (line,) = done.out.splitlines()
    assert words in line


def test_as_a_plugin_it_is_unknown_when_it_is_interrupted(healthy: Server, folder: Path) -> None:
    arguments = ("smoke", "--window", "queue=20s", "--window", "cache=20s", "--deadline", "60")
    running = product.Started(folder, *arguments, "--output", "nagios", env=env(healthy))
    wait_until(lambda: len(healthy.client().client_list()) > 1)
    running.process.send_signal(signal.SIGTERM)
    done = running.finish()
    assert (done.code, done.out.count("\n"), done.err) == (3, 1, "")
    assert done.out.startswith("UNKNOWN: ")


def test_as_a_plugin_it_may_wait(folder: Path) -> None:
    arguments = (*MEMORY, "--wait", "1", "--output", "nagios")
    done = product.run(folder, *arguments, env=product.urls(NOBODY))
    assert (done.code, done.out.count("\n"), done.err) == (3, 1, "")


def test_with_a_path_the_line_is_written_there_and_the_codes_stay_ours(
    healthy: Server, folder: Path
) -> None:
    done = product.run(
        folder,
        *(*MEMORY, "--output", "nagios=there.txt", "--output", "tap", "--output", "github=a.txt"),
        env=env(healthy),
        config=unbounded("0.0001"),
    )
    assert done.code == 1
    assert "BROKEN" in done.out
    assert (folder / "there.txt").read_text().startswith("CRITICAL: ")
    assert (folder / "a.txt").read_text().startswith("::error title=FAIL memory.used_ratio[queue]")
    assert done.files["runbook.tap"].startswith("TAP version 13\n1..2\nnot ok 1 - ")


def test_in_pytest_the_line_is_all_of_standard_output(healthy: Server, folder: Path) -> None:
    done = product.started(
        [
            *(sys.executable, "-m", "pytest", "--profile", "smoke"),
            *("--select", "memory.used_ratio", "--output", "nagios"),
        ],
        folder,
        env=env(healthy),
        config=unbounded("0.0001"),
    )
    assert done.code == 1  # our own code: pytest exits, not the plugin
    assert done.out.startswith("CRITICAL: ")
    assert done.out.count("\n") == 1
    assert "memory.used_ratio[queue]" in done.err


def test_annotations_are_printed_among_what_the_run_says(healthy: Server, folder: Path) -> None:
    done = product.run(
        folder, *MEMORY, "--output", "github", env=env(healthy), config=unbounded("0.0001")
    )
    commands = [line for line in done.out.splitlines() if line.startswith("::")]
    assert [line.partition(" ")[0] for line in commands] == ["::error", "::notice"]
    assert "FAIL     memory.used_ratio[queue]" in done.out


def test_a_dash_gives_an_output_standard_output_for_itself(healthy: Server, folder: Path) -> None:
    outputs = ("--output", "json=-", "--output", "github")
    done = product.run(folder, *MEMORY, *outputs, env=env(healthy))
    assert json.loads(done.out) == json.loads(done.files["results.json"])
    assert "PASS     memory.used_ratio[queue]" in done.err
    assert "::notice" in done.err


def test_under_wait_it_is_that_of_the_last_attempt(folder: Path) -> None:
    arguments = (*MEMORY, "--wait", "6", "--output", "json=-")
    done = product.run(folder, *arguments, env=product.urls(NOBODY))
    extra = json.loads(done.out)["results"]["extra"]
    attempts = [line for line in done.err.splitlines() if ": UNDETERMINED (" in line]
    assert (done.code, extra["attempt"]) == (3, len(attempts))
    assert len(attempts) > 1


def test_two_cannot_have_standard_output_for_themselves(folder: Path) -> None:
    done = product.run(folder, *MEMORY, "--output", "json=-", "--output", "tap=-")
    assert done.code == 4
    assert "json and tap cannot share standard output" in done.err


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["tap=reports/latest.html"], "--output tap: the page is written to reports/latest.html"),
        (["tap=x/../reports/results.json"], "--output tap: json is written to x/../reports/res"),
        (["junit=reports/history.sqlite"], "--output junit: the history is written to reports/h"),
        (["junit=reports/history.sqlite-journal"], "--output junit: the history is written to rep"),
        (["json=mine", "nagios=./mine"], "--output nagios: json is written to mine, too"),
    ],
)
def test_an_output_does_not_replace_another(
    outputs: list[str], said: str, healthy: Server, folder: Path
) -> None:
    options = [f"--output={output}" for output in outputs]
    done = product.run(folder, *MEMORY, *options, env=env(healthy))
    assert done.code == 4
    assert said in done.err


@pytest.mark.parametrize("stream", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"])
def test_a_file_behind_a_stream_is_not_replaced(stream: str, healthy: Server, folder: Path) -> None:
    line = f"echo before >log; $RUN {' '.join(MEMORY)} --output tap={stream} >>log; cat log >&2"
    done = product.shell(folder, line, env=env(healthy))
    assert f"--output: {stream} is a stream: for standard output give `-` as" in done.stderr
    assert "before\n" in done.stderr


def test_a_metrics_file_is_an_output_as_others_are(healthy: Server, folder: Path) -> None:
    options = ["--output=json=mine", "--metrics-file=mine"]
    done = product.run(folder, *MEMORY, *options, env=env(healthy))
    assert done.code == 4
    assert "--output prometheus: json is written to mine, too" in done.err


def test_one_file_may_be_named_twice_and_a_device_by_all(healthy: Server, folder: Path) -> None:
    outputs = ["json", "json=reports/results.json", "tap=/dev/null", "nagios=/dev/null"]
    options = [f"--output={output}" for output in outputs]
    done = product.run(folder, *MEMORY, *options, env=env(healthy))
    assert done.code == 0, done.everything


def test_under_wait_an_interruption_leaves_that_of_the_attempt_before(folder: Path) -> None:
    arguments = (*MEMORY, "--wait", "60", "--output", "json=-")
    started = product.Started(folder, *arguments, env={SUMMARY: "", **product.urls(NOBODY)})
    said = started.process.stderr
    assert said
    while not said.readline().startswith("attempt 3, "):
        pass
    time.sleep(0.5)  # it pauses for 4 s now
    started.process.send_signal(signal.SIGINT)
    done = started.finish()
    assert done.code == 2
    assert json.loads(done.out)["results"]["extra"]["attempt"] == 3


@pytest.mark.parametrize(
    ("stdout", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
@pytest.mark.parametrize("wait", [(), ("--wait", "1")])
def test_an_output_that_cannot_be_printed_is_missing(
    wait: tuple[str, ...], stdout: str, why: str, healthy: Server, folder: Path
) -> None:
    line = f"$RUN {' '.join((*MEMORY, *wait))} --output tap=- {stdout}"
    done = product.shell(folder, line, env=env(healthy))
    assert done.returncode == 3
    assert why in done.stderr


def test_a_summary_is_appended_to_that_of_the_job(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    summary = folder / "step.md"
    summary.write_text("# Before\n")
    given = env(healthy, **{SUMMARY: str(summary)})
    done = product.run(folder, *MEMORY, "--output", "markdown", env=given)
    assert done.code == 0
    assert summary.read_text() == "# Before\n" + done.files["summary.md"]
    assert "## Redis runbook: HEALTHY" in done.files["summary.md"]
    elsewhere = product.run(folder, *MEMORY, "--output", "markdown=mine.md", env=given)
    assert elsewhere.code == 0
    assert summary.read_text().count("## Redis runbook") == 1
    assert (folder / "mine.md").read_text().startswith("## Redis runbook: HEALTHY")


def test_a_run_that_waits_has_one_summary(folder: Path) -> None:
    folder.mkdir()
    summary = folder / "step.md"
    arguments = (*MEMORY, "--wait", "6", "--output", "markdown")
    given = {**product.urls(NOBODY), SUMMARY: str(summary)}
    done = product.run(folder, *arguments, env=given)
    assert "attempt 2" in done.out
    assert summary.read_text().count("## Redis runbook") == 1


@pytest.mark.parametrize("kind", ["full", "folder", "pipe", "missing"])
def test_a_summary_that_cannot_be_appended_is_said_and_is_in_the_folder(
    kind: str, healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    summary = folder / "step.md"
    if kind == "full":
        summary.write_text("x" * (1024 * 1024 - 100))
    elif kind == "folder":
        summary.mkdir()
    elif kind == "pipe":
        os.mkfifo(summary)
    else:
        summary = folder / "missing" / "step.md"
    given = env(healthy, **{SUMMARY: str(summary)})
    done = product.run(folder, *MEMORY, "--output", "markdown", env=given)
    assert done.code == 3
    assert "cannot append to" in done.err
    assert "a report is missing" in done.out
    assert done.files["summary.md"].startswith("## Redis runbook: UNDETERMINED")
    assert done.results["extra"]["exit_code"] == 3


def test_times_are_those_of_the_run(healthy: Server, folder: Path) -> None:
    """A case's time is how long the run waited for its facts: that of a window is in there."""
    arguments = ("smoke", "--select", "latency.round_trip", "--window", "queue=2s")
    done = product.run(folder, *arguments, env=env(healthy))
    spent_s = sum(test["duration"] for test in done.results["tests"]) / 1000
    whole_s = done.results["extra"]["elapsed_s"]
    assert 1 < spent_s <= whole_s
    assert 'time="0.0' not in done.junit.partition("<testcase")[0]
