"""How long the page of a large fleet takes, and how large it is."""

import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Final

from bench.measurement import Measurement
from redis_runbook.reporting.page.render import render
from redis_runbook.verdict import Verdict
from tests.unit.reporting.test_page import fleet

_SERVICES: Final = 1_000
_CHECKS: Final = 20
_ROUNDS: Final = 5
_MB: Final = 1e6


def measurements() -> Iterator[Measurement]:
    """The time and the size of a page of 20,000 findings, each fifth of them broken."""
    record = fleet(_SERVICES, _CHECKS)
    findings = [
        replace(finding, verdict=Verdict.FAIL) if number % 5 == 0 else finding
        for number, finding in enumerate(record.findings)
    ]
    record = replace(record, findings=tuple(findings))
    took_s = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        page = render(record, title="bench", own=None)
        took_s.append(time.perf_counter() - began)
    what = f"{_SERVICES:,} services of {_CHECKS} checks each, a fifth broken"
    yield Measurement(
        what="The page of a large fleet: time",
        value=median(took_s),
        bound=5,
        unit="s",
        digits=2,
        detail=what,
        how=f"rendering `latest.html` from the record; median of {_ROUNDS}.",
    )
    yield Measurement(
        what="The page of a large fleet: size",
        value=len(page.encode()) / _MB,
        bound=10,
        unit="MB",
        digits=1,
        detail=what,
        how="of the same page, without pytest-html's own parts.",
    )
