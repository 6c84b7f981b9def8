"""Real programs that hang, flood, hide or die: each ends in time, with its whole session."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.redact import KNOWN
from redis_runbook.wire.process import programs_environment
from redis_runbook.wire.program import Ended, Program, StartError, run_program
from tests.support.servers import wait_until
from tests.support.sleepers import sleeping

pytestmark = pytest.mark.usefixtures("_little_memory")

GIB = 1 << 30


@pytest.fixture
def secret() -> Iterator[str]:
    KNOWN.learn(["planted-secret-value", "-----KEY\nplanted-second-line\n-----END"])
    yield "planted-secret-value"
    KNOWN.forget()


def run(*program: str, limit_s: float = 10, left_s: float = 100, cwd: str | None = None) -> Ended:
    return run_program(
        Program(run=program, cwd=cwd, environment=programs_environment()),
        timeout_s=limit_s,
        time_left_s=left_s,
        stop=threading.Event(),
    )


def sh(script: str, **options: float) -> Ended:
    return run("/bin/sh", "-c", script, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "by", "code"),
    [
        ("true", "exit", 0),
        ("exit 7", "exit", 7),
        ("nosuchprogram", "exit", 127),
        ("kill -SEGV $$", "signal", 11),
        ("exec >&- 2>&-; sleep 0.2; exit 4", "exit", 4),
        ("trap '' TERM INT HUP; kill $$; exit 5", "exit", 5),
    ],
)
def test_how_it_ended(script: str, by: str, code: int) -> None:
    ended = sh(script)
    assert (ended.by, ended.code) == (by, code)


def test_its_output_and_errors_are_kept_in_their_order() -> None:
    ended = sh(
        "echo one; echo two >&2; printf '\\033[31mthr\\033[0mee\\r\\n\\n'; printf 'f\\033]ur'"
    )
    assert ended.last_lines == ["one", "two", "three", "f\\x1b]ur…"]


def test_it_reads_nothing_and_has_no_terminal() -> None:
    assert sh("cat; tty; exec 3</dev/tty").code != 0
    assert sh("cat; tty").last_lines == ["not a tty"]


def test_at_its_timeout_it_is_killed_with_its_children(mark: str) -> None:
    ended = sh(
        f"trap '' TERM; (sleep {mark} & sleep {mark}) & echo begun; sleep {mark}", limit_s=0.5
    )
    assert (ended.by, ended.last_lines) == ("timeout", ["begun"])
    assert 0.5 <= ended.elapsed_s < 1.5
    assert not sleeping(mark)


def test_children_with_a_group_of_their_own_end_with_it(mark: str) -> None:
    """As `timeout` has, and every job of a shell with job control."""
    ended = sh(f"set -m; timeout 1000 sleep {mark} & sleep {mark} & sleep 0.2; echo $$", limit_s=5)
    assert (ended.by, ended.code) == ("exit", 0)
    wait_until(lambda: not sleeping(mark), 2)


def test_children_that_it_leaves_end_with_it_and_are_not_waited_for(mark: str) -> None:
    began = time.monotonic()
    ended = sh(f"sleep {mark} & (sleep {mark} &) ; echo done")
    assert (ended.by, ended.code, ended.last_lines) == ("exit", 0, ["done"])
    assert time.monotonic() - began < 2
    wait_until(lambda: not sleeping(mark), 2)


def test_one_that_leaves_the_session_with_the_pipe_in_hand_is_not_waited_for(mark: str) -> None:
    began = time.monotonic()
    ended = sh(f"setsid sh -c 'yes & sleep {mark}' & sleep 0.3; echo $! >&2; exit 3")
    assert (ended.by, ended.code) == ("exit", 3)
    assert time.monotonic() - began < 3
    (left,) = sleeping(mark)  # it is known not to be found
    os.killpg(os.getpgid(int(left)), signal.SIGKILL)


def test_a_gigabyte_is_read_and_only_its_end_is_kept() -> None:
    line = "a line of thirty-two characters"
    ended = sh(f"yes '{line}' | head -c {GIB}; echo the end", limit_s=60)
    assert (ended.by, ended.code, ended.output_bytes) == ("exit", 0, GIB + 8)
    assert ended.last_lines == [*[line] * 19, "the end"]


def test_a_flood_does_not_outlast_the_timeout() -> None:
    ended = run("yes", limit_s=0.5)
    assert (ended.by, ended.elapsed_s < 1.5) == ("timeout", True)
    assert ended.output_bytes > 1 << 20


def test_a_line_that_was_cut_is_not_shown(secret: str) -> None:
    """What is left of it may be the rest of a secret."""
    ended = sh(f"echo first; head -c 20000 /dev/zero | tr '\\0' x; echo {secret}; echo last")
    assert ended.last_lines == ["last"]
    assert sh("head -c 20000 /dev/zero | tr '\\0' x").last_lines == []


@pytest.mark.parametrize(
    "written",
    [
        "planted-secret-value",
        "a\\033[1mplanted-secret-value\\033[0mb",
        "x-----KEY\\nplanted-second-line\\n-----END",
        "token=planted-secret",
        "redis://user:planted@host:1",
        "eyJhbGciOiJIUzI1NiJ9.eyJwbGFudGVkIjoxfQ.planted",
        "planted-secret",  # cut by its end
    ],
)
@pytest.mark.usefixtures("secret")
def test_a_secret_is_not_shown(written: str) -> None:
    ended = sh(f"echo first; printf '{written}'")
    assert ended.last_lines[0] == "first"
    assert "[redacted]" in ended.last_lines[1]
    assert "planted" not in "".join(ended.last_lines)


def test_the_runs_end_ends_it(mark: str) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    ended = run_program(
        Program(run=["sleep", mark], environment=programs_environment()),
        timeout_s=10,
        time_left_s=100,
        stop=stop,
    )
    assert (ended.by, ended.elapsed_s < 2) == ("run", True)
    assert run("sleep", mark, left_s=0.2).by == "run"
    assert not sleeping(mark)


def test_it_ends_with_a_process_that_is_killed(mark: str) -> None:
    script = (
        "import threading\n"
        "from redis_runbook.wire.program import Program, run_program\n"
        f"run = ['sh', '-c', 'set -m; sleep {mark} & sleep {mark}']\n"
        "program = Program(run=run, environment={})\n"
        "run_program(program, timeout_s=60, time_left_s=60, stop=threading.Event())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: len(sleeping(mark)) == 2, 10)
    process.kill()
    process.wait(10)
    wait_until(lambda: not sleeping(mark), 5)


def test_where_exit_codes_are_hidden_nothing_is_started() -> None:
    earlier = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(StartError, match="SIGCHLD is ignored"):
            sh("exit 1")
    finally:
        signal.signal(signal.SIGCHLD, earlier)


@pytest.mark.parametrize(
    ("program", "cwd", "reason"),
    [
        ("nosuchprogram", None, "nosuchprogram: No such file or directory"),
        ("/etc/passwd", None, "/etc/passwd: Permission denied"),
        ("/", None, "/: Permission denied"),
        ("true", "/nosuchfolder", "/nosuchfolder: No such file or directory"),
        ("true", "/etc/passwd", "/etc/passwd: Not a directory"),
        ("x" * 5000, None, "File name too long"),
    ],
)
def test_why_it_cannot_be_started(program: str, cwd: str | None, reason: str) -> None:
    with pytest.raises(StartError, match=f"^cannot be started: .*{reason}$"):
        run(program, cwd=cwd)


def test_a_file_that_is_no_program_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("no program\n")
    file.chmod(0o755)
    with pytest.raises(StartError, match="Exec format error"):
        run(str(file))
