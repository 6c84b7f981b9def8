"""Formats a latency window: the sentence of a finding, and its evidence."""

from typing import Any, Final

from redis_runbook.config.service import Service
from redis_runbook.judging.stats import Summary
from redis_runbook.judging.traffic import is_within
from redis_runbook.judging.window import Outcome, WindowJudgement
from redis_runbook.probes.latency.histogram import Durations, Traffic
from redis_runbook.probes.latency.sample import LatencyFacts
from redis_runbook.words import counted

_MAX_COMMANDS: Final = 5


def client_side(
    service: Service,
    latency: LatencyFacts,
    summary: Summary,
    window: WindowJudgement,
    *,
    limit_ms: float,
) -> str:
    """The client's percentiles, how long they were over the limit, and the gaps in the window."""
    numbers = (
        f"p95 of {service.name} is {summary.p95_ms:.2f} ms over {window.window_s:.1f} s "
        f"(limit {limit_ms:g} ms; n {summary.n}, p50 {summary.p50_ms:.2f}, p99 "
        f"{summary.p99_ms:.2f}, max {summary.max_ms:.2f} ms)"
    )
    parts = [numbers, *_losses(latency), *_errors(latency)]
    if window.unseen_s:
        parts.append(
            f"nobody looked for {window.unseen_s:g} s, as this process did not run or was late"
        )
    if window.outcome is Outcome.OVER_IN_PART:
        parts.append(f"over the limit for {window.over_s:g} s of {window.window_s:g} s")
    if window.outcome is Outcome.OVER_THROUGHOUT and window.window_s < service.sustained_s:
        parts.append(
            f"over throughout, looked at {window.window_s:g} s of the runbook's "
            f"{service.sustained_s:g} s"
        )
    return "; ".join(parts)


def too_little(service: Service, latency: LatencyFacts, window: WindowJudgement) -> str:
    """Why the window cannot be judged: this machine was too busy, or there are too few samples."""
    paused_s = sum(to - since for since, to in latency.unseen)
    if paused_s >= latency.elapsed_s / 4 > 0:
        reason = (
            f"only {counted(window.n, 'sample')}, as this process did not run for {paused_s:.1f} s "
            f"of {latency.elapsed_s:.1f} s"
        )
    elif window.outcome is Outcome.TOO_BUSY:
        reason = (
            f"at p95, {window.own_delay:.2f} ms of a round trip may be this process's own delay "
            f"(n {len(latency.samples_ms)})"
        )
    else:
        losses = "; ".join(_losses(latency))
        return (
            f"only {counted(window.n, 'sample')} in {latency.elapsed_s:.1f} s on {service.name}"
            + (f" ({losses})" if losses else "")
        )
    return "; ".join(
        [f"this machine was too busy to measure {service.name}: {reason}", *_losses(latency)]
    )


def not_read(latency: LatencyFacts) -> str:
    """Why the samples do not tell how long a read takes; empty if they do."""
    if latency.refusal:
        refused = f"the server refuses to tell a key ({latency.refusal})"
        return f"{refused}, so that how long a read takes is not known"
    if 2 * sum(latency.errors.values()) > len(latency.samples_ms) - latency.unanswered:
        return "; ".join(_errors(latency))
    return ""


def _errors(latency: LatencyFacts) -> list[str]:
    """`120 of 200 reads were answered with an error (MASTERDOWN)`."""
    if not latency.errors:
        return []
    answered = len(latency.samples_ms) - latency.unanswered
    what = "PINGs" if latency.workload == "PING" else "reads"
    count, codes = sum(latency.errors.values()), ", ".join(latency.errors)
    return [f"{count} of {answered} {what} were answered with an error ({codes})"]


def _losses(latency: LatencyFacts) -> list[str]:
    """How the connection was lost, and for how long."""
    parts = [latency.error] if latency.error else []
    if latency.lost:
        parts.append(f"no connection for {sum(to - since for since, to in latency.lost):.1f} s")
    return parts


def server_side(traffic: Traffic, *, limit_ms: float, client_is_slow: bool) -> str:
    """The server's p95 of the same window; if the client is slow, whether the server is too."""
    if traffic.missing:
        return f"the server's own p95 is not available, client side only: {traffic.missing}"
    if traffic.total is None:
        return "the server had no other traffic"
    sentence = f"the server's own p95 is {_format_p95(traffic.total)} (n {traffic.total.n})"
    command, slowest = traffic.by_command[0]
    if not is_within(slowest, limit_ms):
        sentence = f"{sentence}, that of {command.upper()} {_format_p95(slowest)} (n {slowest.n})"
        return f"{sentence}: the server is slow" if client_is_slow else sentence
    return f"{sentence}: the server is fast, so network or client" if client_is_slow else sentence


def evidence(latency: LatencyFacts, summary: Summary) -> dict[str, Any]:
    """The client's percentiles, and the slowest commands according to the server."""
    high = summary.p95_high_ms
    found: dict[str, Any] = {
        "workload": latency.workload,
        "n": summary.n,
        "p50_ms": round(summary.p50_ms, 4),
        "p95_ms": round(summary.p95_ms, 4),
        "p99_ms": round(summary.p99_ms, 4),
        "max_ms": round(summary.max_ms, 4),
        "95 % interval of p95": f"{summary.p95_low_ms:.2f} to "
        + (f"{high:.2f} ms" if high is not None else "beyond the slowest sample"),
        "unanswered": latency.unanswered,
    }
    if latency.traffic.by_command:
        found["slowest commands, by the server"] = [
            f"{command.upper()}: p95 {_format_p95(durations)}, n {durations.n}"
            for command, durations in latency.traffic.by_command[:_MAX_COMMANDS]
        ]
    return found


def _format_p95(durations: Durations) -> str:
    if durations.p95_high_ms is None:
        return f"over {durations.p95_low_ms:g} ms"
    return f"at most {durations.p95_high_ms:g} ms"
