"""`redis-runbook queue show NAME`: one BullMQ queue, read-only."""

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import redis

from redis_runbook.commands.answer import answer, complain, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.config.resolve import endpoint_of
from redis_runbook.judging.cause import cause
from redis_runbook.judging.queue_latency import judge_latency
from redis_runbook.judging.queue_text import oldest_jobs, seconds, worker_lines
from redis_runbook.probes.bullmq.discovery import discover
from redis_runbook.probes.bullmq.facts import QueueFacts, Scheduler
from redis_runbook.probes.bullmq.queues import (
    READS_APART_S,
    ObservedQueue,
    look_again,
    look_first,
)
from redis_runbook.probes.connection import reach
from redis_runbook.redact import KNOWN, Shown, document, printable, sentence
from redis_runbook.verdict import CannotLook, ExitCode
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed

_LIMIT_S: Final = 10.0
_BUDGET_S: Final = 2.0
_MARGIN_S: Final = 0.05
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
    KNOWN.shows_job_details = config.privacy.job_details
    chosen = _service(config, service)
    endpoint, missing = endpoint_of(chosen, config.services[chosen], environ, defaults=False)
    if endpoint is None:
        raise CannotLook(missing)
    if loaded.file or endpoint.has_login:
        complain("; ".join(_opening(chosen, endpoint, loaded.file)))
    try:
        observed = _observe(name, chosen, endpoint, config)
    except (CannotLook, redis.RedisError) as error:
        known = isinstance(error, CannotLook)
        why = str(error) if known else f"{chosen} {why_it_failed(error)}"
        raise CannotLook(sentence(why)) from None
    limits = config.queue_limits(chosen, name)
    lines = _lines(observed, limit_s=limits.latency_s, window_s=limits.latency_for_s)
    return document("\n".join((f"{printable(name)} on {chosen}", *lines)))


def _opening(service: str, endpoint: Endpoint, file: Path | None) -> Iterator[str]:
    """What a run says first: who is asked, by which configuration, and whether with a login."""
    yield f"{service} at {endpoint.address}"
    if file:
        yield f"configured by {printable(str(file))}"
    if endpoint.has_login:
        yield f"logins for {service} at {endpoint.address}"


def _service(config: Config, wanted: str | None) -> str:
    """The service with that name, or the only service with queues.

    Raises:
        ConfigError: there is no such service, or there are several to choose from.
    """
    queues = [
        name
        for name, settings in config.services.items()
        if settings.enabled and settings.role_spec.has_queues
    ]
    if wanted in queues:
        return wanted
    if wanted is None and len(queues) == 1:
        return queues[0]
    problem = f"there is no queue service {printable(wanted)}" if wanted else "name the service"
    choice = " or ".join(queues) or "(none is configured)"
    raise ConfigError([f"{problem}: --service {choice}"])


def _observe(name: str, service: str, endpoint: Endpoint, config: Config) -> ObservedQueue:
    settings = config.services[service]
    timeout_s = settings.limits.connect_s
    connection = reach(endpoint, timeout_s=timeout_s)
    if not connection.reachable:
        raise CannotLook(f"{service} at {connection.address} {connection.message}")
    with (
        connected(endpoint, service, timeout_s=timeout_s) as client,
        client.time_limit(_LIMIT_S),
    ):
        found = discover(client, prefix=settings.prefix, configured=[name], budget_s=_BUDGET_S)
        for code in found.elsewhere.values():
            raise CannotLook(f"{printable(name)} is not on this node of {service} ({code})")
        if found.absent:
            raise CannotLook(f"no such queue: {printable(name)}; found: {found.titles}")
        only_this = found.only(name)
        first = look_first(client, only_this)
        time.sleep(READS_APART_S + _MARGIN_S)
        queues = look_again(
            client,
            only_this,
            first,
            window_s=settings.limits.queue_latency_for_s,
        )
    (observed,) = queues.by_name.values()
    return observed


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
