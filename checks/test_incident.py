"""Is everything back after a restart? Runbook: 4. Incident Response, Scenarios A and C."""

from collections.abc import Sequence

from redis_runbook.check import Judge, check
from redis_runbook.config.service import Service
from redis_runbook.judging.containers import judge_entry
from redis_runbook.judging.data_kept import Baseline, compare, judge_kept
from redis_runbook.judging.endpoints import judge_room, judge_url
from redis_runbook.judging.exporter import judge_scrape
from redis_runbook.judging.reconnected import judge_reconnected
from redis_runbook.judging.worst import summed_up
from redis_runbook.probes.containers.facts import (
    ContainerState,
    EntryFacts,
    ReconnectFacts,
    WorkerLog,
)
from redis_runbook.probes.exporter.scrape import ExporterFacts
from redis_runbook.probes.inventory import Inventory
from redis_runbook.probes.memory import MemoryFacts
from redis_runbook.probes.programs import ProgramFacts
from redis_runbook.probes.server import ServerFacts
from redis_runbook.session.subjects import Subject
from redis_runbook.verdict import CannotLook, Verdict
from redis_runbook.words import counted

_REFILL = (
    "a cache fills again as it is used: trigger a CLI login, and `jwt_cache.populated` must pass",
    "where a setting differs, `CONFIG SET` it, and set it in the configuration file",
)


@check("incident.container")
def test_container(entry: EntryFacts, served_since: float | None, judge: Judge) -> None:
    """The container runs, is healthy, was not OOM-killed and is in no restart loop.

    Passes when this is so, and the server that was checked started when its container did.
    Fails when it is not; a warning is an OOM kill before somebody started it again, a restart by
        its policy in the last 10 minutes, and a server that restarted within.
    Why: a container that restarts over and over looks healthy between two restarts.
    Next: 1. `docker compose ps SERVICE`, `docker compose logs SERVICE`: what ended it?
        2. After an OOM kill raise the memory limit or lower maxmemory.
        3. `docker compose restart SERVICE`; one that is paused wants `docker unpause`.
    """
    if not entry.states:
        judge.not_applicable("no container: only its log file is configured")
    verdict, text, steps = judge_entry(entry, served_since)
    judge.rules(verdict, text, next_steps=steps, only_these_steps=bool(steps))


@check("incident.logs")
def test_logs(entry: EntryFacts, judge: Judge) -> None:
    """The log has no fatal line since the container's last start.

    Passes when none tells of OOM, MISCONF, a failed save, a panic or a crash, nor holds one of
        log_patterns.
    Fails when one does.
    Why: the server tells there what it could not save, load or allocate.
    Next: 1. `docker compose logs SERVICE`: what is around these lines?
        2. For `MISCONF` and `Can't save` check disk space and memory; report a `BUG REPORT` with
        its whole text.
    """
    if not entry.states:
        judge.not_applicable("no container: only its log file is configured")
    fatal = sum(state.log.fatal_lines for state in entry.states)
    looked = sum(state.log.lines for state in entry.states)
    names = ", ".join(state.name for state in entry.states)
    evidence = {str(state.name): list(state.log.fatal) for state in entry.states if state.log.fatal}
    doubts = [f"{state.name}: {state.log.doubt}" for state in entry.states if state.log.doubt]
    text = (
        f"{counted(fatal, 'fatal line')} since the last start of {names}; "
        f"{counted(looked, 'line was', 'lines were')} looked at"
    )
    if doubts and not fatal:
        judge.unknown("; ".join(doubts))
    judge.passes_if(fatal == 0, text, observed=fatal, limit=0, evidence=evidence)


@check("incident.workers_reconnected")
def test_workers_reconnected(
    service: Service, worker_logs: ReconnectFacts, entry_logs: Sequence[WorkerLog], judge: Judge
) -> None:
    """The workers have logged reconnect_line since the queue's last start.

    Passes when each has, by its container's log or its log file.
    Fails when one has not 25 s after the start; a worker that started later than the queue, or at
        about the same time, had nothing to restore.
    Why: a worker that did not come back after the restart does no job.
    Next: 1. `docker compose logs SERVICE`: what keeps the worker from its queue?
        2. `docker compose restart SERVICE` if it does not come back by itself.
        3. Compare with `queue.workers`, which looks at what the connections do.
    """
    verdict, text = judge_reconnected(worker_logs, entry_logs)
    since = f"since {service.name} started {worker_logs.uptime_s:.0f} s ago: {text}"
    judge.rules(verdict, since)


