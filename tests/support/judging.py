"""Judges the evidence of a run again, by the product, in a process that may open no connection."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.support import product

_OFFLINE: Final = """
import os, sys
FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
             "socket.bind", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork")
def refuse(event, about):
    # Python's own `platform`, for pytest-metadata.
    if event in FORBIDDEN and not (event == "subprocess.Popen" and about[1] == ["uname", "-p"]):
        print("OPENED", event, *map(str, about[:2]), flush=True)
        os._exit(70)
sys.addaudithook(refuse)
from redis_runbook.cli import main
sys.exit(main())
"""


def judge(
    folder: Path, document: str | Mapping[str, Any], *arguments: str, config: str = ""
) -> product.Outcome:
    """What `redis-runbook judge` says of this evidence, in an empty folder.

    Python itself ends it at its first connection, name look-up or program (see `sys.addaudithook`).
    """
    folder.mkdir(parents=True)
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "evidence.json").write_text(text)
    program = [sys.executable, "-c", _OFFLINE, "judge", "evidence.json", *arguments]
    reports = folder / "reports" / "judged"
    if config:
        (folder / "limits.toml").write_text(config)
        program += ["--config", "limits.toml"]
    # The environment of another machine, which must not count.
    done = product.started(program, folder, env={"REDIS_RUNBOOK_DEADLINE_S": "nonsense"})
    files = {path.name: path.read_text() for path in reports.glob("*")} if reports.exists() else {}
    return product.Outcome(done.code, done.out, done.err, files)


def ruled(done: product.Outcome) -> dict[str, Any]:
    """All that a run concluded, by finding: everything but how long judging took."""
    return {test["name"]: {**test["extra"], "status": test["status"]}
            for test in done.results["tests"]}  # fmt: skip


def assert_same(judged: product.Outcome, run: product.Outcome) -> None:
    """The same findings, in the same order, and the same exit code."""
    assert judged.code == run.code, judged.err
    assert ruled(judged) == ruled(run)
    assert [*judged.verdicts] == [*run.verdicts]
    for kept in ("healthy", "exit_code", "outcome", "counts", "servers", "services", "queues",
                 "window_s", "elapsed_s", "selected", "profile", "gathered"):  # fmt: skip
        assert judged.results["extra"][kept] == run.results["extra"][kept], kept
