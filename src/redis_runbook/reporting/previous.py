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
from redis_runbook.reporting import fields
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
            profile=fields.text(extra["profile"]),
            selected=tuple(map(fields.text, extra["selected"])),
            target=fields.text_or_none(judged["target"] if judged else extra["target"]),
            announcement=fields.text_or_none(extra["announcement"]),
            started_at=fields.moment(document["timestamp"]),
            elapsed_s=fields.number(extra["elapsed_s"]),
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
            waited_s=fields.number(extra["waited_s"]),
            timeline=_timeline(extra.get("recovery")),
            unwritten=tuple(map(fields.text, extra.get("unwritten", ()))),
            configured_by=fields.text_or_none(extra.get("configured_by")),
            logins=tuple(map(fields.text, extra.get("logins", ()))),
            gathered={
                fields.text(name): {
                    fields.text(part): tuple(map(fields.text, lines))
                    for part, lines in told.items()
                }
                for name, told in extra.get("gathered", {}).items()
            },
            judged_at=fields.moment(judged["at"]) if judged else None,
            changes=changes_of(extra.get("changes")),
            trends=trends_of(extra.get("trends")),
        )
    except (LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError("not a document of redis-runbook's") from error


def _service(name: str, about: Any, server: Any) -> ServiceRecord:
    return ServiceRecord(
        name=fields.text(name),
        role=fields.text(about["role"]),
        address=fields.text_or_none(about["address"]),
        window_s=fields.number(about["window_s"]),
        server=_server(server) if server is not None else None,
        last_seen=_last_seen(about.get("last_seen")),
    )


def _timeline(recovery: Any) -> tuple[Recovered, ...] | None:
    """What came back; None for a run without `--wait`."""
    if recovery is None:
        return None
    return tuple(
        Recovered(
            at_s=fields.number(about["at_s"]),
            event=fields.text(about["event"]),
            subject=fields.text(about["subject"]),
        )
        for about in recovery["timeline"]
    )


def _last_seen(about: Any) -> LastSeen | None:
    """Who answered last; None also where an older version of ours did not tell."""
    if about is None:
        return None
    return LastSeen(run_id=fields.text(about["run_id"]), at=fields.moment(about["at"]))


def _server(about: Any) -> ServerRecord:
    return ServerRecord(
        product=fields.text(about["product"]),
        version=fields.text(about["version"]),
        mode=fields.text(about["mode"]),
        run_id=fields.text(about["run_id"]),
        rejected_connections=fields.count_or_none(about["rejected_connections"]),
        uptime_s=fields.count_or_none(about.get("uptime_s")),
    )


def _queue(about: Any) -> QueueRecord:
    return QueueRecord(
        service=fields.text(about["service"]),
        name=fields.text(about["name"]),
        longest_wait_s=fields.number_or_none(about["longest_wait_s"]),
        backlog=fields.count_or_none(about["backlog"]),
        workers_at_work=fields.count_or_none(about["workers_at_work"]),
        counts={
            fields.text(state): fields.count(n) for state, n in about.get("counts", {}).items()
        },
    )


def _finding(test: Any) -> Finding:
    about = test["extra"]
    return Finding(
        check=fields.text(about["check"]),
        subject=fields.text(about["subject"]),
        verdict=Verdict(about["verdict"]),
        message=fields.text(about["message"]),
        service=fields.text_or_none(about["service"]),
        role=fields.text_or_none(about["role"]),
        observed=fields.number_or_none(about["observed"]),
        limit=fields.number_or_none(about["limit"]),
        unit=fields.text_or_none(about["unit"]),
        runbook=fields.text_or_none(about["runbook"]),
        next_steps=tuple(map(fields.text, about["next_steps"])),
        evidence=printable_mapping(about["evidence"], reread),
        duration_s=fields.number(test["duration"]) / 1000,
        # Reports of versions that did not write these are read all the same.
        advisory=bool(about.get("advisory", False)),
        follows_from=fields.text_or_none(about.get("follows_from")),
        why=fields.text_or_none(about.get("why")),
        window=_window(about.get("window")),
        suppressed=_suppressed(about.get("suppressed")),
    )


def _window(about: Any) -> LatencyWindow | None:
    if about is None:
        return None
    numbers = ("window_s", "limit_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms")
    return LatencyWindow(
        n=fields.count(about["n"]),
        steps=tuple((fields.number(at), fields.number_or_none(p95)) for at, p95 in about["steps"]),
        histogram=tuple((fields.number(up_to), fields.count(n)) for up_to, n in about["histogram"]),
        **{name: fields.number(about[name]) for name in numbers},
    )


def _suppressed(about: Any) -> Suppression | None:
    if about is None:
        return None
    until = about["until"]
    return Suppression(
        reason=fields.text(about["reason"]),
        owner=fields.text(about["owner"]),
        until=None if until is None else dt.date.fromisoformat(until),
    )
