"""Annotations as GitHub's own library writes them, and within what GitHub shows."""

import json
import re

import pytest

from redis_runbook.reporting import github
from redis_runbook.reporting.wording import cut
from redis_runbook.verdict import Verdict
from tests.support.consumers import node
from tests.support.hostile_records import HOSTILE, findings, hostile, huge, record

WRITE = """
import { error } from "@actions/core";
import { readFileSync } from "node:fs";
const lines = [];
process.stdout.write = (line) => { lines.push(line); return true; };
for (const [title, message] of JSON.parse(readFileSync(0, "utf8"))) error(message, { title });
delete process.stdout.write;
console.log(JSON.stringify(lines));
"""
COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")
"""The documented grammar of the commands that we write."""


def unescaped(text: str) -> str:
    for written, meant in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(written, meant)
    return text


@pytest.mark.parametrize("raw", [False, True])
def test_every_line_is_one_command_of_ours(raw: bool) -> None:  # noqa: FBT001
    for line in github.render(hostile(raw=raw)).splitlines():
        assert COMMAND.fullmatch(line), line


def test_githubs_own_library_writes_the_same() -> None:
    texts = [text for text in HOSTILE if "\ud800" not in text]
    found = [one for one in findings(texts) if one.verdict is Verdict.FAIL and not one.suppressed]
    mine, theirs = [], []
    for finding in found:
        first, *_ = github.render(record([finding])).splitlines()
        mine.append(first)
        step = cut(finding.next_steps[0])
        message = f"{cut(finding.message)}\n1. {step}\n2. {step}"
        theirs.append([cut(f"FAIL {finding.name}", 200), message])
    assert [line.rstrip("\n") for line in node(WRITE, json.dumps(theirs))] == mine


def test_no_more_than_github_shows_and_how_many_more() -> None:
    text = github.render(huge())
    kinds = [line.partition(" ")[0] for line in text.splitlines()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "::error": 10,
        "::warning": 10,
        "::notice": 1,
    }
    assert text.splitlines()[-1].endswith("%0A490 more errors, 240 more warnings")
    assert len(text.encode()) < 256 * 1024


def test_what_is_suppressed_is_a_notice() -> None:
    made = record([one for one in findings(["x"] * 9) if one.suppressed])
    kinds = [line.partition(" ")[0] for line in github.render(made).splitlines()]
    assert kinds == ["::notice"] * 10
    assert "suppressed, too: 37 more" in unescaped(github.render(made))
