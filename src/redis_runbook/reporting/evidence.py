"""`evidence.json`: all facts of a run that is not healthy, for `redis-runbook judge`."""

import json

from redis_runbook.record import RunRecord


def render(record: RunRecord) -> str:
    """The whole document, as the session made it; in ASCII, so that a terminal can show it."""
    return json.dumps(record.evidence, allow_nan=False) + "\n"
