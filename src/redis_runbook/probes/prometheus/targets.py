"""Reads the scrape targets of a Prometheus: those of the exporters, and of our own metrics."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field

from redis_runbook.config.durations import milliseconds
from redis_runbook.probes.prometheus.series import (
    USUAL_INTERVAL_S,
    Clock,
    Labels,
    Success,
    Time,
    is_overdue,
    read_series,
)
from redis_runbook.redact import Shown, harmless
from redis_runbook.wire import own_series
from redis_runbook.wire.json import Answer, JsonApi

_MARKERS: Final = ("redis_up", own_series.RUN_TIMESTAMP)
_LOOKS_LIKE_REDIS: Final = re.compile(r"(?i)redis|valkey")
_EXPORTERS_PORT: Final = 9121
_LONGEST_DURATION: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeTarget:
    """One scrape target of an exporter or of our own metrics.

    `age_s` is the time since its last scrape, by Prometheus' clock; None if it was never scraped.
    A target that is not an `exporter` serves our own metrics.
    """

    name: Shown
    health: Shown
    last_error: Shown
    age_s: float | None
    interval_s: float
    exporter: bool

    @property
    def stale(self) -> bool:
        """Whether two scrapes in a row are overdue."""
        return is_overdue(self.age_s, self.interval_s)

    @property
    def summary(self) -> str:
        """`redis 10.0.0.1:9121 is down (connection refused), scraped 3.1 s ago (every 15 s)`."""
        overdue = " and overdue" if self.stale else ""
        error = f" ({self.last_error})" if self.last_error else ""
        when = "never scraped" if self.age_s is None else f"scraped {self.age_s:.1f} s ago"
        return f"{self.name} is {self.health}{overdue}{error}, {when} (every {self.interval_s:g} s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsFacts:
    """The scrape targets of the exporters, and of our own metrics, among `total`.

    `servers` is the number of `redis_up` series in the last hour; `unseen` are the selectors of
    `redis_up`, one for each service, that select no series. `interval_s` is the longest scrape
    interval of any target. `settling` says that Prometheus has
    started only now; empty if it has not.
    """

    targets: Sequence[ScrapeTarget]
    total: int
    servers: int
    unseen: Sequence[str] = ()
    interval_s: float = USUAL_INTERVAL_S
    settling: str = ""


class _Target(Answer):
    labels: dict[str, str] = Field(default_factory=dict)
    scrape_pool: str = ""
    scrape_url: str = ""
    last_error: str = ""
    last_scrape: Time = None
    scrape_interval: str = ""
    health: str

    @property
    def instance(self) -> Labels:
        """The labels job and instance, which identify its series."""
        return frozenset((name, self.labels.get(name, "")) for name in ("job", "instance"))


class _Targets(Answer):
    class Data(Answer):
        active_targets: tuple[_Target, ...]

    status: Success
    data: Data


def read_targets(api: JsonApi, clock: Clock) -> TargetsFacts:
    """Read the targets that serve `redis_up` or our own metrics, or look like an exporter.

    A target that never answered has no series, so it is recognised by its name or port.

    Raises:
        FetchError: Prometheus does not answer.
    """
    series = {marker: read_series(api, clock, marker) for marker in _MARKERS}
    marked = {marker: set(map(_instance, found)) for marker, found in series.items()}
    active = api.get("api/v1/targets", _Targets, state="active").data.active_targets
    found = []
    for target in active:
        exporter = target.instance in marked["redis_up"] or _is_likely_an_exporter(target)
        if exporter or target.instance in marked[own_series.RUN_TIMESTAMP]:
            found.append(
                ScrapeTarget(
                    name=harmless(f"{target.scrape_pool} {target.labels.get('instance', '')}"),
                    health=harmless(target.health),
                    last_error=harmless(target.last_error),
                    age_s=clock.age_s(target.last_scrape),
                    interval_s=_seconds(target.scrape_interval) or USUAL_INTERVAL_S,
                    exporter=exporter,
                )
            )
    intervals_s = [_seconds(target.scrape_interval) or USUAL_INTERVAL_S for target in active]
    return TargetsFacts(
        targets=found,
        total=len(active),
        servers=len(series["redis_up"]),
        interval_s=max(intervals_s, default=USUAL_INTERVAL_S),
    )


def _instance(labels: Iterable[tuple[str, str]]) -> Labels:
    known = dict(labels)
    return frozenset((name, known.get(name, "")) for name in ("job", "instance"))


def _is_likely_an_exporter(target: _Target) -> bool:
    """Whether a target that is not up looks like an exporter; if it is up, `redis_up` decides."""
    texts = (target.scrape_pool, target.scrape_url, *(text for _, text in target.instance))
    looks_like_redis = any(map(_LOOKS_LIKE_REDIS.search, texts))
    return target.health != "up" and (
        looks_like_redis or _port(target.scrape_url) == _EXPORTERS_PORT
    )


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _seconds(text: str) -> float:
    """Seconds of `1m30s`, as Prometheus writes durations; 0 if it is not a duration."""
    try:
        return milliseconds(text[:_LONGEST_DURATION]) / 1_000
    except ValueError:
        return 0.0
