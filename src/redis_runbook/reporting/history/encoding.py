"""Changes and trends as `results.json` has them, and read back."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from redis_runbook.record import Changes, Forecast, Trend, TrendPoint
from redis_runbook.reporting.fields import moment, number_or_none, text, text_or_none
from redis_runbook.verdict import Verdict


def encoded_changes(changes: Changes) -> dict[str, Any]:
    """The value of `results.extra.changes`."""
    return {
        "since": changes.since.isoformat(),
        "newly_broken": list(changes.newly_broken),
        "repaired": list(changes.repaired),
        "still_broken": {name: at.isoformat() for name, at in changes.still_broken.items()},
        "unclear": list(changes.unclear),
    }


def changes_of(about: Any) -> Changes | None:
    """Read `encoded_changes` back; None where there are none.

    Raises:
        TypeError, ValueError, LookupError, AttributeError: it is something else.
    """
    if about is None:
        return None
    return Changes(
        since=moment(about["since"]),
        newly_broken=tuple(map(text, about["newly_broken"])),
        repaired=tuple(map(text, about["repaired"])),
        still_broken={text(name): moment(at) for name, at in about["still_broken"].items()},
        unclear=tuple(map(text, about["unclear"])),
    )


def encoded_trends(trends: Sequence[Trend]) -> dict[str, Any]:
    """The value of `results.extra.trends`.

    `at` is when the runs began. `verdicts` and `observed` have an element for each of them: None
    where a run did not find anything under that name. Each run's time would be told 300 times.
    """
    moments = sorted({point.at for trend in trends for point in trend.points})
    return {
        "at": [at.isoformat() for at in moments],
        "by_name": {trend.name: _encoded(trend, moments) for trend in trends},
    }


def _encoded(trend: Trend, moments: Sequence[dt.datetime]) -> dict[str, Any]:
    points = {point.at: point for point in trend.points}
    forecast = trend.forecast
    return {
        "unit": trend.unit,
        "limit": trend.limit,
        "verdicts": [points[at].verdict.value if at in points else None for at in moments],
        "observed": [points[at].observed if at in points else None for at in moments],
        "forecast": {
            "at": forecast.at.isoformat(),
            "earliest": forecast.earliest.isoformat(),
            "latest": forecast.latest.isoformat() if forecast.latest else None,
        }
        if forecast
        else None,
    }


def trends_of(about: Any) -> tuple[Trend, ...]:
    """Read `encoded_trends` back; raises as `changes_of` does."""
    if about is None:  # a report of a version that had no history
        return ()
    moments = [moment(at) for at in about["at"]]
    return tuple(_trend(name, trend, moments) for name, trend in about["by_name"].items())


def _trend(name: str, about: Any, moments: Sequence[dt.datetime]) -> Trend:
    forecast = about["forecast"]
    points = zip(moments, about["verdicts"], about["observed"], strict=True)
    return Trend(
        name=text(name),
        unit=text_or_none(about["unit"]),
        limit=number_or_none(about["limit"]),
        points=tuple(
            TrendPoint(at=at, verdict=Verdict(verdict), observed=number_or_none(observed))
            for at, verdict, observed in points
            if verdict is not None
        ),
        forecast=Forecast(
            at=moment(forecast["at"]),
            earliest=moment(forecast["earliest"]),
            latest=None if forecast["latest"] is None else moment(forecast["latest"]),
        )
        if forecast is not None
        else None,
    )
