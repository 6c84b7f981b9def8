"""`redis-runbook queue list`: the BullMQ queues of the services, a line each, read-only."""

import argparse
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Final

from redis_runbook.commands.answer import answer, complain, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.commands.queue_service import (
    SeenQueues,
    endpoints,
    look_at,
    services_with_queues,
)
from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.judging.queue_latency import is_known
from redis_runbook.judging.queue_text import seconds
from redis_runbook.probes.bullmq.queues import ObservedQueue
from redis_runbook.redact import Shown, document, printable, sentence, unobeyed
from redis_runbook.verdict import CannotLook, ExitCode
from redis_runbook.wire.background import in_background

_LIMIT_S: Final = 60.0
_LONGEST_NAME: Final = 60
_GAP: Final = "  "
_HEADINGS: Final = (
    *("queue", "service", "waiting", "active", "delayed", "failed", "completed"),
    *("longest wait", "workers", ""),
)
_TEXTS: Final = 2
"""So many columns are texts, and are aligned on the left; numbers are aligned on the right."""


def run(options: argparse.Namespace) -> int:
    """Print the queues and return the exit code: 3 where not all of them could be seen."""
    try:
        loaded = configuration(options.config, os.environ)
        config = loaded.config
        services = services_with_queues(config, options.service)
        addresses = endpoints(config, services, os.environ, loaded.file)
    except ConfigError as error:
        return misused(error)
    looks = {
        name: in_background(functools.partial(look_at, name, address, config, limit_s=_LIMIT_S))
        for name, address in addresses.items()
    }
    seen: dict[str, SeenQueues] = {}
    complete = True
    for name, look in looks.items():
        try:
            seen[name] = look.result()
        except CannotLook as error:
            complain(sentence(str(error)))
            complete = False
    for problem in (line for name in seen for line in _unseen(name, seen[name], config)):
        complain(problem)
        complete = False
    if not seen:
        return ExitCode.UNDETERMINED
    code = answer(document(unobeyed("\n".join(_lines(seen, config)))), "the queues")
    return code or (ExitCode.HEALTHY if complete else ExitCode.UNDETERMINED)


def _unseen(service: str, seen: SeenQueues, config: Config) -> Iterator[Shown]:
    """Why there may be other queues than those that are listed, and which must exist and do not."""
    found = seen.found
    if found.incomplete_because and config.services[service].discover:
        yield sentence(found.why_not_all(service))
    for queue in found.absent:
        meant = found.did_you_mean(queue.configured_as)
        yield sentence(f"no such queue on {service}: {queue.shown}{meant}")
    for queue, code in found.elsewhere.items():
        yield sentence(f"{queue.shown} is not on this node of {service} ({code})")


def _lines(seen: dict[str, SeenQueues], config: Config) -> Iterator[str]:
    rows = [_row(name, queue) for name, found in seen.items() for queue in found.queues]
    if rows:
        yield from _table([_HEADINGS, *rows])
    for name, found in seen.items():
        if not found.queues:
            prefix = printable(config.services[name].prefix)
            yield f"no BullMQ queue with the prefix {prefix} on {name}"


def _row(service: str, queue: ObservedQueue) -> Sequence[str]:
    facts, workers = queue.last, queue.workers
    counts = facts.counts
    waits = "?" if not is_known(facts) else "-"
    if facts.longest_wait_s is not None:
        waits = seconds(facts.longest_wait_s)
    numbers = (counts.backlog, counts.active, counts.delayed, counts.failed, counts.completed)
    return (
        printable(facts.queue, _LONGEST_NAME),
        service,
        *("?" if number is None else str(number) for number in numbers),
        waits,
        f"{workers.at_work} of {max(workers.at_work, len(workers.workers))}"
        if workers.known
        else "?",
        _remark(queue),
    )


def _remark(queue: ObservedQueue) -> str:
    facts = queue.last
    remarks = ["deleted while it was looked at"] if queue.deleted else []
    if facts.paused:
        remarks.append("paused")
    if facts.counts.waiting_children:
        remarks.append(f"{facts.counts.waiting_children} waiting-children")
    return ", ".join(remarks)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows with every column as wide as its widest text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            text.ljust(width) if at < _TEXTS or at == len(row) - 1 else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield _GAP.join(cells).rstrip()
