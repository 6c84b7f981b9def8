"""The file of a snapshot: read back as it was, and refused where it is anything else."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.redact import KNOWN, MASK
from redis_runbook.session.baseline import parse, read_baseline, render
from tests.support.check_cases import BASELINE

DOCUMENT: dict[str, Any] = json.loads(render(BASELINE))
QUEUE = DOCUMENT["services"]["queue"]


def file_of(**changes: Any) -> str:
    return json.dumps({**DOCUMENT, **changes})


def service_of(**changes: Any) -> str:
    return file_of(services={"queue": {**QUEUE, **changes}})


def test_a_snapshot_is_read_back_as_it_was() -> None:
    assert parse(render(BASELINE)) == BASELINE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no snapshot: `redis-runbook snapshot FILE` makes one"),
        ('{"results": {}}', "is no snapshot"),
        (file_of(version=2), "is of another version: this redis-runbook reads version 1"),
        (file_of(version=None), "is of another version"),
        (file_of(at="yesterday"), "is damaged: not every field"),
        (file_of(at="2026-11-25T03:17:05"), "is damaged: its time has no time zone"),
        (file_of(services=[]), "is damaged"),
        (file_of(at=5), "is damaged"),
        (file_of(services={"queue": {}}), "is damaged"),
        (service_of(maxmemory_bytes="1"), "is damaged"),
        (service_of(maxmemory_bytes=-1), "a number that is no count"),
        (service_of(maxmemory_bytes=10**400), "a number that is no count"),
        (service_of(maxmemory_bytes=10**25), "a number that is no count"),
        (service_of(maxmemory_bytes=1.5), "is damaged"),
        (service_of(appendonly=1), "is damaged"),
        (service_of(databases=[{"number": 0}]), "is damaged"),
        (service_of(queues=[None]), "is damaged"),
        (service_of(run_id={"a": "b"}), "is damaged"),
        (service_of(queues=[[]] * 130_000), "has more than 120,000 elements"),
        (service_of(maxmemory_bytes=float("nan")), "is damaged"),
    ],
)
@pytest.mark.usefixtures("_little_memory")
def test_what_is_no_snapshot_of_this_version_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        parse(text)


@pytest.mark.usefixtures("_little_memory")
def test_many_errors_take_little_memory() -> None:
    with pytest.raises(ValueError, match="is damaged"):
        parse(service_of(queues=[[]] * 55_000))


def test_every_text_of_a_file_is_made_printable() -> None:
    KNOWN.learn(["planted-secret"])
    try:
        found = parse(service_of(policy="a\x1b[31m planted-secret"))
    finally:
        KNOWN.forget()
    assert found.of("queue").policy == f"a\\x1b[31m {MASK}"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def large(path: Path) -> None:
    path.write_bytes(b" " * (8 << 20) + b"{}")


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "does not exist"),
        (pipe, "is not a plain file"),
        (Path.mkdir, "is a directory"),
        (large, "is larger than 8,388,608 bytes"),
        (no_text, "is not UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused(
    make: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    make(tmp_path / "before.json")
    with pytest.raises(ValueError, match=words):
        read_baseline(tmp_path / "before.json")
