"""Files are written whole, and what is no plain file is written to."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from redis_runbook.wire.files import write_whole


def test_a_device_a_pipe_and_a_link_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (link, pipe, Path(os.devnull)):
        write_whole(path, b"new", mode=0o640)
    assert link.is_symlink()
    assert target.read_bytes() == b"new" == os.read(reader, 9)
    assert Path(os.devnull).is_char_device()
    os.close(reader)


def test_a_pipe_gets_all_of_what_is_more_than_it_holds(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", b"x" * 300_000
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reading:
        read = reading.submit(pipe.read_bytes)
        while True:
            try:
                write_whole(pipe, content, mode=0o640)
            except OSError:  # the reader is not there yet
                continue
            break
        assert read.result(timeout=10) == content


def test_a_pipe_that_nobody_reads_is_an_error_and_no_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        write_whole(tmp_path / "pipe", b"new", mode=0o640)


def test_links_that_form_a_loop_are_replaced(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    write_whole(loop, b"text", mode=0o600)
    assert loop.read_bytes() == b"text"
