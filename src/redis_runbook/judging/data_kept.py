"""What a service had before a restart and has no more, and what merely changed."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from redis_runbook.judging.queue_text import jobs_by_state
from redis_runbook.judging.worst import Judgement
from redis_runbook.probes.bullmq.naming import Queue
from redis_runbook.probes.inventory import Database, Entries, Inventory, identity
from redis_runbook.redact import Shown
from redis_runbook.verdict import CannotLook, Verdict
from redis_runbook.words import counted

_FAR_FEWER: Final = 0.1
_MIB: Final = 1 << 20
_OFF: Final = "off"
_REPLICA: Final = {"slave": "replica"}
_NAMED: Final = 3
_MOST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the services were when the snapshot was taken; `at` is by the clock of its machine."""

    at: dt.datetime
    services: Mapping[Shown, Inventory]

    def workers_of(self, service: str, queue: Queue) -> int:
        """How many workers of a queue were connected; 0 where that is not known."""
        before, wanted = self._known(service), identity(queue)
        queues = before.queues if before else ()
        return next((one.workers or 0 for one in queues if one.identity == wanted), 0)

    def of(self, service: str) -> Inventory:
        """What this service was.

        Raises:
            CannotLook: the snapshot does not hold it.
        """
        found = self._known(service)
        if found is None:
            others = ", ".join(self.services)
            raise CannotLook(f"{service} is not in the baseline, which has {others}")
        return found

    def _known(self, service: str) -> Inventory | None:
        return next((one for name, one in self.services.items() if name == service), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs, in clauses.

    `lost` is what is broken; `forgotten` is lost by a service that need not keep data; `unseen` may
    be lost, as not everything could be looked at; `changed` is normal; `uncompared` is what the
    snapshot does not tell, or nobody looks at any more, and `queues_uncompared` that it may lack
    queues.
    """

    lost: Sequence[str]
    forgotten: Sequence[str]
    unseen: Sequence[str]
    changed: Sequence[str]
    uncompared: Sequence[str]
    queues_uncompared: Sequence[str]

    @property
    def evidence(self) -> Mapping[str, Sequence[str]]:
        """The clauses of each kind that has some, bounded."""
        kinds = {
            "lost": self.lost,
            "forgotten": self.forgotten,
            "not seen": self.unseen,
            "changed": self.changed,
            "not compared": [*self.queues_uncompared, *self.uncompared],
        }
        return {
            kind: [
                *clauses[:_MOST],
                *([f"and {len(clauses) - _MOST} more"] * (len(clauses) > _MOST)),
            ]
            for kind, clauses in kinds.items()
            if clauses
        }


def judge_kept(service: str, then: str, found: Comparison, *, may_lack_queues: bool) -> Judgement:
    """The verdict on what differs, and the sentence; `may_lack_queues`: others were looked for.

    What a service need not keep, and does not, is a warning, as is what cannot be compared.
    """
    if found.lost:
        differences = _listed([*found.lost, *found.forgotten])
        return Verdict.FAIL, f"{service} is not what it was in {then}: {differences}"
    if found.unseen:
        differences = _listed(found.unseen)
        return Verdict.UNKNOWN, f"whether {service} is what it was in {then}: {differences}"
    if found.forgotten:
        differences = _listed(found.forgotten)
        need_not = f"{service} need not keep what it holds, and did not since {then}"
        return Verdict.WARN, f"{need_not}: {differences}"
    said = [*found.queues_uncompared, *found.uncompared, *found.changed]
    doubted = found.uncompared or (found.queues_uncompared and may_lack_queues)
    verdict = Verdict.WARN if doubted else Verdict.PASS
    return verdict, f"{service} has what it had in {then}; {_listed(said) or 'nothing changed'}"


def _listed(clauses: Sequence[str]) -> str:
    more = f"; and {len(clauses) - _NAMED} more" if len(clauses) > _NAMED else ""
    return f"{'; '.join(clauses[:_NAMED])}{more}"


def compare(before: Inventory, now: Inventory, *, keeps_data: bool) -> Comparison:
    """Compare a service with what it was; `keeps_data`: a restart must not lose what it holds.

    Jobs may be done meanwhile, and keys may expire: fewer of these are no loss. What is lost is a
    queue without a key, one whose count of jobs ever added went back (it was emptied, or is older
    than it was), a scheduler, nine of ten keys that do not expire in a database without queues, and
    any of the settings. Of a cache, nine of ten keys or JWT entries are forgotten.
    """
    lost = [*_settings(before, now), *_lost_queues(before, now)]
    fewer = [*_fewer_keys(before, now, keeps_data=keeps_data)]
    unseen = [*_unseen(before, now)]
    if entries := _fewer_entries(before.jwt, now.jwt):
        settled = now.jwt is None or now.jwt.complete or not keeps_data
        (fewer if settled else unseen).append(entries)
    return Comparison(
        lost=[*lost, *(fewer if keeps_data else ())],
        forgotten=[] if keeps_data else fewer,
        unseen=unseen,
        changed=[*_changed(before, now)],
        uncompared=[*_uncompared(before, now)],
        queues_uncompared=[f"the snapshot may lack queues: {before.queues_unseen}"]
        if before.queues_unseen
        else [],
    )


def _settings(before: Inventory, now: Inventory) -> Iterator[str]:
    for name, was, is_now in (
        ("maxmemory", _size(before.maxmemory_bytes), _size(now.maxmemory_bytes)),
        ("maxmemory-policy", before.policy, now.policy),
        ("appendonly", _yes(before.appendonly), _yes(now.appendonly)),
        ("save", before.save or _OFF, now.save or _OFF),
        ("the role", _REPLICA.get(before.role, before.role), _REPLICA.get(now.role, now.role)),
    ):
        known = name != "save" or None not in {before.save, now.save}
        if known and was != is_now:
            yield f"{name} is {is_now} (was {was})"


def _lost_queues(before: Inventory, now: Inventory) -> Iterator[str]:
    there = {queue.identity: queue for queue in now.queues}
    for was in before.queues:
        queue = there.get(was.identity)
        if queue is None:
            if not now.queues_unseen or was.identity in now.absent:
                yield f"queue {was.name} is gone (it had {jobs_by_state(was.counts)})"
            continue
        if (queue.added or 0) < (was.added or 0):
            yield (
                f"queue {was.name} lost jobs: of {was.added} that were ever added, "
                f"{queue.added or 0} are known"
            )
        if (queue.schedulers or 0) < (was.schedulers or 0):
            had = counted(was.schedulers or 0, "scheduler")
            yield f"queue {was.name} has {queue.schedulers or 0} of {had}"


def _fewer_keys(before: Inventory, now: Inventory, *, keeps_data: bool) -> Iterator[str]:
    there = {database.number: database for database in now.databases}
    for was in before.databases:
        if was.number == before.database and before.queues:
            continue  # jobs that are done take their keys with them: the queues tell what is lost
        held, holds = _kept(was, keeps_data), _kept(there.get(was.number), keeps_data)
        if holds < held * _FAR_FEWER:
            which = "that do not expire " if keeps_data else ""
            which += "is" if holds == 1 else "are"
            yield f"{holds} of {counted(held, 'key')} {which} in database {was.number}"


def _kept(database: Database | None, keeps_data: bool) -> int:  # noqa: FBT001  # of two kinds
    if database is None:
        return 0
    return database.keys - database.expiring if keeps_data else database.keys


def _fewer_entries(before: Entries | None, now: Entries | None) -> str:
    """That the JWT cache holds nine of ten entries no more; empty where it does."""
    if before is None or now is None or before.pattern != now.pattern:
        return ""
    if now.live >= before.live * _FAR_FEWER:
        return ""
    one = before.live == 1
    had = f"{_at_least(before)} {'entry' if one else 'entries'} of {now.pattern}"
    return f"{_at_least(now)} of {had} {'is' if now.live == 1 else 'are'} there"


def _unseen(before: Inventory, now: Inventory) -> Iterator[str]:
    looked_for = {*(queue.identity for queue in now.queues), *now.absent}
    for queue in before.queues if now.queues_unseen else ():
        if queue.identity not in looked_for:
            yield f"queue {queue.name} was not found, and {now.queues_unseen}"
    if before.save is not None and now.save is None:
        yield f"save was {before.save or _OFF}, and cannot be read now"


def _uncompared(before: Inventory, now: Inventory) -> Iterator[str]:
    if before.save is None:
        yield "the snapshot does not tell save"
    if before.jwt and (now.jwt is None or before.jwt.pattern != now.jwt.pattern):
        looked_at = now.jwt.pattern if now.jwt else "nothing"
        yield f"entries of {before.jwt.pattern} were counted then, and of {looked_at} now"


def _changed(before: Inventory, now: Inventory) -> Iterator[str]:
    yield from _changed_server(before, now)
    yield from _changed_contents(before, now)


def _changed_server(before: Inventory, now: Inventory) -> Iterator[str]:
    if before.address != now.address:
        yield f"the address is {now.address} (was {before.address})"
    if before.run_id != now.run_id:
        yield "another process answers: it was restarted"
    for name in ("product", "version"):
        was, is_now = getattr(before, name), getattr(now, name)
        if was != is_now:
            yield f"the {name} is {is_now} (was {was})"


def _changed_contents(before: Inventory, now: Inventory) -> Iterator[str]:
    held = {database.number: database.keys for database in before.databases}
    for database in now.databases:
        was_held = held.get(database.number, 0)
        if database.keys != was_held:
            yield f"database {database.number} has {counted(database.keys, 'key')} (had {was_held})"
    known = {queue.identity: queue for queue in before.queues}
    for queue in now.queues:
        was_queue = known.get(queue.identity)
        if was_queue is None:
            yield f"queue {queue.name} is new"
        elif queue.counts != was_queue.counts:
            yield (
                f"queue {queue.name} has {jobs_by_state(queue.counts)} "
                f"(had {jobs_by_state(was_queue.counts)})"
            )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.1f} MiB" if size_bytes else "0"


def _yes(on: bool) -> str:  # noqa: FBT001  # as a configuration file has it
    return "yes" if on else "no"


def _at_least(entries: Entries) -> str:
    return f"{'' if entries.complete else 'at least '}{entries.live}"
