"""Reads the clock and the series of a Prometheus.

Tried with Prometheus 2.42. VictoriaMetrics answers the same API (its rules by vmalert), but was not
tried.
"""

import datetime as dt
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator

from redis_runbook.redact import Shown, harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.http import FetchError
from redis_runbook.wire.json import Answer, JsonApi

Labels = frozenset[tuple[str, str]]
"""The labels of a series, without its name."""

_SKEW_LIMIT_S: Final = 60.0
USUAL_INTERVAL_S: Final = 60.0
"""Prometheus' default interval, for an answer without the interval of scrapes or evaluations."""

_RECENTLY_S: Final = 3_600
_GRACE_S: Final = 5.0
_LONG_AGO: Final = 1971


def _time(value: object) -> object:
    return None if value == "" else value


Time = Annotated[dt.datetime | None, BeforeValidator(_time)]
"""A time in an answer; None if it is empty."""

Success = Literal["success"]
"""The status of a successful answer."""


class _Sample(Answer):
    value: tuple[float, str]


class _Clock(Answer):
    class Data(Answer):
        # A scalar by Prometheus, a vector by VictoriaMetrics.
        result: tuple[float, str] | tuple[_Sample]

        @property
        def moment(self) -> float:
            first = self.result[0]
            return first.value[0] if isinstance(first, _Sample) else first

    status: Success
    data: Data


class _Runtime(Answer):
    class Data(Answer):
        start_time: Time = None

    status: Success
    data: Data


class _Series(Answer):
    status: Success
    data: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Prometheus' clock: the time in one answer, and our clock at that moment."""

    answered_at: float
    answered_time: float

    @property
    def now(self) -> float:
        """Seconds since 1970, by Prometheus."""
        return self.answered_time + time.monotonic() - self.answered_at

    def age_s(self, moment: dt.datetime | None) -> float | None:
        """Seconds since `moment`; None if it is None or Prometheus' zero time (never)."""
        if moment is None or moment.year < _LONG_AGO:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return max(0.0, self.now - moment.timestamp())


def read_clock(api: JsonApi) -> Clock:
    """Read the clock.

    Raises:
        CannotLook: its clock and ours differ too much to date its data.
        FetchError: Prometheus does not answer.
    """
    asked, asked_at = time.time(), time.monotonic()
    prometheus_time = api.get("api/v1/query", _Clock, query="time()").data.moment
    skew_s = prometheus_time - (asked + time.time()) / 2
    if not abs(skew_s) <= _SKEW_LIMIT_S:
        which = "ahead of" if skew_s > 0 else "behind"
        raise CannotLook(
            f"the clock of {api.name} is {abs(skew_s):.0f} s {which} ours: nobody can say of what "
            "time its data is"
        )
    return Clock(answered_at=asked_at, answered_time=prometheus_time)


def read_start(api: JsonApi) -> dt.datetime | None:
    """When Prometheus started; None if it does not say so, as VictoriaMetrics does not."""
    try:
        return api.get("api/v1/status/runtimeinfo", _Runtime).data.start_time
    except FetchError:
        return None


def settling(clock: Clock, started: dt.datetime | None, interval_s: float) -> str:
    """That Prometheus may not have scraped everything yet, and until when to wait.

    Args:
        clock: the time by Prometheus.
        started: when it started.
        interval_s: how often it scrapes.

    Returns:
        The sentence; empty if two scrapes of everything have passed.
    """
    age_s = clock.age_s(started)
    if age_s is None:
        return ""
    wait_s = 2 * interval_s + _GRACE_S - age_s
    if wait_s <= 0:
        return ""
    return f"Prometheus started {age_s:.0f} s ago: {look_again(clock.now, wait_s)}"


def look_again(now: float, wait_s: float) -> str:
    """`look again in 9 s, after 21:53:10 UTC`; `now` is in Unix time."""
    then = dt.datetime.fromtimestamp(now + wait_s, tz=dt.UTC)
    return f"look again in {math.ceil(wait_s)} s, after {then:%H:%M:%S} UTC"


def read_series(api: JsonApi, clock: Clock, selector: str) -> frozenset[Labels]:
    """The series that match and existed within the last hour.

    Raises:
        FetchError: Prometheus does not answer.
    """
    now = clock.now
    found = api.get(
        "api/v1/series",
        _Series,
        **{"match[]": selector, "start": f"{now - _RECENTLY_S:.3f}", "end": f"{now:.3f}"},
    )
    return frozenset(
        frozenset((name, value) for name, value in labels.items() if name != "__name__")
        for labels in found.data
    )


def is_overdue(age_s: float | None, interval_s: float) -> bool:
    """Whether two scrapes or evaluations in a row, due at that interval, are missing."""
    return age_s is not None and age_s > 2 * interval_s + _GRACE_S


def labels_text(labels: Iterable[tuple[str, str]]) -> Shown:
    """`instance=…, job=…`, redacted."""
    return harmless(", ".join(f"{name}={value}" for name, value in sorted(labels)))
