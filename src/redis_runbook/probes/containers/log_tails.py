"""The newest lines of the logs of a service's containers: what a person reads first."""

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from redis_runbook.config.model import Config
from redis_runbook.probes.containers.daemon import Daemon, entries
from redis_runbook.probes.evidence import Gathered
from redis_runbook.redact import KNOWN, Shown, harmless, harmless_lines, sentence
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.lines import Line, without_colours

if TYPE_CHECKING:
    from redis_runbook.wire.docker.answers import Inspected
    from redis_runbook.wire.docker.engine import Engine

_NEWEST_LINES: Final = 20
_LONGEST_LINE: Final = 300
_NOTHING: Final = (sentence("nothing"),)
_NOT_SHOWN: Final = (sentence("not shown: [privacy] job_details = false"),)
_ANYTHING: Final = frozenset({"worker", "app"})
"""The kinds of containers whose log may hold anything: what a job is about, too."""


def log_tails(config: Config, service: str, time_left_s: float) -> Gathered:
    """The lines by what they are of; or why a log cannot be read, in its place."""
    with contextlib.closing(Daemon(time_left_s)) as daemon:
        return dict(_tails(daemon, config, service))


def _tails(daemon: Daemon, config: Config, service: str) -> Iterator[tuple[Shown, Sequence[Shown]]]:
    for name, settings in entries(config, service).items():
        if not settings.is_container:
            continue
        shows = settings.kind not in _ANYTHING or KNOWN.shows_job_details
        try:
            for container in daemon.find(settings):
                lines = _newest(daemon.engine(), container) if shows else _NOT_SHOWN
                yield sentence(f"log of {container.shown}"), lines
        except CannotLook as error:
            yield sentence(f"log of {harmless(name)}"), (sentence(str(error)),)


def _newest(engine: "Engine", container: "Inspected") -> Sequence[Shown]:
    lines, _ = engine.log(container, since=0.0, newest=_NEWEST_LINES)
    return harmless_lines(map(_timed, lines), _LONGEST_LINE) or _NOTHING


def _timed(line: Line) -> bytes:
    at = "" if line.at is None else f"{dt.datetime.fromtimestamp(line.at, tz=dt.UTC):%H:%M:%S} "
    return at.encode() + without_colours(line.text)
