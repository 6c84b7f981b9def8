"""`runbook.tap`: the Test Anything Protocol, of version 13, which consumers of 14 read as well.

What consumers count as failed is `not ok` without a directive. That is what is broken, and what
could not be determined: `# TODO` would let a run pass that could not look. What is suppressed is
`# TODO`, which is what TAP has for it: it is known not to be well, is shown, and fails nothing.
What does not apply, and what an advisory check could not tell, is `ok … # SKIP` with the reason.
TAP knows no warnings: these are `ok`, and their diagnostics say `severity: warn`.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Final

from redis_runbook.record import RunRecord
from redis_runbook.reporting import text
from redis_runbook.reporting.standing import Standing, standing, suppression, why_skipped
from redis_runbook.reporting.wording import MOST_STEPS, cut
from redis_runbook.verdict import ExitCode, Finding, Verdict

_MAX_NAME: Final = 300
_ESCAPED: Final = str.maketrans({"#": "\N{FULLWIDTH NUMBER SIGN}"})
"""It begins a directive, and not every consumer knows the escape of version 14 for it."""

_OK: Final = frozenset({Standing.PASSED, Standing.SKIPPED})


def render(record: RunRecord) -> str:
    """The plan, a test point for each finding with its diagnostics, and the verdict as a comment.

    An interrupted run bails out, so that no consumer takes what is there for all of it.
    """
    points = [[_point(*numbered), *_diagnostics(numbered[1])] for numbered in _numbered(record)]
    verdict = cut(text.summary(record))
    if record.exit_code is not ExitCode.HEALTHY and not any(map(_fails, record.findings)):
        # A plan of no tests, and one of which all are skipped, would count as passed.
        points.append([f"not ok {len(points) + 1} - {_text(verdict)}"])
    lines = ["TAP version 13", f"1..{len(points)}", *itertools.chain(*points), f"# {verdict}"]
    if record.interrupted:
        lines.append("Bail out! the run was interrupted")
    return "".join(f"{line}\n" for line in lines)


def _numbered(record: RunRecord) -> Iterator[tuple[int, Finding]]:
    return enumerate(record.findings, start=1)


def _fails(finding: Finding) -> bool:
    return standing(finding) not in _OK


def _point(number: int, finding: Finding) -> str:
    name = _text(finding.name, _MAX_NAME)
    if finding.suppressed:
        word = "ok" if finding.verdict is Verdict.WARN else "not ok"
        return f"{word} {number} - {name} # TODO {_text(suppression(finding))}"
    word = "not ok" if _fails(finding) else "ok"
    is_skipped = standing(finding) is Standing.SKIPPED
    skipped = f" # SKIP {_text(why_skipped(finding)) or 'no reason'}" if is_skipped else ""
    return f"{word} {number} - {name}{skipped}"


def _text(outside: str, limit: int = 1_000) -> str:
    """One line without a directive of its own."""
    return cut(outside, limit).translate(_ESCAPED)


def _diagnostics(finding: Finding) -> Iterator[str]:
    """A block of YAML, of which JSON is a part: no text in it can end the block, or begin a tag."""
    about = {
        "severity": finding.verdict.value,
        "message": finding.message,
        "service": finding.service,
        "observed": finding.observed,
        "limit": finding.limit,
        "unit": finding.unit,
        "runbook": finding.runbook,
        "next": [cut(step, _MAX_NAME) for step in finding.next_steps[:MOST_STEPS]],
    }
    yield "  ---"
    for key, value in about.items():
        if value not in (None, []):
            shown = cut(value) if isinstance(value, str) else value
            yield f"  {key}: {json.dumps(shown, ensure_ascii=False, allow_nan=False)}"
    yield "  ..."
