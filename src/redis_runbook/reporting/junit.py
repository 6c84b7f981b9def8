"""`junit.xml`, for pipelines; an undetermined check is an `<error>`, a broken one a `<failure>`.

An advisory check that could not look is `<skipped>`, and so is what is suppressed: neither changes
the exit code.
"""

import re
from collections import Counter
from typing import Final
from xml.etree import ElementTree as ET

from redis_runbook.record import RunRecord
from redis_runbook.verdict import Finding, Verdict

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS: Final = {
    Verdict.FAIL: "failure",
    Verdict.UNKNOWN: "error",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(record: RunRecord) -> str:
    """The whole document."""
    elements = Counter(map(_element, record.findings))
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
    for finding in record.findings:
        _case(suite, finding)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, finding: Finding) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=finding.check,
        name=_clean(finding.name),
        time=f"{finding.duration_s:.3f}",
    )
    message = _clean(finding.message)
    steps = "\n".join(f"next: {_clean(step)}" for step in finding.next_steps)
    element = _element(finding)
    if finding.suppressed:
        shown = f"{finding.suppressed.clause}: {finding.verdict.label}: {finding.message}"
        message = _clean(shown)
    elif element == "skipped" and finding.verdict is Verdict.UNKNOWN:
        message = f"UNKNOWN (advisory): {message}"
    if element:
        outcome = ET.SubElement(case, element, message=message)
        outcome.text = steps or None
    else:
        output = ET.SubElement(case, "system-out")
        output.text = "\n".join(filter(None, (f"{finding.verdict.label}: {message}", steps)))


def _element(finding: Finding) -> str | None:
    """The element that says how the case ended; None for one that passed."""
    if finding.suppressed or (finding.verdict is Verdict.UNKNOWN and finding.advisory):
        return "skipped"
    return _ELEMENTS.get(finding.verdict)


def _clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold."""
    return _FORBIDDEN.sub("?", text)
