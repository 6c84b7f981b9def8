"""Is the service fast enough? Runbook: 2. Monitoring & Alerts, and 4, Scenario B."""

from redis_runbook.check import Details, Judge, check
from redis_runbook.config.service import Service
from redis_runbook.judging.latency_text import (
    client_side,
    evidence,
    not_read,
    server_side,
    too_little,
)
from redis_runbook.judging.latency_window import latency_window
from redis_runbook.judging.stats import summarise
from redis_runbook.judging.traffic import is_over
from redis_runbook.judging.window import Outcome, WindowJudgement, judge_window
from redis_runbook.probes.latency.histogram import Traffic
from redis_runbook.probes.latency.sample import LatencyFacts
from redis_runbook.probes.slowlog import SlowlogFacts
from redis_runbook.words import counted

_MAX_SHOWN = 10
_RESTART = (
    "`docker compose logs SERVICE`: why it ended or hangs; then `docker compose restart SERVICE`"
)


@check("latency.round_trip")
def test_round_trip(service: Service, latency: LatencyFacts, judge: Judge) -> None:
    """A command's round trip stays under the limit (queue: 2 s) at p95.

    Passes when the window as a whole is under it.
    Fails when every step of the window is over, or the server does not answer at its end; over in
        part, a connection that was lost on the way, or errors among the answers, are a warning.
    Why: every client waits that long for every command.
    Next: `SLOWLOG GET 20`, `INFO commandstats` and the host's load tell server from network.
    """
    _judge_p95(service, latency, judge, limit_ms=service.limits.round_trip_ms)


@check("latency.command_p95")
def test_command_p95(service: Service, latency: LatencyFacts, judge: Judge) -> None:
    """p95 of command duration is under 50 ms over the window, by a client's clock and the server's.

    Passes when the window as a whole is under it.
    Fails when a client sees every step of the window over, or no answer at its end; over in part, a
        connection that was lost on the way, errors among the answers, or over by the server's count
        only, are a warning.
    Why: every API request pays it, often more than once.
    Next: 1. `SLOWLOG GET 20`: which commands are slow?
        2. `INFO memory`: is memory short?
        3. If it is, adjust TTLs; FLUSHDB is the last resort, as every entry must be fetched anew.
        4. Trigger a CLI login: `jwt_cache.populated` must pass.
    """
    limit_ms = service.limits.command_p95_ms
    _judge_p95(service, latency, judge, limit_ms=limit_ms, traffic=latency.traffic)


@check("latency.slowlog")
def test_slowlog(service: Service, slowlog: SlowlogFacts, judge: Judge) -> None:
    """The server logged no command slower than slowlog_ms in the last slowlog_for_s.

    Passes when SLOWLOG reaches back that far, or to the server's start, and holds none.
    Fails when it holds one.
    Why: one slow command holds up everybody else's.
    Next: `SLOWLOG GET 20`; replace KEYS, big ranges and big deletes (`UNLINK`) at their source.
    """
    limit_ms, window_s = service.limits.slowlog_ms, service.limits.slowlog_for_s
    slow = [
        entry
        for entry in slowlog.entries
        if entry.duration_ms > limit_ms and entry.age_s <= window_s
    ]
    if slow:
        slowest = max(slow, key=lambda entry: entry.duration_ms)
        judge.fails(
            f"{counted(len(slow), 'command')} took over {limit_ms:g} ms on {service.name} in the "
            f"last {window_s:g} s; the slowest, {slowest.command}, took "
            f"{slowest.duration_ms:.1f} ms",
            observed=slowest.duration_ms,
            limit=limit_ms,
            evidence={
                "slow commands": [
                    f"{entry.duration_ms:.1f} ms, {entry.age_s:.0f} s ago: {entry.command}"
                    for entry in slow[:_MAX_SHOWN]
                ]
            },
        )
    if slowlog.threshold_ms is None:
        judge.unknown(f"what SLOWLOG of {service.name} logs is not known: {slowlog.why_unknown}")
    if slowlog.threshold_ms < 0 or slowlog.threshold_ms > limit_ms:
        judge.unknown(
            f"SLOWLOG of {service.name} would not show it: slowlog-log-slower-than is "
            f"{slowlog.threshold_ms * 1000:.0f} µs; set it to {limit_ms * 1000:.0f} or less"
        )
    if slowlog.covers_s is not None and slowlog.covers_s < window_s:
        reach = f"reaches back only {slowlog.covers_s:.0f} s of {window_s:g} s"
        judge.unknown(
            f"SLOWLOG of {service.name} was reset, nobody can tell when, and certainly {reach}"
            if slowlog.was_reset
            else f"SLOWLOG of {service.name} {reach}: raise slowlog-max-len or "
            "slowlog-log-slower-than"
        )
    if slowlog.uptime_s is None:
        judge.unknown(
            f"since when SLOWLOG of {service.name} logs is not known: {slowlog.why_no_uptime}"
        )
    since = (
        f"in the {slowlog.uptime_s:.0f} s since it started"
        if slowlog.uptime_s < window_s
        else f"in the last {window_s:g} s"
    )
    judge.passes(f"no command took over {limit_ms:g} ms on {service.name} {since}")


def _judge_p95(
    service: Service,
    latency: LatencyFacts,
    judge: Judge,
    *,
    limit_ms: float,
    traffic: Traffic | None = None,
) -> None:
    """Judge one window by the rule for sustained limits; `traffic` adds the server's own p95."""
    window = judge_window(
        latency.offsets_s,
        latency.samples_ms,
        window_s=latency.judged_s,
        limit=limit_ms,
        unseen=latency.unseen,
        own_delays=latency.own_delays_ms,
    )
    sentence, details = _measured(service, latency, window, limit_ms=limit_ms, traffic=traffic)
    if latency.at_end and not latency.at_end.reachable:
        judge.fails(
            f"{service.name} does not answer any more: {latency.at_end.message}; {sentence}",
            evidence=details.get("evidence", {}),
            next_steps=[_RESTART],
        )
    if window.outcome in {Outcome.TOO_FEW, Outcome.TOO_BUSY}:
        judge.unknown(too_little(service, latency, window))
    within = window.outcome is Outcome.WITHIN
    why = not_read(latency)
    if why and window.outcome is not Outcome.OVER_THROUGHOUT:
        judge.unknown(f"{service.name}: {why}")
    interrupted = bool(latency.lost or latency.error or latency.errors)
    server_is_slow = traffic is not None and is_over(traffic, limit_ms)
    if window.outcome is Outcome.OVER_IN_PART or (within and (interrupted or server_is_slow)):
        judge.advise(sentence, **details)
    judge.passes_if(within, sentence, **details)


def _measured(
    service: Service,
    latency: LatencyFacts,
    window: WindowJudgement,
    *,
    limit_ms: float,
    traffic: Traffic | None,
) -> tuple[str, Details]:
    """What was measured, as a sentence and as numbers."""
    if not window.samples:
        return "nothing was measured", {}
    summary = summarise(window.samples)
    sentence = client_side(service, latency, summary, window, limit_ms=limit_ms)
    if traffic:
        slow = summary.p95_ms > limit_ms
        sentence = f"{sentence}; {server_side(traffic, limit_ms=limit_ms, client_is_slow=slow)}"
    return sentence, {
        "observed": summary.p95_ms,
        "limit": limit_ms,
        "evidence": evidence(latency, summary),
        "window": latency_window(window, summary, limit_ms=limit_ms),
    }
