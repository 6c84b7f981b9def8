"""Lines of logs: where they end, when they were written, and which of them counts."""

import datetime as dt
from pathlib import Path

import pytest

from redis_runbook.probes.containers.states import _FATAL
from redis_runbook.probes.containers.urls import _assignments
from redis_runbook.probes.containers.worker_logs import _in_file
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.docker.engine import _frames, _whole
from redis_runbook.wire.lines import time_in
from tests.support.fake_docker import frame

NOW = dt.datetime.now(dt.UTC).timestamp()
WANTED = "Queue connection restored"


def test_a_multiplexed_stream_is_lines() -> None:
    body = frame(b"one\n") + frame(b"two\r\n", 2) + frame(b"")
    for received, wanted in ((body, False), (body + b"\x01\x00", True)):
        frames, torn = _frames(received)
        assert (_whole(frames), torn) == ([b"one", b"two", b""], wanted)


@pytest.mark.parametrize("length", [10, 2**32 - 1])
def test_a_frame_that_claims_more_than_there_is_ends_with_what_is_there(length: int) -> None:
    body = b"\x01\x00\x00\x00" + length.to_bytes(4, "big") + b"cut"
    frames, torn = _frames(body)
    assert (_whole(frames), torn) == ([b"cut"], True)


@pytest.mark.parametrize("body", [b"HTTP/1.1 200", b"\x07\x00\x00\x00\x00\x00\x00\x00"])
def test_what_is_no_multiplexed_stream_is_told(body: bytes) -> None:
    with pytest.raises(CannotLook, match="another form"):
        _frames(body)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"2026-11-26T03:54:06.021708106Z x", "2026-11-26T03:54:06.021708+00:00"),
        (b"[2026-11-26 04:54:06,5+01:00] x", "2026-11-26T03:54:06.5+00:00"),
        (b'{"level":30,"time":1764129246021,"msg":"x"}', "2025-11-26T03:54:06.021+00:00"),
        (b'{"ts": 1764129246}', "2025-11-26T03:54:06+00:00"),
        (b"2026-13-45T99:00:00Z", None),
        (b"0000-00-00T00:00:00", None),
        (b"no time", None),
    ],
)
def test_a_line_tells_its_time(text: bytes, wanted: str | None) -> None:
    expected = dt.datetime.fromisoformat(wanted).timestamp() if wanted else None
    assert time_in(text) == (pytest.approx(expected, abs=1e-3) if expected else None)


def test_a_time_without_a_zone_is_that_of_this_machine() -> None:
    local = dt.datetime.fromisoformat("2026-11-26T03:54:06").timestamp()
    assert time_in(b"2026-11-26 03:54:06 x") == local


def stamp(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat()


@pytest.mark.parametrize(
    ("lines", "found_s", "because"),
    [
        ([(-5, WANTED), (2, WANTED), (9, WANTED)], 2, ""),
        ([(-5, WANTED), (2, "x")], None, ""),
        ([(3_600 * 5, WANTED)], None, "its lines bear times of the future"),
        ([], None, "what it logged then may have been rotated away"),
        ([(2, "x")], None, "what it logged then may have been rotated away"),
        ([(-5, "x")], None, ""),
    ],
)
def test_the_first_line_since_the_start_counts(
    tmp_path: Path, lines: list[tuple[float, str]], found_s: float | None, because: str
) -> None:
    file, since = tmp_path / "log", NOW - 100
    file.write_text("".join(f"{stamp(since + at)} {text}\n" for at, text in lines))
    log = _in_file(str(file), WANTED, since)
    assert log.why_unknown == because
    assert log.line_at == (pytest.approx(since + found_s) if found_s else None)


def test_of_a_long_file_the_end_is_looked_at_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "log"
    late = f"{stamp(NOW - 1)} x\n" * 80_000
    file.write_text(f"{stamp(NOW - 50)} {WANTED}\n{late}")
    log = _in_file(str(file), WANTED, NOW - 100)
    assert (log.line_at, log.why_unknown) == (None, "only its last 2 MiB were looked at")
    file.write_text(f"{late}{stamp(NOW - 1)} {WANTED}\n")
    assert _in_file(str(file), WANTED, NOW - 100).line_at is not None


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_a_log_file_that_is_none_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "absent"
    with pytest.raises(CannotLook, match=r"is a directory|does not exist"):
        _in_file(str(path), WANTED, NOW)


FATAL = """
*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***
-OOM command not allowed when used memory > 'maxmemory'.
<--- Last few GCs ---> FATAL ERROR: JavaScript heap out of memory
-MISCONF Redis is configured to save RDB snapshots
# Can't save in background: fork: Cannot allocate memory
# Failed opening the temp RDB file temp-1.rdb for saving: No space left on device
panic: runtime error: invalid memory address
=== REDIS BUG REPORT START: Cut & paste starting from here ===
=== VALKEY BUG REPORT START: Cut & paste starting from here ===
# Redis 7.0.15 crashed by signal: 11
"""
HARMLESS = """
# WARNING Memory overcommit must be enabled! Without it, a background save may fail under low memory
* DB saved on disk
* Ready to accept connections
oom-score-adj was set
Queue connection restored
do not panic
"""


def test_what_is_fatal() -> None:
    assert all(_FATAL.search(line.encode()) for line in FATAL.strip().splitlines())
    assert not any(_FATAL.search(line.encode()) for line in HARMLESS.strip().splitlines())


def test_a_dotenv_is_read_as_compose_reads_it() -> None:
    text = "# A=1\nexport B='x y'\nC = \"z\" \nD=e # comment\nE\nF=a=b\nG='\n"
    assert list(_assignments(text)) == [
        ("B", "x y"),
        ("C", "z"),
        ("D", "e"),
        ("F", "a=b"),
        ("G", "'"),
    ]
