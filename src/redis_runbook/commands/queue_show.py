"""`redis-runbook queue show NAME`: one BullMQ queue, read-only."""

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from redis_runbook.commands.answer import answer, complain, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.commands.queue_service import endpoints, look_at, services_with_queues
from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.judging.cause import cause
from redis_runbook.judging.queue_latency import judge_latency
from redis_runbook.judging.queue_text import events_read, oldest_jobs, seconds, worker_lines
from redis_runbook.probes.bullmq.facts import QueueFacts, Scheduler
from redis_runbook.probes.bullmq.queues import ObservedQueue
from redis_runbook.redact import Shown, document, printable, unobeyed
from redis_runbook.verdict import CannotLook, ExitCode

_LIMIT_S: Final = 10.0
_NAME_WIDTH: Final = 18
_SCHEDULERS: Final = 20


def run(options: argparse.Namespace) -> int:
    """Print the queue and return the exit code."""
    try:
        text = _show(options.name, options.service, options.config, os.environ)
    except ConfigError as error:
        return misused(error)
    except CannotLook as error:
        complain(error)
        return ExitCode.UNDETERMINED
    return answer(text, "the queue")


def _show(
    name: str, service: str | None, config_file: Path | None, environ: Mapping[str, str]
) -> Shown:
    """The queue as a table: jobs by state, oldest jobs, waits, workers, schedulers, failures.

    Takes a little over 2 s, as finding the workers takes two reads.

    Raises:
        ConfigError: the configuration, the address of the service, or its name is wrong.
        CannotLook: the service or the queue cannot be observed; its text is redacted.
    """
    loaded = configuration(config_file, environ)
    config = loaded.config
    chosen = _service(config, service)
    (endpoint,) = endpoints(config, [chosen], environ, loaded.file).values()
    (observed,) = look_at(chosen, endpoint, config, only=name, limit_s=_LIMIT_S).queues
    limits = config.queue_limits(chosen, name)
    lines = _lines(observed, limit_s=limits.latency_s, window_s=limits.latency_for_s)
    return document(unobeyed("\n".join((f"{printable(name)} on {chosen}", *lines))))


def _service(config: Config, wanted: str | None) -> str:
    """The service with that name, or the only service with queues.

    Raises:
        ConfigError: there is no such service, or there are several to choose from.
    """
    queues = services_with_queues(config, wanted)
    if len(queues) == 1:
        return queues[0]
    raise ConfigError([f"name the service: --service {' or '.join(queues)}"])


def _lines(queue: ObservedQueue, *, limit_s: float, window_s: float) -> Iterator[str]:
    facts = queue.last
    yield from _section(
        "jobs",
        (
            f"{state.replace('_', '-'):<{_NAME_WIDTH}}{'?' if number is None else number:>12}"
            for state, number in asdict(facts.counts).items()
        ),
    )
    yield from _section("oldest", oldest_jobs(facts))
    judged = judge_latency(facts, limit_s=limit_s, window_s=window_s, earlier=[queue.first])
    longest, now = seconds(judged.observed_s or 0), seconds(judged.waiting_s or 0)
    waits = [f"{judged.state}: longest {longest}, now {now}"]
    if judged.pick_ups:
        waits.append(
            f"{judged.pick_ups} pick-ups in {window_s:g} s: p50 {judged.p50_s:.3f}, "
            f"p95 {judged.p95_s:.3f}, max {judged.max_s:.3f} s"
        )
    waits += filter(None, [events_read(judged)])
    yield from _section("waits", [*waits, f"because: {cause(facts, queue.workers)}"])
    if facts.overdue_s:
        yield from _section("delayed", [f"the most overdue job is {seconds(facts.overdue_s)} late"])
    yield from _section("workers", worker_lines(queue))
    yield from _section("schedulers", _schedulers(facts))
    yield from _section(
        "newest failures",
        (f"{failure.count} of: {failure.reason}" for failure in facts.failed_reasons),
    )
    yield from _section("could not be read", facts.problems)


def _schedulers(facts: QueueFacts) -> Iterator[str]:
    """Those with something wrong first, and how many are not shown."""
    shown = sorted(
        facts.schedulers,
        key=lambda one: (one.finished, one.job_exists is not False, -one.overdue_s),
    )[:_SCHEDULERS]
    yield from map(_scheduler, shown)
    if (facts.schedulers_total or 0) > len(shown):
        yield f"and {(facts.schedulers_total or 0) - len(shown)} more"


def _scheduler(scheduler: Scheduler) -> str:
    name, late_s = printable(scheduler.scheduler_id), scheduler.overdue_s
    if scheduler.finished:
        return f"{name}: finished"
    state = f"its next run is {seconds(late_s)} late" if late_s else "on time"
    return f"{name}: {state}{', its job is gone' if scheduler.job_exists is False else ''}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"\n{title}"
        yield from (f"  {line}" for line in found)
