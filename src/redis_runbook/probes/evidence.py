"""What a person wants to see of a server when something is broken; no check needs it.

Names and numbers only: no argument of a command, no key but its first word, no address.
"""

import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from redis import ResponseError

from redis_runbook.probes.replies import clock_ms, unusable
from redis_runbook.probes.server import Info, integer, parse_info
from redis_runbook.probes.slowlog import slow_commands
from redis_runbook.redact import Shown, printable, sentence
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, Word
from redis_runbook.words import counted

Gathered = Mapping[Shown, Sequence[Shown]]
"""Lines of text by what they are of: `{"INFO memory": ["used_memory: 1048576", …]}`."""

_SLOW_COMMANDS: Final = 20
_SECTIONS: Final = ("memory", "stats", "clients", "persistence", "replication")
_MOST_FIELDS: Final = 100
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_QUANTITY: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?[KMGTPB%]?")
_WORDS: Final = frozenset(
    {
        *("role", "maxmemory_policy", "mem_allocator", "master_link_status"),
        *("rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"),
    }
)
"""The fields of INFO that are kept although they are no numbers; the others may be addresses."""

_MOST_LINES: Final = 40
_LONGEST_LINE: Final = 300
_LONGEST_NAME: Final = 80
_MOST_CLIENTS: Final = 5_000
_LONGEST_CLIENT: Final = 1_024
_MOST_KINDS: Final = 20


def gather(client: Client) -> Gathered:
    """Ask for all of it, in two round trips. What is denied says so in its place.

    Raises:
        CannotLook: the server's replies make no sense, or took too long.
        redis.exceptions.RedisError: the connection failed.
    """
    asked: tuple[tuple[Word, ...], ...] = (
        ("TIME",),
        ("SLOWLOG", "GET", _SLOW_COMMANDS),
        *(("INFO", section) for section in _SECTIONS),
        ("LATENCY", "LATEST"),
        ("LATENCY", "DOCTOR"),
        ("MEMORY", "DOCTOR"),
    )
    clock, slowlog, *infos, latest, latency, memory = client.ask_all(*asked)
    parts: dict[str, Callable[[], Iterable[str]]] = {
        f"SLOWLOG GET {_SLOW_COMMANDS}": partial(_slow, slowlog, clock),
        **{
            f"INFO {section}": partial(_fields, reply)
            for section, reply in zip(_SECTIONS, infos, strict=True)
        },
        "LATENCY LATEST": partial(_spikes, latest, clock),
        "LATENCY DOCTOR": partial(_text, latency),
        "MEMORY DOCTOR": partial(_text, memory),
        "CLIENT LIST": partial(_clients, client, infos[_SECTIONS.index("clients")]),
    }
    return {sentence(name): tuple(map(sentence, _lines(read))) for name, read in parts.items()}


def _lines(read: Callable[[], Iterable[str]]) -> Iterable[str]:
    try:
        return list(read()) or ["nothing"]
    except (CannotLook, ResponseError) as error:
        return [str(error) if isinstance(error, CannotLook) else printable(str(error), 120)]


def _slow(log: Any, clock: Any) -> Iterator[str]:
    if isinstance(log, Exception):
        raise log
    for entry in slow_commands(log, clock):
        yield f"{entry.duration_ms:.1f} ms, {entry.age_s:.0f} s ago: {entry.command}"


def _fields(reply: Any) -> Iterator[str]:
    """The numbers of a section, and the words that are known to be words."""
    if isinstance(reply, ResponseError):
        raise reply
    shown = (
        f"{name}: {printable(value, _LONGEST_NAME)}"
        for name, value in parse_info(reply).items()
        if _FIELD.fullmatch(name) and (name in _WORDS or _QUANTITY.fullmatch(value))
    )
    return (line for line, _ in zip(shown, range(_MOST_FIELDS), strict=False))


def _spikes(reply: Any, clock: Any) -> Iterator[str]:
    if not isinstance(reply, list):
        raise unusable("LATENCY LATEST", reply)
    now_s = clock_ms(clock) // 1000
    for event in reply[:_MOST_LINES]:
        match event:
            case [bytes(name), int(at_s), int(latest_ms), int(most_ms), *_]:
                yield (
                    f"{printable(name, _LONGEST_NAME)}: {latest_ms} ms, "
                    f"{max(0, now_s - at_s)} s ago; at most {most_ms} ms"
                )
            case _:
                raise unusable("LATENCY LATEST", event)


def _text(reply: Any) -> Iterator[str]:
    if isinstance(reply, Exception):
        raise reply
    if not isinstance(reply, bytes):
        raise CannotLook("the reply is not text")
    lines = (line.strip() for line in reply[: _MOST_LINES * _LONGEST_LINE].splitlines())
    return (printable(line, _LONGEST_LINE) for line in [*filter(None, lines)][:_MOST_LINES])


def _clients(client: Client, clients_info: Any) -> Iterator[str]:
    """How many clients there are of each name, last command and flags, the most frequent first."""
    connected = _connected(clients_info)
    if connected > _MOST_CLIENTS:
        raise CannotLook(f"{connected} clients are too many to list")
    reply = client.ask("CLIENT", "LIST")
    if not isinstance(reply, bytes):
        raise CannotLook("the reply to CLIENT LIST is not text")
    kinds: Counter[tuple[bytes, ...]] = Counter()
    for line in itertools.islice(io.BytesIO(reply), _MOST_CLIENTS):
        parts = line[:_LONGEST_CLIENT].split(b" ")
        fields = dict(part.partition(b"=")[::2] for part in parts)
        kinds[tuple(fields.get(name, b"") for name in (b"name", b"cmd", b"flags"))] += 1
    yield counted(kinds.total(), "client")
    for (name, command, flags), count in kinds.most_common(_MOST_KINDS):
        shown = printable(name, _LONGEST_NAME) if name else "without a name"
        last = f"{printable(command, _LONGEST_NAME)}, flags {printable(flags, _LONGEST_NAME)}"
        yield f"{count} {shown}: {last}"
    if len(kinds) > _MOST_KINDS:
        yield f"and {counted(len(kinds) - _MOST_KINDS, 'kind')} more"


def _connected(reply: Any) -> int:
    if isinstance(reply, Exception):
        raise CannotLook("how many clients there are is not known: they may be too many to list")
    info: Info = parse_info(reply)
    return integer(info, "connected_clients")
