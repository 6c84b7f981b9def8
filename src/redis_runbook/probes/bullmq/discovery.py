"""Finds the queues of a server by its keys, within bounds: Redis has no list of them."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import redis
from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    ClusterDownError,
    MovedError,
    TryAgainError,
)

from redis_runbook.config.nearest import nearest
from redis_runbook.probes.bullmq.naming import Queue, escaped
from redis_runbook.probes.cluster import ClusterFacts
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.replies import (
    ask_permitted,
    error_code,
    hash_values,
    integer,
    items,
    strings,
)
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word

_SCAN_COUNT: Final = 1000
_MAX_SCAN_CALLS: Final = 20_000
_MAX_CANDIDATES: Final = 2_000
_KEYS_PER_ROUND_TRIP: Final = 200
_MAX_TITLES: Final = 5
_LONGEST_NAME: Final = 1_024
_META: Final = b"meta"
_ID: Final = b"id"
_QUEUE_KEYS: Final = (
    _META,
    _ID,
    b"wait",
    b"paused",
    b"active",
    b"prioritized",
    b"delayed",
    b"completed",
    b"failed",
    b"waiting-children",
    b"events",
    b"repeat",
    b"marker",
    b"meta-paused",
    b"stalled-check",
)

_ELSEWHERE: Final = (MovedError, AskError, TryAgainError, ClusterDownError, ClusterCrossSlotError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The queues of one server.

    `queues` holds the configured ones that exist, in the order of the configuration, then the
    others by name; `absent` holds the configured ones that have no key at all. `incomplete_because`
    says why not every key was looked at; empty if every one was. `left_out` is how many were found
    and are not among them, as they are too many. `elsewhere` holds the configured ones that this
    node of a cluster does not serve, with the code of its refusal.
    """

    queues: tuple[Queue, ...]
    absent: tuple[Queue, ...]
    incomplete_because: str = ""
    left_out: int = 0
    elsewhere: Mapping[Queue, str] = field(default_factory=dict)

    def only(self, name: str) -> "Discovery":
        """The discovery, limited to the queue of that name."""
        wanted = name.encode()
        return replace(self, queues=tuple(queue for queue in self.queues if queue.name == wanted))

    def why_not_all(self, service: str) -> str:
        """Why there may be queues of the service that nobody looked at; empty if there are none."""
        if not self.incomplete_because:
            return ""
        known = "was looked at" if self.left_out else "may be known"
        return f"not every queue of {service} {known}: {self.incomplete_because}"

    @property
    def titles(self) -> str:
        """The names of the first queues, for a message."""
        names = [queue.shown for queue in self.queues[:_MAX_TITLES]]
        more = len(self.queues) - len(names)
        return ", ".join([*names, f"{more} more"] if more else names) or "none"

    def did_you_mean(self, missing: str) -> str:
        """`; did you mean x?` for the queue with the most similar name; else empty."""
        shown = {queue.title: queue.shown for queue in self.queues}
        near = nearest(escaped(missing.encode()), shown)
        return f"; did you mean {shown[near]}?" if near else ""


def look_for_queues(look: Look) -> Discovery:
    """The queues of the service, discovered as its configuration says; raises as `discover`."""
    settings = look.service.settings
    return discover(
        look.client,
        prefix=settings.prefix,
        configured=look.config.queues_of(look.service.name),
        scan=settings.discover,
        most=settings.max_queues,
        one_node=look.facts(ClusterFacts).others_not_asked,
    )


def discover(
    client: Client,
    *,
    prefix: str,
    configured: Sequence[str] = (),
    scan: bool = True,
    most: int = 300,
    one_node: str = "",
    budget_s: float = 2.0,
    clock: Callable[[], float] = time.monotonic,
) -> Discovery:
    """Find the queues under a prefix: the configured ones, and at most so many by a bounded SCAN.

    Of a cluster only this node is searched, as `one_node` says: what it has not, another may have.

    Raises:
        CannotLook: the server refused to look up the configured queues.
        redis.exceptions.RedisError: the connection failed.
    """
    base = prefix.encode()
    wanted = [Queue(prefix=base, name=name.encode()) for name in dict.fromkeys(configured)]
    exists = _exists(client, wanted)
    found, incomplete_because = set[Queue](), "discovery is switched off"
    if scan:
        found, incomplete_because = _scan(client, base, until=clock() + budget_s, clock=clock)
    incomplete_because = incomplete_because or one_node
    others = sorted(found - set(wanted), key=lambda queue: queue.name)
    left_out = max(0, len(others) - most)
    if left_out:
        are = "is" if left_out == 1 else "are"
        some = f"{left_out} of {len(others)} that were found {are} left out"
        incomplete_because = f"{some}, as max_queues is {most}"
    return Discovery(
        queues=(*(queue for queue in wanted if exists[queue] is True), *others[:most]),
        absent=tuple(queue for queue in wanted if exists[queue] is False),
        incomplete_because=incomplete_because,
        left_out=left_out,
        elsewhere={queue: code for queue, code in exists.items() if isinstance(code, str)},
    )


