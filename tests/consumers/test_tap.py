"""runbook.tap as consumers of TAP read it: one of Node, one of Python, and Perl's prove."""

import io
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tap.parser import Parser

from redis_runbook.record import RunRecord
from redis_runbook.reporting import tap
from redis_runbook.reporting.standing import Standing, standing
from redis_runbook.reporting.wording import cut
from redis_runbook.verdict import ExitCode, Finding, Verdict
from tests.support.consumers import node
from tests.support.hostile_records import findings, hostile, record
from tests.support.requirements import installed

PARSE = """
import { Parser } from "tap-parser";
import { readFileSync } from "node:fs";
const events = Parser.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(events));
"""
HEALTHY = replace(record([]), exit_code=ExitCode.HEALTHY, outcome=ExitCode.HEALTHY)


def text_of(made: RunRecord) -> str:
    return tap.render(made).encode(errors="backslashreplace").decode()


def events(made: RunRecord) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, *about in node(PARSE, text_of(made)):
        found.setdefault(name, []).append(about[0] if about else None)
    return found


def of(verdict: Verdict, **changes: object) -> Finding:
    finding = next(one for one in findings(["x"]) if one.verdict is verdict and not one.suppressed)
    return replace(finding, **changes)  # type: ignore[arg-type]


def in_prove(made: RunRecord, folder: Path) -> int:
    """The exit code of prove."""
    file = folder / "runbook.tap"
    file.write_text(text_of(made))
    return subprocess.run(
        [installed("prove"), "--exec", "cat", file],
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


@pytest.mark.parametrize("raw", [False, True])
def test_no_text_is_more_than_text(raw: bool) -> None:  # noqa: FBT001
    made = hostile(raw=raw)
    found = events(made)
    assert not {"bailout", "extra", "child", "pragma"} & set(found)
    assert [(plan["start"], plan["end"]) for plan in found["plan"]] == [(1, len(made.findings))]
    assert not found["complete"][0]["failures"] or all(
        not failure.get("tapError") for failure in found["complete"][0]["failures"]
    )
    for finding, point in zip(made.findings, found["assert"], strict=True):
        name = cut(finding.name, 300).encode(errors="backslashreplace").decode()
        # A consumer of version 14 takes two backslashes for one.
        shown = name.replace("#", "\uff03").replace("\\\\", "\\")
        assert " ".join(point["name"].split()) == " ".join(shown.split())
        assert point["diag"]["severity"] == finding.verdict.value
        skipped = standing(finding) is Standing.SKIPPED and not finding.suppressed
        assert bool(point.get("skip")) == skipped
        assert bool(point.get("todo")) == bool(finding.suppressed)


def test_another_parser_sees_the_same() -> None:
    made = hostile(raw=False)
    lines = list(Parser().parse(io.StringIO(text_of(made))))
    points = [line for line in lines if line.category == "test"]
    assert [point.number for point in points] == list(range(1, len(made.findings) + 1))
    failed = [point for point in points if not point.ok and not point.todo]
    counted = [
        one for one in made.findings if standing(one) in {Standing.FAILED, Standing.UNDETERMINED}
    ]
    assert len(failed) == len(counted)
    assert "bail" not in {line.category for line in lines}


@pytest.mark.parametrize(
    ("found", "code", "fails"),
    [
        ([of(Verdict.PASS), of(Verdict.WARN), of(Verdict.NOT_APPLICABLE)], 0, False),
        ([of(Verdict.PASS), of(Verdict.UNKNOWN, advisory=True)], 0, False),
        ([one for one in findings(["x"]) if one.suppressed], 0, False),
        ([of(Verdict.PASS), of(Verdict.FAIL)], 1, True),
        ([of(Verdict.PASS), of(Verdict.UNKNOWN)], 3, True),
        ([], 5, True),
        ([of(Verdict.NOT_APPLICABLE)], 5, True),
        ([of(Verdict.PASS)], 3, True),
    ],
    ids=["fine", "advisory", "suppressed", "broken", "unknown", "none", "n/a", "unreported"],
)
def test_a_consumer_is_green_exactly_where_the_exit_code_is_0(
    found: list[Finding],
    code: int,
    fails: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    made = replace(HEALTHY, findings=tuple(found), exit_code=ExitCode(code))
    assert events(made)["complete"][0]["ok"] is not fails
    assert bool(in_prove(made, tmp_path)) is fails


def test_an_interrupted_run_bails_out(tmp_path: Path) -> None:
    made = replace(
        HEALTHY,
        findings=(of(Verdict.PASS),),
        interrupted=True,
        exit_code=ExitCode.INTERRUPTED,
    )
    assert events(made)["bailout"] == ["the run was interrupted"]
    assert in_prove(made, tmp_path)


def test_prove_reads_the_hostile_ones(tmp_path: Path) -> None:
    made = hostile(raw=False)
    file = tmp_path / "runbook.tap"
    file.write_text(text_of(made))
    done = subprocess.run(
        [installed("prove"), "--exec", "cat", file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    counted = [
        one for one in made.findings if standing(one) in {Standing.FAILED, Standing.UNDETERMINED}
    ]
    assert f"Failed {len(counted)}/{len(made.findings)} subtests" in said, said
    assert "Parse errors" not in said