@check("incident.exporter_reconnected")
def test_exporter_reconnected(
    service: Service, server: ServerFacts, exporter: ExporterFacts, judge: Judge
) -> None:
    """The exporter has scraped the service since its last start.

    Passes when its metrics are those of the process that runs now.
    Fails when they are not, or there are none, 10 s after the start or later.
    Why: until the exporter is back, the dashboards show what was before the restart.
    Next: 1. `docker compose logs EXPORTER`: what does not work?
        2. `docker compose restart EXPORTER`.
    """
    verdict, text = judge_scrape(exporter, server)
    told_by = f"exporter.reachable[{service.name}]" if verdict is Verdict.FAIL else None
    since = f"since {service.name} started {server.uptime_s} s ago, {text}"
    judge.rules(verdict, since, follows_from=told_by)


@check("incident.endpoints")
def test_endpoints(
    entry: EntryFacts,
    used: Service | None,
    servers: Sequence[ContainerState],
    used_memory: MemoryFacts | CannotLook | None,
    judge: Judge,
) -> None:
    """Applications are told the server that was checked, and its container leaves it room.

    Passes when the URL in a container's environment, or in its dotenv, has the same host, port and
        database, and maxmemory is at most 80 % of the container's memory limit.
    Fails when the URL names another server, as localhost in a container does, or maxmemory is
        more or 0.
    Why: a server that no application uses may be healthy while theirs is not.
    Next: 1. Correct the URL in `.env` or the Compose file, or raise the memory limit there.
        2. `docker compose up -d SERVICE`.
    """
    if used is None:
        judge.not_applicable("no enabled service is configured for it: service = …")
    judged = [judge_url(url, used, servers) for url in entry.urls]
    cause = None
    if entry.kind == "redis":
        judged += [judge_room(state, used_memory) for state in entry.states]
        cause = used_memory.follows_from if isinstance(used_memory, CannotLook) else None
    if not judged and entry.url_variable:
        judge.not_applicable(f"no place that is configured for it has {entry.url_variable}")
    if not judged:
        judge.not_applicable("it is told no URL of this service, as far as is configured")
    verdict, text = summed_up(judged)
    judge.rules(verdict, text, follows_from=cause if verdict is Verdict.UNKNOWN else None)


@check("incident.smoke_command")
def test_smoke_command(subject: Subject, command: ProgramFacts, judge: Judge) -> None:
    """The configured command exits with 0 in time: the runbook's own smoke test.

    Passes when it exits with 0 within its timeout.
    Fails when it exits with another code, a signal ends it, or it takes longer; unknown is one that
        cannot be started here, or that the run's own end cut short.
    Why: it is what an operator would try by hand: the whole way, not its parts.
    Next: read its last lines in the evidence, then run it by hand in the folder and with the
        variables that `redis-runbook config` shows.
    """
    judge.passes_if(
        command.succeeded,
        f"{subject.name} {command.summary}",
        observed=command.code if command.by == "exit" else None,
        limit=0 if command.by == "exit" else None,
        evidence=command.evidence,
    )


@check("incident.data_kept")
def test_data_kept(
    service: Service, baseline: Baseline, inventory: Inventory, judge: Judge
) -> None:
    """What the service had in the snapshot of `--baseline` is there: data and settings.

    Passes when every queue is there with its schedulers and all jobs that were ever added, no
        database without queues lost nine of ten keys, and maxmemory, its policy, appendonly, save
        and role are the same. Jobs done, keys expired, a new version are said as changes.
    Fails when one of these is not so; a cache that lost keys or JWT entries is a warning, as it
        may (`jwt_cache.populated` fails where too few are left), and so is what is not compared:
        queues or save that the snapshot lacks, and JWT entries that are no longer counted.
    Why: a restart that lost data looks like a healthy, empty server.
    Next: 1. Do not flush or drain anything.
        2. Restore the last RDB or AOF where data is missing.
        3. Set with `CONFIG SET` and in the configuration file what was set before.
        4. Let the application create schedulers anew.
    """
    before = baseline.of(service.name)
    found = compare(before, inventory, keeps_data=service.role_spec.keeps_data)
    then = f"the snapshot of {baseline.at:%Y-%m-%d %H:%M:%S %Z}"
    may_lack_queues = service.settings.discover
    judge.rules(
        *judge_kept(service.name, then, found, may_lack_queues=may_lack_queues),
        evidence=found.evidence,
        next_steps=() if service.role_spec.keeps_data else _REFILL,
        only_these_steps=not service.role_spec.keeps_data,
    )