def _exists(client: Client, queues: Sequence[Queue]) -> dict[Queue, bool | str]:
    """Whether each queue has a key, or the code with which a cluster's node refuses to tell."""
    commands: list[tuple[Word, ...]] = [
        ("EXISTS", *(queue.key(suffix) for suffix in _QUEUE_KEYS)) for queue in queues
    ]
    replies = ask_permitted(client, commands)
    for reply in replies:
        if isinstance(reply, Exception) and not isinstance(reply, _ELSEWHERE):
            code = error_code(reply)
            raise CannotLook(f"the server refused to look for the configured queues: {code}")
    return {
        queue: error_code(reply) if isinstance(reply, Exception) else bool(reply)
        for queue, reply in zip(queues, replies, strict=True)
    }


def _scan(
    client: Client, prefix: bytes, *, until: float, clock: Callable[[], float]
) -> tuple[set[Queue], str]:
    # One pass finds the two keys to look for: BullMQ's `…:meta`, and `…:id` of Bull, without meta.
    pattern = _escape_glob(prefix) + b":*[ti][ad]"
    candidates: set[bytes] = set()
    too_long = 0
    cursor: bytes | str = "0"
    incomplete_because = ""
    for _ in range(_MAX_SCAN_CALLS):
        try:
            reply = client.ask("SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT)
        except CannotLook as denied:
            return set(), str(denied)
        except redis.ResponseError as error:
            return set(), f"the server refused SCAN: {error_code(error)}"
        page = items(reply)
        if len(page) != 2 or not isinstance(page[0], bytes):  # noqa: PLR2004
            return set(), "the reply to SCAN is not one"
        cursor = page[0]
        keys = [key for key in strings(page[1]) if key.endswith((b":" + _META, b":" + _ID))]
        short = [key for key in keys if len(key) <= len(prefix) + _LONGEST_NAME]
        candidates.update(short)
        too_long += len(keys) - len(short)
        if cursor == b"0":
            break
        if len(candidates) > _MAX_CANDIDATES:
            incomplete_because = f"there are more than {_MAX_CANDIDATES} keys that look like queues"
            break
        if clock() > until:
            incomplete_because = "there are more keys than could be scanned in the time for it"
            break
    else:
        incomplete_because = f"there are more keys than {_MAX_SCAN_CALLS} calls of SCAN show"
    if too_long and not incomplete_because:
        incomplete_because = f"names of more than {_LONGEST_NAME} bytes are not looked at"
    return _confirmed(client, prefix, candidates), incomplete_because


def _confirmed(client: Client, prefix: bytes, candidates: Iterable[bytes]) -> set[Queue]:
    """The queues of which a candidate is a key; a job's or scheduler's key may look the same."""
    start = len(prefix) + 1
    keys = [key for key in sorted(candidates) if key.startswith(prefix + b":")]
    found = set()
    for first in range(0, len(keys), _KEYS_PER_ROUND_TRIP):
        batch = keys[first : first + _KEYS_PER_ROUND_TRIP]
        replies = client.ask_all(*map(_confirming_command, batch))
        for key, reply in zip(batch, replies, strict=True):
            name = key[start:].rpartition(b":")[0]
            if name and _is_queue(key, reply):
                found.add(Queue(prefix=prefix, name=name))
    return found


def _confirming_command(key: bytes) -> tuple[Word, ...]:
    if key.endswith(b":" + _ID):
        return ("GETRANGE", key, 0, 31)  # a counter; bounded, whatever else it may be
    return ("HMGET", key, "opts.maxLenEvents", "version", "paused")


def _is_queue(key: bytes, reply: Any) -> bool:
    if key.endswith(b":" + _ID):
        return isinstance(reply, bytes) and integer(reply) is not None
    return any(value is not None for value in hash_values(reply, 3))


def _escape_glob(text: bytes) -> bytes:
    r"""Escape what has a meaning in a pattern of SCAN: `*`, `?`, `[`, `]` and `\`."""
    return b"".join(b"\\" + bytes([byte]) if byte in b"*?[]\\" else bytes([byte]) for byte in text)


PROBES: Final = (
    Probe(
        name="discovery",
        facts=Discovery,
        look=look_for_queues,
        needs=(ClusterFacts,),
        wanted_by=("queue",),
        lane="queues",
        limit_s=10,
    ),
)
