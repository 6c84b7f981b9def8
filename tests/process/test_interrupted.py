"""Runs that are ended midway, or cannot write: what is left is whole, and never green."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import product
from tests.support.servers import Server, wait_until


@pytest.fixture(autouse=True)
def a_hangup_counts() -> Iterator[None]:
    """Whoever runs the tests may ignore SIGHUP (`nohup`), and programs inherit that."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, earlier)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_partial_report_marked_interrupted(
    number: signal.Signals, healthy: Server, folder: Path
) -> None:
    run = product.Started(folder, "gate", env=product.urls(healthy.url))
    run.wait_for("connectivity.reachable[queue]")
    run.process.send_signal(number)
    done = run.finish(10)
    assert done.code == 2, done.out + done.err
    assert done.results["extra"]["interrupted"] is True
    assert done.results["extra"]["exit_code"] == 2
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
    assert "latency.round_trip[queue]" not in done.verdicts
    assert "INTERRUPTED" in done.out
    assert "partial" in done.html
    assert "<td>at most 30 s</td>" in done.html
    assert "Traceback" not in done.out + done.err
    assert "KeyboardInterrupt" not in done.out + done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_throwaway_servers_end_with_the_run(number: signal.Signals, folder: Path) -> None:
    run = product.Started(folder, "nightly", "--target", "embedded")
    run.wait_for("connectivity.reachable[queue]")
    servers = children_of(run.process.pid)
    assert len(servers) >= 2
    run.process.send_signal(number)
    run.finish(10)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in servers), 10)


def test_a_terminal_that_goes_away_leaves_a_partial_report(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    main_end, run_end = pty.openpty()
    with os.fdopen(main_end, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            product.command("gate"),
            cwd=folder,
            env={**product.QUIET, **product.urls(healthy.url)},
            stdin=run_end, stdout=run_end, stderr=run_end,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )  # fmt: skip
        os.close(run_end)
        seen = b""
        while b"connectivity.reachable[queue]" not in seen:
            seen += screen.read(4096)
    # The screen is closed: the kernel sends SIGHUP, and whatever is printed now has no reader.
    assert process.wait(timeout=10) == 2
    done = product.Outcome(2, "", "", product.reports(folder))
    assert done.results["extra"]["interrupted"] is True
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"
    assert "partial" in done.html


@pytest.mark.quiet
def test_a_run_that_ignores_a_hangup_goes_on(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    process = subprocess.Popen(
        ["nohup", *product.command("smoke", "--select", "connectivity", "latency.round_trip")],
        cwd=folder,
        env={**product.QUIET, **product.urls(healthy.url), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout
    assert any("connectivity.reachable[queue]" in line for line in process.stdout)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=20)
    assert process.returncode == 0


def children_of(pid: int) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, timeout=10, check=False
    )
    return [int(line) for line in found.stdout.split()]


def test_a_killed_run_leaves_the_previous_report_whole(healthy: Server, folder: Path) -> None:
    env = product.urls(healthy.url)
    first = product.run(folder, "smoke", "--select", "connectivity", env=env)
    before = product.reports(folder)
    assert first.code == 0
    run = product.Started(folder, "gate", env=env)
    run.wait_for("connectivity.reachable[queue]")
    run.process.kill()
    run.finish(10)
    assert product.reports(folder) == before


def test_a_report_folder_that_cannot_be_made_is_said_and_never_green(
    healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    (folder / "reports").write_text("a file is in the way")
    done = product.run(
        folder, "smoke", "--select", "connectivity.role", env=product.urls(healthy.url)
    )
    assert done.code == 3
    assert "PASS" in done.out
    assert "cannot write" in done.err
    assert done.out.splitlines()[-1].startswith("UNDETERMINED 2 of ")
    assert "but a report is missing: cannot make reports: File exists, and 4 more" in done.out
    assert "(exit code 3)" in done.out
    assert "HEALTHY" not in done.out
    assert "Traceback" not in done.err + done.out


def test_a_full_disk_is_said_and_never_green(healthy: Server, folder: Path) -> None:
    mount = folder / "reports"
    mount.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(mount)],
        capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        done = product.run(
            folder, "smoke", "--select", "connectivity.role", env=product.urls(healthy.url)
        )
        assert done.code == 3
        assert "No space left" in done.err
        assert "HEALTHY" not in done.out
        last_line = done.out.splitlines()[-1]
        assert last_line.startswith("UNDETERMINED ")
        assert "No space left on device" in last_line
        assert "(exit code 3)" in last_line
        assert not list(mount.glob(".*.tmp"))
    finally:
        subprocess.run(["umount", str(mount)], timeout=10, check=True)


def test_a_reader_that_went_away_does_not_lose_the_report(healthy: Server, folder: Path) -> None:
    arguments = ("smoke", "--select", "connectivity")
    run = product.Started(folder, *arguments, env=product.urls(healthy.url))
    assert run.process.stdout
    run.process.stdout.close()
    assert run.process.wait(timeout=20) == 0
    assert (folder / "reports" / "latest.html").exists()
    assert os.stat(folder / "reports" / "latest.html").st_size > 1000  # noqa: PTH116
