"""junit.xml as Jenkins' xUnit plugin takes it: by its schema."""

from xml.etree import ElementTree as ET

import pytest
import xmlschema

from redis_runbook.record import RunRecord
from redis_runbook.reporting import junit
from tests.support.consumers import schema
from tests.support.hostile_records import findings, hostile, record


def suite_of(made: RunRecord) -> ET.Element:
    document = junit.render(made).encode(errors="backslashreplace").decode()
    xmlschema.XMLSchema(schema("junit-10.xsd")).validate(document)
    (suite,) = ET.fromstring(document)  # noqa: S314  # our own
    return suite


@pytest.mark.parametrize("raw", [False, True])
def test_it_is_valid_and_counts_as_it_shows(raw: bool) -> None:  # noqa: FBT001
    suite = suite_of(hostile(raw=raw))
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for attribute, element in counted.items():
        assert suite.get(attribute) == str(len(suite.findall(f"testcase/{element}")))


def test_the_schema_can_refuse() -> None:
    wrong = '<testsuites><testsuite tests="1" errors="0"><case/></testsuite></testsuites>'
    assert not xmlschema.XMLSchema(schema("junit-10.xsd")).is_valid(wrong)


def test_the_suite_and_the_cases_tell_what_they_are_about() -> None:
    made = record(findings(["x"]))
    suite = suite_of(made)
    properties = {one.get("name"): one.get("value") for one in suite.findall("properties/property")}
    assert properties["profile"] == "gate"
    assert properties["target"] == "live"
    assert set(properties) == {"profile", "target", "services", "version.queue "}
    assert suite.get("time") == "31.250"
    failed = next(case for case in suite.findall("testcase") if case.find("failure") is not None)
    said = failed.findtext("system-out") or ""
    assert said.splitlines() == ["service: x", "observed: 1.500 x", "limit: 2 x", "runbook: x"]


def test_what_is_suppressed_is_skipped_with_the_reason() -> None:
    suite = suite_of(record(findings(["we know"])))
    assert [suite.get(name) for name in ("failures", "errors", "skipped")] == ["1", "1", "6"]
    reasons = [one.get("message") for one in suite.findall("testcase/skipped")]
    expected = "FAIL, suppressed without an end by we know: we know; we know"
    assert expected in reasons


def test_no_text_attaches_a_file() -> None:
    text = "x [[ATTACHMENT|/etc/passwd]] [[[ATTACHMENT|/etc/shadow]]"
    assert "[[" not in junit.render(record(findings([text]), text))
