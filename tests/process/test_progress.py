"""One live line a window: on a terminal, and nowhere else."""

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import product
from tests.support.servers import Server

ARGUMENTS = ("smoke", "--select", "latency")
LIVE = re.compile(r"(queue|cache)  (\d) of (\d) s, n (\d+), p95 (\d+\.\d\d) ms \(limit (\d+) ms\)")


def on_a_terminal(
    folder: Path, server: Server, *arguments: str, term: str = "xterm", limit_s: float = 30
) -> str:
    """What a person would be sent; the exit code must be 0."""
    folder.mkdir()
    master, slave = pty.openpty()
    process = subprocess.Popen(
        product.command(*arguments),
        cwd=folder,
        env={**product.QUIET, **product.urls(server.url), "TERM": term, "COLUMNS": "200"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            shown += os.read(master, 1 << 16)
        except OSError:  # Linux: the last writer has closed it
            break
    os.close(master)
    assert process.wait(timeout=10) == 0, shown.decode()
    return shown.decode()


def screen(sent: str) -> list[str]:
    """The lines that are left in the end, as a terminal of that size shows them."""
    lines, row = [""], 0
    for control, text in re.findall(r"(\x1b\[\d*[FJ]|\n)|([^\x1b\n]+|\x1b\[[\d;]*m|\x1b)", sent):
        if control == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif control.endswith("F"):
            row -= int(control[2:-1])
        elif control.endswith("J"):
            lines = [*lines[:row], ""]
        else:
            lines[row] += re.sub(r"\x1b\[[\d;]*m|\r", "", text)
    return lines


def test_a_terminal_shows_each_window_once_a_second_and_keeps_none(
    healthy: Server, folder: Path
) -> None:
    sent = on_a_terminal(folder, healthy, *ARGUMENTS, "--window", "queue=3s")
    live = LIVE.findall(sent)
    queue = [(int(elapsed), int(n)) for name, elapsed, _, n, _, _ in live if name == "queue"]
    assert {(name, window, limit) for name, _, window, _, _, limit in live} == {
        ("queue", "3", "2000"),
        ("cache", "2", "50"),
    }
    assert 2 <= len(queue) <= 5
    assert queue == sorted(queue)
    assert queue[-1][1] > queue[0][1]
    left = "\n".join(screen(sent))
    assert not LIVE.search(left)
    assert " of 3 s" not in left
    assert re.search(r"^PASS +latency.round_trip\[queue\] +p95 of queue is", left, re.MULTILINE)
    assert "HEALTHY 5 of " in left


@pytest.mark.parametrize(
    ("arguments", "term"), [((*ARGUMENTS, "--", "-q"), "xterm"), (ARGUMENTS, "dumb")]
)
def test_a_quiet_run_and_a_dumb_terminal_show_none(
    arguments: tuple[str, ...], term: str, healthy: Server, folder: Path
) -> None:
    sent = on_a_terminal(folder, healthy, *arguments, term=term)
    assert "HEALTHY" in sent
    assert " of 2 s" not in sent
    assert not re.search(r"\x1b\[\d*[FJ]", sent)


def test_what_is_no_terminal_gets_no_control_character(healthy: Server, folder: Path) -> None:
    done = product.run(folder, *ARGUMENTS, env=product.urls(healthy.url))
    assert done.code == 0, done.out
    assert " of 2 s" not in done.out
    assert all(char.isprintable() or char == "\n" for char in done.out + done.err)
