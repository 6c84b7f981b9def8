"""A hostile machine or folder: never green by mistake, nothing lost or hung."""

import re
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support import product
from tests.support.requirements import require
from tests.support.servers import Server, wait_until

ROLE = ("smoke", "--select", "connectivity.role")


# A hostile machine


@pytest.mark.parametrize(
    "redirection", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1"]
)
def test_streams_that_are_closed_or_full_cost_neither_report_nor_verdict(
    redirection: str, healthy: Server, folder: Path
) -> None:
    line = f"$RUN {' '.join(ROLE)} {redirection}"
    done = product.shell(folder, line, env=product.urls(healthy.url))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(product.reports(folder)) == 6


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("config", "the configuration"),
        ("config --schema", "the schema"),
        ("rules", "the rules"),
        ("rules -o rules.yml", "the list of what was written"),
        ("dashboards", "the list of what was written"),
    ],
)
@pytest.mark.parametrize(
    ("stdout", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_an_answer_that_cannot_be_printed_is_no_success(
    command: str, what: str, stdout: str, why: str, folder: Path
) -> None:
    done = product.shell(folder, f"$RUN {command} {stdout}", env={})
    assert done.returncode == 3
    assert done.stderr == f"cannot write {what}: {why}\n"


def test_a_folder_that_is_gone_is_bad_usage(healthy: Server, folder: Path) -> None:
    line = f'mkdir gone; cd gone; rmdir "$PWD"; exec $RUN {" ".join(ROLE)}'
    done = product.shell(folder, line, env=product.urls(healthy.url))
    assert done.returncode == 4
    assert done.stderr == "the current folder cannot be used: No such file or directory\n"


def test_without_a_folder_for_temporary_files_the_verdict_is_still_told(
    healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    hide = "; ".join(
        ["set -e", f"mount --bind {folder} /mnt"]
        # What lies there stays to be read: the checkout itself may.
        + [
            f"mount --bind {place} {place}; mount -o remount,ro,bind {place}"
            for place in ("/tmp", "/var/tmp")  # noqa: S108
        ]
    )
    possible = product.shell(folder, f"unshare --mount sh -c '{hide}'", env={})
    require(not possible.returncode, "hiding the folders for temporary files needs root")
    # Python would also try the current folder.
    line = f"unshare --mount sh -c '{hide}; cd /proc; exec $RUN {' '.join(ROLE)} --report-dir /mnt'"
    env = {**product.urls(healthy.url), "TMPDIR": "/nonexistent"}
    done = product.shell(folder, line, env=env)
    assert done.returncode == 3
    assert "PASS     connectivity.role[queue]" in done.stdout
    assert done.stderr == (
        "the HTML report lacks pytest's own record: pytest-html could not write it\n"
    )
    assert (folder / "results.json").exists()


def test_results_do_not_claim_health_where_another_report_is_missing(
    healthy: Server, folder: Path
) -> None:
    (folder / "reports" / "latest.html").mkdir(parents=True)
    done = product.run(folder, *ROLE, env=product.urls(healthy.url))
    assert done.code == 3
    assert done.results["extra"]["exit_code"] == 3
    assert done.results["extra"]["healthy"] is False
    assert "HEALTHY" not in done.out


@pytest.mark.parametrize("missing", ["junit.xml", "metrics"])
def test_nothing_claims_health_where_any_report_is_missing(
    missing: str, healthy: Server, folder: Path
) -> None:
    metrics = folder / "metrics.prom"
    arguments = [*ROLE, "--metrics-file", str(metrics), "--output", "prometheus=also.prom"]
    if missing == "metrics":
        metrics.mkdir(parents=True)  # written after the page and the results
    else:
        (folder / "reports" / missing).mkdir(parents=True)
    done = product.run(folder, *arguments, env=product.urls(healthy.url))
    assert done.code == 3
    assert (done.results["extra"]["exit_code"], done.results["extra"]["healthy"]) == (3, False)
    (why,) = done.results["extra"]["unwritten"]
    assert f"but a report is missing: {why}" in done.out
    section = done.html.partition("<header")[2].partition("</header>")[0]
    assert "UNDETERMINED" in section
    assert "<dt>exit code</dt><dd>3</dd>" in section
    assert "HEALTHY" not in done.out + done.html
    told = (folder / "also.prom").read_text()
    assert re.search(r"^redis_runbook_run_success{.*} 0", told, re.MULTILINE)


def test_variables_of_pytest_do_not_reach_the_checks(healthy: Server, folder: Path) -> None:
    env = {"PYTEST_PLUGINS": "no_such_plugin", "PYTEST_ADDOPTS": "--collect-only"}
    done = product.run(folder, *ROLE, env={**product.urls(healthy.url), **env})
    assert done.code == 0
    assert len(done.verdicts) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_waiting_between_two_runs_are_one_interruption(
    number: signal.Signals, folder: Path
) -> None:
    folder.mkdir()
    process = subprocess.Popen(
        product.command(*ROLE, "--wait", "30"),
        cwd=folder,
        env={**product.QUIET, **product.urls("redis://127.0.0.1:1")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert any(line.startswith("attempt 1, ") for line in process.stdout)
    while process.poll() is None:  # an impatient user
        process.send_signal(number)
        time.sleep(0.01)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (2, "")


def test_a_url_in_the_wrong_place_is_not_quoted_with_its_password(folder: Path) -> None:
    done = product.run(folder, "smoke", "redis://:hunter2-secret@h")
    assert done.code == 4
    assert "unrecognized arguments" in done.err
    assert "hunter2" not in done.everything


def test_two_runs_at_once_leave_whole_reports(healthy: Server, folder: Path) -> None:
    line = " & ".join(f"$RUN {' '.join(ROLE)} >/dev/null" for _ in range(3)) + "; wait"
    done = product.shell(folder, line, env=product.urls(healthy.url))
    assert done.stderr == ""
    wait_until(lambda: not list((folder / "reports").glob(".*.tmp")))
    found = product.Outcome(0, "", "", product.reports(folder))
    assert len(found.verdicts) == 2
    assert ET.fromstring(found.junit).tag == "testsuites"  # noqa: S314  # our own document
