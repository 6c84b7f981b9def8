"""Whatever lies in the place of the last results."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from redis_runbook.reporting.previous import read_record

# A hostile folder of reports


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def negative(path: Path) -> None:
    seen = {"queue": {"run_id": "a", "rejected_connections": -5}}
    path.write_text(json.dumps({"results": {"extra": {"servers": seen}}}))


@pytest.mark.parametrize("make", [pipe, endless, deep, negative, Path.mkdir])
def test_what_lies_in_the_place_of_the_last_results_is_not_trusted(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "results.json")
    assert read_record(tmp_path / "results.json") is None
