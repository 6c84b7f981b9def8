"""Is the watch itself right? Runbook: 2. Monitoring & Alerts."""

from collections.abc import Sequence

from redis_runbook.alerts.implied import Implied
from redis_runbook.alerts.match import Matcher, about, alert_finding
from redis_runbook.alerts.probes import RecordedAlert
from redis_runbook.alerts.recorded import judge_alert
from redis_runbook.check import Details, Judge, check
from redis_runbook.probes.grafana import GrafanaFacts
from redis_runbook.probes.prometheus.rules import RulesFacts
from redis_runbook.probes.prometheus.targets import TargetsFacts
from redis_runbook.verdict import Verdict
from redis_runbook.words import counted

_MAX_SHOWN = 10


@check("monitoring.targets")
def test_targets(scrape_targets: TargetsFacts, judge: Judge) -> None:
    """Prometheus scrapes the exporters, and did so when it should have.

    Passes when every target of an exporter, and of our own metrics, is up and fresh.
    Fails when there is none, one is down, or two scrapes in a row are overdue.
    Why: what is not scraped fires no alert.
    Next: 1. Prometheus' page Status → Targets names the error.
        2. `docker compose logs EXPORTER`.
    """
    targets, total = scrape_targets.targets, scrape_targets.total
    if not any(target.exporter for target in targets):
        if scrape_targets.servers:
            judge.unknown(
                f"none of {counted(total, 'scrape target')} has the job and instance of a redis_up"
            )
        if scrape_targets.settling:
            judge.unknown(scrape_targets.settling)
        judge.fails(f"none of Prometheus' {counted(total, 'scrape target')} is a Redis exporter")
    broken = [target for target in targets if target.health == "down" or target.stale]
    if not broken and scrape_targets.unseen:
        judge.unknown(
            f"Prometheus has no {', '.join(scrape_targets.unseen)}: scrape its exporter, or say by "
            "[services.NAME] series which labels it has"
        )
    fresh = [target for target in targets if target.health == "up" and target.age_s is not None]
    if not broken and len(fresh) < len(targets):
        waiting = len(targets) - len(fresh)
        judge.unknown(
            f"{counted(waiting, 'scrape target was', 'scrape targets were')} not scraped yet"
        )
    judge.passes_if(
        not broken,
        "; ".join(target.summary for target in broken)
        or f"{counted(len(targets), 'scrape target is', 'scrape targets are')} up, the last scrape "
        f"was at most {max(target.age_s or 0 for target in targets):.1f} s ago",
        evidence={"targets": [target.summary for target in targets]},
    )


@check("monitoring.rules")
def test_rules(implied: Implied, loaded_rules: RulesFacts, judge: Judge) -> None:
    """Prometheus has the runbook's alerts, with its limits and durations, and evaluates them.

    Passes when a rule computes each of them, whatever it is called, on series that exist.
    Fails when one is missing, has another limit or duration, reads no series or does not evaluate.
    Why: a rule that is missing or has another limit lets the incident pass unnoticed.
    Next: `redis-runbook rules -o rules.yml`, load that file, and reload Prometheus. Where our
        own series are missing, run `redis-runbook smoke --metrics-file FILE` every minute and have
        it scraped.
    """
    matches = Matcher(loaded_rules).best(implied.stated)
    problems = [about(name, text) for name, match in matches.items() for text in match.problems]
    doubts = [about(name, text) for name, match in matches.items() for text in match.doubts]
    evidence = {name: match.found.query for name, match in matches.items() if match.found}
    if doubts and not problems:
        judge.unknown("; ".join(doubts), evidence=evidence)
    judge.passes_if(
        not problems,
        "; ".join(problems)
        or f"Prometheus has {counted(len(matches), 'alert')} of the runbook, with its limits and "
        "durations",
        observed=len(matches) - len({text.partition(":")[0] for text in problems}),
        limit=len(matches),
        evidence=evidence,
    )


