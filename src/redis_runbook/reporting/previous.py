"""Reads the record of the last run from `results.json`."""

import datetime as dt
import json
from pathlib import Path
from typing import Any, Final

from redis_runbook.record import (
    LastSeen,
    QueueRecord,
    Recovered,
    RunRecord,
    ServerRecord,
    ServiceRecord,
)
from redis_runbook.redact import printable_mapping, reread
from redis_runbook.reporting.fields import count as _count
from redis_runbook.reporting.fields import count_or_none as _count_or_none
from redis_runbook.reporting.fields import number as _number
from redis_runbook.reporting.fields import number_or_none as _number_or_none
from redis_runbook.reporting.fields import text as _text
from redis_runbook.reporting.fields import text_or_none as _text_or_none
from redis_runbook.reporting.history.encoding import changes_of, trends_of
from redis_runbook.verdict import ExitCode, Finding, LatencyWindow, Suppression, Verdict
from redis_runbook.wire.files import read_text

_MAX_BYTES: Final = 16 * 1024 * 1024


def read_record(path: Path) -> RunRecord | None:
    """Read the record of a run; None if the file is missing, damaged or not ours.

    Checks then have nothing to compare with, and say "since it started" instead.
    """
    try:
        return parse_record(read_text(path, max_bytes=_MAX_BYTES))
    except ValueError:
        return None


def parse_record(text: str) -> RunRecord:
    """Parse a document that `ctrf.render` wrote.

    Raises:
        ValueError: the text is not such a document.
    """
    try:
        document = json.loads(text)
        results, extra = document["results"], document["results"]["extra"]
        judged = extra.get("judged")
        return RunRecord(
            profile=_text(extra["profile"]),
            selected=tuple(map(_text, extra["selected"])),
            target=_text_or_none(judged["target"] if judged else extra["target"]),
            announcement=_text_or_none(extra["announcement"]),
            started_at=dt.datetime.fromisoformat(document["timestamp"]),
            elapsed_s=_number(extra["elapsed_s"]),
            services=tuple(
                _service(name, about, extra["servers"][name])
                for name, about in extra["services"].items()
            ),
            queues=tuple(map(_queue, extra["queues"])),
            findings=tuple(_finding(test) for test in results["tests"]),
            outcome=ExitCode(extra["outcome"]),
            exit_code=ExitCode(extra["exit_code"]),
            interrupted=bool(extra["interrupted"]),
            left_out=int(extra["left_out"]),
            attempt=int(extra["attempt"]),
            waited_s=_number(extra["waited_s"]),
            timeline=_timeline(extra.get("recovery")),
            unwritten=tuple(map(_text, extra.get("unwritten", ()))),
            configured_by=_text_or_none(extra.get("configured_by")),
            logins=tuple(map(_text, extra.get("logins", ()))),
            gathered={
                _text(name): {_text(part): tuple(map(_text, lines)) for part, lines in told.items()}
                for name, told in extra.get("gathered", {}).items()
            },
            judged_at=dt.datetime.fromisoformat(judged["at"]) if judged else None,
            changes=changes_of(extra.get("changes")),
            trends=trends_of(extra.get("trends")),
        )
    except (LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError("not a document of redis-runbook's") from error


def _service(name: str, about: Any, server: Any) -> ServiceRecord:
    return ServiceRecord(
        name=_text(name),
        role=_text(about["role"]),
        address=_text_or_none(about["address"]),
        window_s=_number(about["window_s"]),
        server=_server(server) if server is not None else None,
        last_seen=_last_seen(about.get("last_seen")),
    )


def _timeline(recovery: Any) -> tuple[Recovered, ...] | None:
    """What came back; None for a run without `--wait`."""
    if recovery is None:
        return None
    return tuple(
        Recovered(
            at_s=_number(about["at_s"]),
            event=_text(about["event"]),
            subject=_text(about["subject"]),
        )
        for about in recovery["timeline"]
    )


def _last_seen(about: Any) -> LastSeen | None:
    """Who answered last; None also where an older version of ours did not tell."""
    if about is None:
        return None
    at = dt.datetime.fromisoformat(about["at"])
    if at.tzinfo is None:
        raise ValueError("a moment is without its time zone")
    return LastSeen(run_id=_text(about["run_id"]), at=at)


def _server(about: Any) -> ServerRecord:
    return ServerRecord(
        product=_text(about["product"]),
        version=_text(about["version"]),
        mode=_text(about["mode"]),
        run_id=_text(about["run_id"]),
        rejected_connections=_count_or_none(about["rejected_connections"]),
        uptime_s=_count_or_none(about.get("uptime_s")),
    )


def _queue(about: Any) -> QueueRecord:
    return QueueRecord(
        service=_text(about["service"]),
        name=_text(about["name"]),
        longest_wait_s=_number_or_none(about["longest_wait_s"]),
        backlog=about["backlog"],
        workers_at_work=about["workers_at_work"],
        counts={_text(state): _count(n) for state, n in about.get("counts", {}).items()},
    )


def _finding(test: Any) -> Finding:
    about = test["extra"]
    return Finding(
        check=_text(about["check"]),
        subject=_text(about["subject"]),
        verdict=Verdict(about["verdict"]),
        message=_text(about["message"]),
        service=_text_or_none(about["service"]),
        role=_text_or_none(about["role"]),
        observed=_number_or_none(about["observed"]),
        limit=_number_or_none(about["limit"]),
        unit=_text_or_none(about["unit"]),
        runbook=_text_or_none(about["runbook"]),
        next_steps=tuple(map(_text, about["next_steps"])),
        evidence=printable_mapping(about["evidence"], reread),
        duration_s=_number(test["duration"]) / 1000,
        # Reports of versions that did not write these are read all the same.
        advisory=bool(about.get("advisory", False)),
        follows_from=_text_or_none(about.get("follows_from")),
        why=_text_or_none(about.get("why")),
        window=_window(about.get("window")),
        suppressed=_suppressed(about.get("suppressed")),
    )


def _window(about: Any) -> LatencyWindow | None:
    if about is None:
        return None
    numbers = ("window_s", "limit_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms")
    return LatencyWindow(
        n=_count(about["n"]),
        steps=tuple((_number(at), _number_or_none(p95)) for at, p95 in about["steps"]),
        histogram=tuple((_number(up_to), _count(n)) for up_to, n in about["histogram"]),
        **{name: _number(about[name]) for name in numbers},
    )


def _suppressed(about: Any) -> Suppression | None:
    if about is None:
        return None
    until = about["until"]
    return Suppression(
        reason=_text(about["reason"]),
        owner=_text(about["owner"]),
        until=None if until is None else dt.date.fromisoformat(until),
    )
