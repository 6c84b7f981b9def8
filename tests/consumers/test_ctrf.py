"""results.json as the reference implementation of CTRF validates it."""

import json

import pytest

from redis_runbook.reporting import ctrf
from redis_runbook.verdict import Verdict
from tests.support.consumers import node
from tests.support.hostile_records import findings, hostile, record

VALIDATE = """
import { validate } from "ctrf";
import { readFileSync } from "node:fs";
const found = validate(JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify(found));
"""


@pytest.mark.parametrize("raw", [False, True])
def test_it_is_valid(raw: bool) -> None:  # noqa: FBT001  # the two kinds of text
    text = ctrf.render(hostile(raw=raw)).encode(errors="backslashreplace").decode()
    found = node(VALIDATE, text)
    assert found["valid"], found


def test_the_validator_can_refuse() -> None:
    document = json.loads(ctrf.render(record(findings(["x"]))))
    document["results"]["tests"][0]["status"] = "undetermined"
    assert not node(VALIDATE, json.dumps(document))["valid"]


def test_what_is_suppressed_is_not_failed() -> None:
    results = json.loads(ctrf.render(record(findings(["x"]))))["results"]
    suppressed = [test for test in results["tests"] if test["extra"]["suppressed"]]
    assert {test["status"] for test in suppressed} == {"skipped"}
    assert {test["extra"]["verdict"] for test in suppressed} == {*Verdict}
    assert results["summary"]["failed"] == 1
