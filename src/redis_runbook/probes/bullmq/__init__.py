"""BullMQ queues as they really are, read without one write, one script or one unbounded read."""

from redis_runbook.probes.bullmq.cause import Cause, cause
from redis_runbook.probes.bullmq.clients import Sighting, sight_workers
from redis_runbook.probes.bullmq.discovery import Discovery, discover
from redis_runbook.probes.bullmq.facts import QueueFacts
from redis_runbook.probes.bullmq.latency import LatencyJudgement, LatencyState, judge_latency
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.bullmq.observe import observe_queues
from redis_runbook.probes.bullmq.stalled import (
    READS_APART_S,
    StalledJob,
    StalledKind,
    long_running,
    orphaned,
    stalled,
)
from redis_runbook.probes.bullmq.workers import Worker, WorkerFacts, WorkerState, workers_of

__all__ = [
    "READS_APART_S",
    "Cause",
    "Discovery",
    "LatencyJudgement",
    "LatencyState",
    "Queue",
    "QueueFacts",
    "Sighting",
    "StalledJob",
    "StalledKind",
    "Worker",
    "WorkerFacts",
    "WorkerState",
    "cause",
    "discover",
    "judge_latency",
    "long_running",
    "observe_queues",
    "orphaned",
    "sight_workers",
    "stalled",
    "workers_of",
]
