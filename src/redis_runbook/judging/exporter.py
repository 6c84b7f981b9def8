"""Whether an exporter has reached a server since that started."""

from typing import Final

from redis_runbook.judging.worst import Judgement
from redis_runbook.probes.exporter.identity import UPTIME_SLACK_S
from redis_runbook.probes.exporter.scrape import ExporterFacts
from redis_runbook.probes.server import ServerFacts
from redis_runbook.verdict import Verdict

_PATIENCE_S: Final = 10
"""An exporter connects at each scrape: it needs no longer than its server to be back."""


def judge_scrape(exporter: ExporterFacts, server: ServerFacts) -> Judgement:
    """Judge the answer that the exporter gave now; the words continue a sentence."""
    its_uptime_s = exporter.values.uptime_s if exporter.values else None
    is_up = exporter.redis_up == 1 and exporter.scrape_error == 0
    is_older = its_uptime_s is not None and its_uptime_s > server.uptime_s + UPTIME_SLACK_S
    if is_up and exporter.matches and not is_older:
        return Verdict.PASS, f"its exporter has scraped it ({exporter.identity})"
    if is_up and exporter.matches is None and not is_older:
        return Verdict.UNKNOWN, "its exporter has scraped one that it does not identify"
    because = f"its exporter tells of one that is up for {its_uptime_s} s" if is_older else ""
    text = because or f"its exporter has not scraped it: {exporter.summary}"
    return (Verdict.UNKNOWN if server.uptime_s < _PATIENCE_S else Verdict.FAIL), text
