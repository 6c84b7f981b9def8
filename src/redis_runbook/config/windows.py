"""How long each service is sampled: as its profile says, or `--window NAME=DURATION`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError

from redis_runbook.config.nearest import the_nearest_is
from redis_runbook.config.profiles import Profile
from redis_runbook.config.service import Service
from redis_runbook.config.values import Seconds
from redis_runbook.redact import printable

_MIN_S: Final = 2.0
"""A shorter window may have too few samples to judge."""


def window_lengths_s(
    profile: Profile, services: Iterable[Service], given: Sequence[str] = ()
) -> Mapping[str, float]:
    """Seconds by service; a window in `given` (`queue=5m`) replaces that of the profile.

    A profile's window is at most as long as the duration in the service's limits, as nothing longer
    is needed to judge them.

    Raises:
        ValueError: a text in `given` is not a service and a duration.
    """
    lengths_s: dict[str, float] = {}
    for service in services:
        full_s = max(_MIN_S, service.sustained_s)
        lengths_s[service.name] = min(profile.window_s or full_s, full_s)
    return lengths_s | dict(_parsed(text, tuple(lengths_s)) for text in given)


def _parsed(text: str, names: Sequence[str]) -> tuple[str, float]:
    name, _, duration = text.partition("=")
    if name not in names:
        hint = the_nearest_is(name, names)
        raise ValueError(f"--window {printable(text, 80)}: there is no such service{hint}")
    try:
        seconds = TypeAdapter[float](Seconds).validate_python(duration)
    except ValidationError:
        raise ValueError(f"--window {text}: not a duration such as 30s or 5m") from None
    if seconds < _MIN_S:
        raise ValueError(f"--window {text}: too short to judge, {_MIN_S:g} s is the least")
    return name, seconds
