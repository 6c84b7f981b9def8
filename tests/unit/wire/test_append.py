"""Appending to a file of somebody else's."""

import os
from pathlib import Path

import pytest

from redis_runbook.wire.files import append_once


def test_what_was_appended_last_is_replaced_where_it_still_is_the_end(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    append_once(file, lambda _: b"a first, longer\n")
    append_once(file, lambda used: f"second after {used}\n".encode())
    assert file.read_text() == "before\nsecond after 7\n"
    with file.open("a") as other:
        other.write("theirs\n")
    append_once(file, lambda _: b"third\n")
    assert file.read_text() == "before\nsecond after 7\ntheirs\nthird\n"


def test_a_file_that_was_emptied_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    append_once(file, lambda _: b"first\n")
    file.write_text("")
    append_once(file, lambda _: b"second\n")
    assert file.read_text() == "second\n"


def test_nothing_is_changed_where_no_text_can_be_made(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")

    def make(_: int) -> bytes:
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        append_once(file, make)
    assert file.read_text() == "before\n"


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null"), tmp_path / "no" / "folder"):
        with pytest.raises(OSError, match=r"."):
            append_once(path, lambda _: b"x")
