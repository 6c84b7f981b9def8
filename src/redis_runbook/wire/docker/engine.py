"""What can be learned of containers: their state, what befell them, their logs."""

import datetime as dt
import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import quote

from redis_runbook.redact import Shown, harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.docker.answers import Event, Info, Inspected, Listing
from redis_runbook.wire.docker.client import Docker, NotFoundError
from redis_runbook.wire.lines import LONGEST, Line, time_in

LIMIT_S: Final = 5.0
"""For all requests together."""
_MOST_CONTAINERS: Final = 20
_MAX_EVENTS_BYTES: Final = 512 << 10
_EVENTS_S: Final = 600
_MAX_LOG_BYTES: Final = 2 << 20
_FIRST_LINE_BYTES: Final = LONGEST + 100
_HEADER_BYTES: Final = 8
_NANO: Final = 1_000_000_000
_LEADING_TIME: Final = re.compile(rb"\A[0-9T:.Z+-]+ ")


class _Log(NamedTuple):
    """Lines, and of how many parts they are; whether the answer was longer than what was read.

    `torn` says that it ended within a frame: what it promised never came.
    """

    lines: list[Line]
    parts: int
    cut: bool
    torn: bool = False


class Engine:
    """A Docker daemon. All times are by this machine's clock, in seconds since the epoch."""

    def __init__(self, *, limit_s: float) -> None:
        """Connect, and compare the clocks; raises CannotLook if the daemon does not answer."""
        self._docker = Docker(limit_s=limit_s)
        before = time.time()
        info = self._docker.get("/info", Info)
        # It was read in the middle of the request, as far as anybody can tell.
        self._ahead_s = info.system_time.timestamp() - (before + time.time()) / 2

    @property
    def machine(self) -> Shown:
        """The name of the machine that publishes the ports; empty if it is this one."""
        return self._docker.machine

    def close(self) -> None:
        """Close the connections."""
        self._docker.close()

    def our_time(self, theirs: dt.datetime) -> float:
        """A time that the daemon tells."""
        return theirs.timestamp() - self._ahead_s

    def by_name(self, name: str) -> list[Inspected]:
        """The container of exactly that name.

        Raises:
            CannotLook: there is none, or the daemon does not answer.
        """
        found = self._inspect(name)
        # Docker takes the beginning of an id, too.
        if found is None or found.name.removeprefix("/") != name:
            raise CannotLook(f"Docker at {self._docker.shown} has no container {harmless(name)}")
        return [found]

    def by_compose(self, project: str, service: str) -> list[Inspected]:
        """All containers of a compose service; raises as `by_name`, also if they are too many."""
        labels = [
            f"com.docker.compose.project={project}",
            f"com.docker.compose.service={service}",
        ]
        filters = json.dumps({"label": labels})
        listed = self._docker.get("/containers/json", Listing, all="1", filters=filters).root
        # Not those of `compose run`, which come and go.
        ids = [one.id for one in listed if not one.runs_once]
        if len(ids) > _MOST_CONTAINERS:
            raise CannotLook(
                f"{len(ids)} containers are more than the {_MOST_CONTAINERS} that are looked at"
            )
        found = [state for state in map(self._inspect, ids) if state]
        if not found:
            raise CannotLook(
                f"Docker at {self._docker.shown} has no container of the compose service "
                f"{harmless(service)} in the project {harmless(project)}"
            )
        return sorted(found, key=lambda state: state.name)

    def _inspect(self, name: str) -> Inspected | None:
        try:
            return self._docker.get(f"/containers/{quote(name, safe='')}/json", Inspected)
        except NotFoundError:
            return None

    def events(self, container: Inspected) -> Iterator[tuple[str, float]]:
        """What befell a container in the last 10 minutes: `oom` or `die`, and when.

        Docker keeps only the last events of all containers, so that one may be missing. Raises
        CannotLook if it does not answer.
        """
        now = time.time() + self._ahead_s
        body, cut = self._docker.read(
            "/events",
            max_bytes=_MAX_EVENTS_BYTES,
            since=f"{now - _EVENTS_S:.0f}",
            until=f"{now:.9f}",
            filters=json.dumps({"container": [container.id], "event": ["oom", "die"]}),
        )
        lines = [line for line in body.splitlines() if line.strip()]
        for line in lines[:-1] if cut else lines:
            event = self._docker.parsed(line, Event)
            yield event.action, event.time_nano / _NANO - self._ahead_s

    def log(
        self, container: Inspected, *, since: float, newest: int | None = None
    ) -> tuple[list[Line], bool]:
        """The lines since a time, or only the newest of them, and whether there are more.

        The newest are fewer where they are so long that as many would be too much. There are more
        also where the answer ends before it is complete.

        Raises:
            CannotLook: the log cannot be read.
        """
        if newest is None:
            log = self._lines(container, _MAX_LOG_BYTES, since=since, tail="all")
            return log.lines, log.cut or log.torn
        # An answer that is too long is cut at its end, which is the newest.
        for tail in (newest, newest // 10, max(1, newest // 100)):
            # One more tells if there are more, and may be the rest of a line: it is left out.
            log = self._lines(container, _MAX_LOG_BYTES, since=since, tail=str(tail + 1))
            if not log.cut:
                more = log.parts > tail
                return log.lines[1:] if more else log.lines, more or log.torn
        raise CannotLook(f"its newest {tail} lines are longer than {_MAX_LOG_BYTES >> 20} MiB")

    def keeps_log_since(self, container: Inspected, at: float) -> bool:
        """Whether no line since a time was dropped: none ever is, or an older one is still there.

        Raises:
            CannotLook: the log cannot be read.
        """
        if container.keeps_log:
            return True
        lines = self._lines(container, _FIRST_LINE_BYTES, since=0.0, tail="all").lines
        begins_at = lines[0].at if lines else None
        return begins_at is not None and begins_at <= at

    def _lines(self, container: Inspected, max_bytes: int, *, since: float, tail: str) -> _Log:
        theirs = max(0.0, since + self._ahead_s) if since else 0.0
        try:
            body, cut = self._docker.read(
                f"/containers/{quote(container.id, safe='')}/logs",
                max_bytes=max_bytes,
                stdout="1",
                stderr="1",
                timestamps="1",
                tail=tail,
                since=f"{theirs:.9f}",
            )
        except NotFoundError:
            raise CannotLook(f"{container.shown} was removed while it was looked at") from None
        if container.config.tty:
            texts = body.splitlines()
            return _Log([self._line(text) for text in texts], len(texts), cut)
        frames, torn = _frames(body)
        return _Log([self._line(text) for text in _whole(frames)], len(frames), cut, torn)

    def _line(self, text: bytes) -> Line:
        stamp, _, rest = text.partition(b" ")
        at = time_in(stamp)
        if at is None:
            return Line(None, text)
        # Podman cuts its times to whole seconds: the latest that it can have been.
        cut_s = 0.0 if b"." in stamp else 1.0
        return Line(at + cut_s - self._ahead_s, rest)


def _frames(body: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """The frames of Docker's multiplexed stream, with what they are of; whether the last is cut.

    Raises:
        CannotLook: it has another form.
    """
    at = 0
    frames = []
    while at + _HEADER_BYTES <= len(body):
        kind, padding = body[at], body[at + 1 : at + 4]
        if kind > 2 or any(padding):  # noqa: PLR2004  # standard input, output and error
            raise CannotLook("the log has another form than Docker's")
        begin = at + _HEADER_BYTES
        at = begin + int.from_bytes(body[begin - 4 : begin], "big")
        frames.append((kind, body[begin:at]))
    return frames, at != len(body)


def _whole(frames: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """The lines in frames. There is one in each, but Docker splits what is longer than `LONGEST`.

    The parts, of which each has a time of its own, are joined: a secret in two parts would not be
    known for one.
    """
    lines: list[list[bytes]] = []
    unfinished: dict[int, list[bytes]] = {}
    for kind, text in frames:
        line = unfinished.pop(kind, None)
        if line is None:
            line = [text]
            lines.append(line)
        else:
            line.append(_LEADING_TIME.sub(b"", text, count=1))
        if len(text) >= LONGEST and not text.endswith(b"\n"):
            unfinished[kind] = line
    return [b"".join(line).rstrip(b"\r\n") for line in lines]