@check("monitoring.alerts")
def test_alerts(implied: Implied, loaded_rules: RulesFacts, judge: Judge) -> None:
    """No alert about the services fires.

    Passes when the runbook's alerts could fire and do not, nor any other that we generate, but for
        those about a run of ours (`RedisRunbook…`): they would keep themselves firing.
    Fails when one fires; one that is pending is a warning.
    Why: Prometheus has seen for minutes what one look may miss.
    Next: the section of the runbook that the alert names; its labels are in the evidence.
    """
    matcher = Matcher(loaded_rules)
    active = matcher.active(implied.rules)
    firing = [name for name, alerts in active.items() if any(alert.fires for alert in alerts)]
    evidence = {name: [alert.summary for alert in alerts] for name, alerts in active.items()}
    if firing:
        told_by = {alert_finding(implied.rules, name, active[name]) for name in firing}
        judge.fails(
            f"firing: {', '.join(firing)}",
            evidence=evidence,
            follows_from=told_by.pop() if len(told_by) == 1 else None,
        )
    best = matcher.best(implied.stated)
    faults = [about(name, fault) for name, match in best.items() for fault in match.faults]
    if faults:
        judge.unknown(f"silence proves nothing where an alert is not right: {'; '.join(faults)}")
    if active:
        judge.advise(f"pending: {', '.join(active)}", evidence=evidence)
    judge.passes(f"none of {counted(len(implied.stated), 'alert')} of the runbook fires")


@check("monitoring.windows")
def test_windows(recorded_alert: Sequence[RecordedAlert], judge: Judge) -> None:
    """What Prometheus recorded over the alert's window is not over its limit.

    Passes when the value was within the limit, over the window as a whole and now.
    Fails when it was over at every step of the window; over in part is a warning.
    Why: a look now does not show what was over the limit all the time before.
    Next: the steps of the check that measures the same: `memory.used_ratio`, `queue.latency` or
        `latency.command_p95`.
    """
    judged = judge_alert(recorded_alert)
    worst = judged[0]
    sentences = [series.sentence for series in judged[:_MAX_SHOWN]]
    details: Details = {"evidence": {"series": sentences}}
    if worst.verdict is Verdict.NOT_APPLICABLE:
        judge.not_applicable(worst.sentence)
    if worst.verdict is Verdict.UNKNOWN:
        judge.unknown(worst.sentence, **details)
    rule = worst.rule
    # Where several are broken, the finding about one of them does not tell of all.
    told_by = {series.finding for series in judged if series.verdict is worst.verdict}
    details["follows_from"] = told_by.pop() if len(told_by) == 1 else None
    details |= {"observed": worst.observed, "limit": rule.threshold, "unit": rule.unit}
    if worst.verdict is Verdict.WARN:
        judge.advise(worst.sentence, **details)
    judge.passes_if(worst.verdict is Verdict.PASS, worst.sentence, **details)


@check("monitoring.dashboards")
def test_dashboards(grafana: GrafanaFacts, judge: Judge) -> None:
    """Grafana has the dashboards, and the data sources of their panels answer.

    Passes when each data source answers a query of each dashboard.
    Fails when a dashboard is missing, asks for nothing, or asks a data source that fails.
    Why: in an incident people look there first.
    Next: `redis-runbook dashboards -o DIR` writes both for Grafana's import; choose the Prometheus
        that scrapes the exporters as their data source.
    """
    if not grafana.dashboards:
        judge.not_applicable("no dashboard is configured: [grafana] dashboards is empty")
    problems = [text for dashboard in grafana.dashboards for text in dashboard.problems]
    doubts = [text for dashboard in grafana.dashboards for text in dashboard.doubts]
    titles = [dashboard.title for dashboard in grafana.dashboards]
    evidence = {dashboard.title: list(dashboard.answered) for dashboard in grafana.dashboards}
    if doubts and not problems:
        judge.unknown("; ".join(doubts), evidence=evidence)
    judge.passes_if(
        not problems,
        "; ".join(problems) or f"the data sources of {', '.join(titles)} answer",
        evidence=evidence,
    )
