"""`junit.xml`, for pipelines; an undetermined check is an `<error>`, a broken one a `<failure>`.

An advisory check that could not look is `<skipped>`: it does not change the exit code either, and
nor does what is suppressed. A warning passed, and its text is in `<system-out>`.

The suite's time is that of the run. A case's is how long the run waited for its facts and judged
them: what several checks wait for counts for the first of them, so that the cases' sum is about the
suite's time. Facts about the run are `<properties>` of the suite. Those of a case are lines of its
`<system-out>`, which Jenkins and GitLab show: the schema of Jenkins' xUnit plugin knows no
properties of a case, and the plugin refuses a file with any.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.standing import Standing, standing, why_skipped
from redis_runbook.reporting.wording import versions
from redis_runbook.verdict import Finding

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DOUBLED: Final = re.compile(r"\[(?=\[)")
_ELEMENTS: Final = {
    Standing.PASSED: None,
    Standing.FAILED: "failure",
    Standing.UNDETERMINED: "error",
    Standing.SKIPPED: "skipped",
}


def render(record: RunRecord) -> str:
    """The whole document."""
    elements = Counter(_ELEMENTS[standing(finding)] for finding in record.findings)
    suite = ET.Element(
        "testsuite",
        name=f"redis-runbook {record.profile}{' (saved evidence)' if record.judged_at else ''}",
        tests=str(len(record.findings)),
        failures=str(elements["failure"]),
        errors=str(elements["error"]),
        skipped=str(elements["skipped"]),
        time=f"{record.elapsed_s:.3f}",
        timestamp=record.started_at.isoformat(timespec="seconds"),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _about(record):
        ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))
    for finding in record.findings:
        _case(suite, finding)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _about(record: RunRecord) -> Iterator[tuple[str, str]]:
    """The properties of the suite: what was looked at."""
    yield "profile", record.profile
    yield "target", record.target or "none"
    yield "services", ", ".join(record.servers)
    for name, version in versions(record).items():
        yield f"version.{name}", version


def _case(suite: ET.Element, finding: Finding) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(finding.check),
        name=_clean(finding.name),
        time=f"{finding.duration_s:.3f}",
    )
    message = _clean(why_skipped(finding) or finding.message)
    steps = "\n".join(f"next: {_clean(step)}" for step in finding.next_steps)
    element = _ELEMENTS[standing(finding)]
    said = list(_facts(finding))
    if element:
        outcome = ET.SubElement(case, element, message=message)
        outcome.text = steps or None
    else:
        said = [f"{finding.verdict.label}: {message}", *filter(None, [steps]), *said]
    if said:
        ET.SubElement(case, "system-out").text = "\n".join(said)


def _facts(finding: Finding) -> Iterator[str]:
    """`observed: 83.1 %`: what is known of a case, a line each."""
    facts = {
        "service": finding.service,
        "observed": text.quantity(finding.observed, finding.unit),
        "limit": text.quantity(finding.limit, finding.unit),
        "runbook": finding.runbook,
    }
    for name, value in facts.items():
        if value:
            yield f"{name}: {_clean(value)}"


def _clean(raw: str) -> str:
    """The text without the characters that XML 1.0 cannot hold.

    Nor with `[[ATTACHMENT|/path]]`, at which Jenkins and GitLab take a file of the machine.
    """
    return _DOUBLED.sub("[ ", _FORBIDDEN.sub("?", raw))
