"""Makes the record of a run from its present state, and redacts it once more."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from redis_runbook.judging.queue_latency import is_known
from redis_runbook.probes.bullmq.queues import ObservedQueue, QueuesFacts
from redis_runbook.probes.clients import ClientsFacts
from redis_runbook.probes.server import ServerFacts
from redis_runbook.record import LastSeen, QueueRecord, RunRecord, ServerRecord, ServiceRecord
from redis_runbook.redact import Redactor, printable, sentence
from redis_runbook.session.recovery import timeline
from redis_runbook.session.run import Run
from redis_runbook.session.suppressing import with_causes

_T = TypeVar("_T")


def make_record(run: Run) -> RunRecord:
    """The record of a run, finished or not; known secrets are redacted in every text."""
    target = run.target
    outcome = run.exit_code()
    record = RunRecord(
        profile=sentence(run.profile.name),
        selected=tuple(map(sentence, run.selected)),
        target=sentence(target.kind) if target else None,
        announcement=sentence(target.announcement) if target and target.announcement else None,
        started_at=run.started_at,
        elapsed_s=run.saved.run.elapsed_s if run.saved else round(run.elapsed_s, 3),
        services=tuple(_services(run)),
        queues=tuple(_queues(run)),
        findings=tuple(with_causes(run.findings)),
        outcome=outcome,
        exit_code=outcome,
        interrupted=run.interrupted,
        left_out=run.left_out,
        attempt=run.waited.attempt if run.waited else 1,
        waited_s=round(run.waited.waited_s, 1) if run.waited else 0.0,
        configured_by=run.configured_by,
        logins=tuple(map(sentence, target.logins)) if target else (),
        gathered=run.gathered,
        judged_at=dt.datetime.now(dt.UTC) if run.saved else None,
    )
    if run.waited:
        recovered = timeline(record, run.waited.before, found_s=run.found_s)
        record = dataclasses.replace(record, timeline=recovered)
    return _redacted(record, run.redact)


def _services(run: Run) -> Iterator[ServiceRecord]:
    for service in run.services:
        server = _server(run, service.name)
        yield ServiceRecord(
            name=sentence(service.name),
            role=sentence(service.role),
            address=sentence(service.endpoint.address) if service.endpoint else None,
            window_s=run.windows_s.get(service.name, 0.0),
            server=server,
            last_seen=LastSeen(run_id=server.run_id, at=run.started_at)
            if server and server.run_id
            else run.last_seen(service),
        )


def _server(run: Run, name: str) -> ServerRecord | None:
    """What answered; None if nothing did."""
    server, clients = run.known(name, ServerFacts), run.known(name, ClientsFacts)
    if server is None:
        return None
    return ServerRecord(
        product=server.product,
        version=server.version,
        mode=server.mode,
        run_id=printable(server.run_id),
        rejected_connections=clients.rejected if clients else None,
        uptime_s=server.uptime_s,
    )


def _queues(run: Run) -> Iterator[QueueRecord]:
    for service in run.services:
        queues = run.known(service.name, QueuesFacts)
        for name, queue in queues.by_name.items() if queues else ():
            yield QueueRecord(
                service=sentence(service.name),
                name=printable(name),
                longest_wait_s=_longest_wait_s(run, service.name, queue),
                backlog=queue.last.counts.backlog,
                workers_at_work=queue.workers.at_work if queue.workers.known else None,
                counts={
                    sentence(state): number
                    for state, number in dataclasses.asdict(queue.last.counts).items()
                    if number is not None
                },
            )


def _longest_wait_s(run: Run, service: str, queue: ObservedQueue) -> float | None:
    """The longest wait; 0 if no job waits; None if unknown, or paused as `paused_ok` allows."""
    facts = queue.last
    if facts.paused and run.config.queue_limits(service, queue.configured_as).paused_ok:
        return None
    return 0.0 if facts.longest_wait_s is None and is_known(facts) else facts.longest_wait_s


def _redacted(value: _T, redact: Redactor) -> _T:
    """The same value, with every text in it redacted."""
    found: Any = value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = {
            field.name: _redacted(getattr(value, field.name), redact)
            for field in dataclasses.fields(value)
        }
        found = dataclasses.replace(value, **inner)
    elif isinstance(value, enum.Enum):
        pass
    elif isinstance(value, str):
        found = redact.document(value)
    elif isinstance(value, Mapping):
        found = {_redacted(key, redact): _redacted(item, redact) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        found = type(value)(_redacted(item, redact) for item in value)
    return found  # type: ignore[no-any-return]
