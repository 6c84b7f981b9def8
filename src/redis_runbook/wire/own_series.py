"""The names of the Prometheus metrics that a run writes with `--metrics-file`."""

from typing import Final

CHECK: Final = "redis_runbook_check"
QUEUE_LATENCY: Final = "redis_runbook_queue_latency_seconds"
QUEUE_DEPTH: Final = "redis_runbook_queue_depth"
QUEUE_WORKERS: Final = "redis_runbook_queue_workers"
LATENCY_P95: Final = "redis_runbook_latency_p95_seconds"
MEMORY_USED_RATIO: Final = "redis_runbook_memory_used_ratio"
JWT_ENTRIES: Final = "redis_runbook_jwt_entries"
RUN_DURATION: Final = "redis_runbook_run_duration_seconds"
RUN_TIMESTAMP: Final = "redis_runbook_run_timestamp_seconds"
RUN_SUCCESS: Final = "redis_runbook_run_success"

FOLLOWS_FROM: Final = "follows_from"
"""The label of `redis_runbook_check` that names the finding of which this is a consequence."""

SUPPRESSED: Final = "suppressed"
"""The label of `redis_runbook_check` that is `true` where the finding is suppressed, else empty."""

PASS: Final = 0
WARN: Final = 1
UNKNOWN: Final = 2
FAIL: Final = 3
NOT_APPLICABLE: Final = -1
"""The values of `redis_runbook_check` by verdict: the greater, the worse."""


def is_ours(metric: str) -> bool:
    """Whether the metric is written by a run, not by an exporter."""
    return metric.startswith("redis_runbook_")
