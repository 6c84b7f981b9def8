"""The probes of Prometheus and Grafana: their queries follow from the implied alerts."""

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from redis_runbook.alerts.implied import Implied, implied_alerts
from redis_runbook.alerts.match import Matcher, selectors_in
from redis_runbook.alerts.rule import AboutService, AlertRule
from redis_runbook.config.monitoring import Grafana, Prometheus
from redis_runbook.hookspecs import hookimpl
from redis_runbook.probes.grafana import GrafanaFacts, observe_grafana
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.prometheus.range import RangeFacts, read_range
from redis_runbook.probes.prometheus.rules import RulesFacts, read_rules
from redis_runbook.probes.prometheus.series import (
    USUAL_INTERVAL_S,
    Clock,
    Labels,
    read_clock,
    read_series,
    read_start,
    settling,
)
from redis_runbook.probes.prometheus.targets import TargetsFacts, read_targets
from redis_runbook.verdict import CannotLook, or_raise
from redis_runbook.wire.http import FetchError
from redis_runbook.wire.json import JsonApi

_SLOW_ANSWERS: Final = 4
"""A probe's time limit: this many answers that each take all of `timeout_s`."""
_MARGIN_S: Final = 1.0
_LIMIT_S: Final = 3.0
"""Latency sampling waits no longer: a process that waits for an answer is not busy."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAlert:
    """One rule of an alert, with the recorded values of its expression.

    `missing` are the selectors of the rule for which Prometheus has no series. `looked` are the
    recorded values of `rule.looked`: what a run found at each step, None without such a series.
    `settling` is that of `TargetsFacts`.
    """

    rule: AlertRule
    recorded: RangeFacts
    missing: Sequence[str]
    looked: RangeFacts | None = None
    settling: str = ""


@dataclass(frozen=True, slots=True)
class RecordedAlerts:
    """The recorded values of each runbook alert, or why they could not be read, by title."""

    by_title: Mapping[str, Sequence[RecordedAlert] | CannotLook]

    def of(self, title: str) -> Sequence[RecordedAlert]:
        """The recorded values of one alert, for each of its rules.

        Raises:
            CannotLook: the values could not be read.
        """
        return or_raise(self.by_title[title])

    def judged_by(self, implied: Implied) -> "RecordedAlerts":
        """The same values for the alerts of another configuration, which may have other limits."""
        return RecordedAlerts(
            {title: self._of_rules(title, rules) for title, rules in implied.stated.items()}
        )

    def _of_rules(
        self, title: str, rules: Sequence[AlertRule]
    ) -> Sequence[RecordedAlert] | CannotLook:
        found = self.by_title.get(title, ())
        if isinstance(found, CannotLook):
            return found
        recorded = {_asked(alert.rule): alert for alert in found}
        if any(_asked(rule) not in recorded for rule in rules):
            return CannotLook(f"the evidence has no recorded values for {title} as it is now")
        return [replace(recorded[_asked(rule)], rule=rule) for rule in rules]


def _asked(rule: AlertRule) -> tuple[str, str | None, float]:
    """What Prometheus was asked for a rule, whatever its limit."""
    return rule.value, rule.looked, rule.for_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusAnswers:
    """A Prometheus that answers, and its clock; `series` caches the series of each selector."""

    api: JsonApi
    clock: Clock
    implied: Implied
    series: "_Series"
    started: dt.datetime | None = None

    def settling(self, targets: TargetsFacts | None) -> str:
        """That it has started only now; empty if it has not. See `series.settling`."""
        interval_s = targets.interval_s if targets else USUAL_INTERVAL_S
        return settling(self.clock, self.started, interval_s)


class _Series(dict[str, frozenset[Labels]]):
    """The series by selector, each queried at first use."""

    def __init__(self, api: JsonApi, clock: Clock) -> None:
        super().__init__()
        self._api = api
        self._clock = clock

    def __missing__(self, selector: str) -> frozenset[Labels]:
        self[selector] = found = read_series(self._api, self._clock, selector)
        return found


def _look_at_prometheus(look: Look) -> PrometheusAnswers:
    api = _api(look, "prometheus", look.config.prometheus)
    clock = _fetched(api, lambda: read_clock(api))
    return PrometheusAnswers(
        api=api,
        clock=clock,
        implied=implied_alerts(look.config),
        series=_Series(api, clock),
        started=read_start(api),
    )


def _look_at_targets(look: Look) -> TargetsFacts:
    prometheus = look.facts(PrometheusAnswers)
    config = look.config
    ups = [
        AboutService(config, name).exported("up")
        for name, settings in config.services.items()
        if settings.enabled
    ]

    def read() -> TargetsFacts:
        facts = read_targets(prometheus.api, prometheus.clock)
        unseen = [up for up in ups if not prometheus.series[up]]
        return replace(facts, unseen=unseen, settling=prometheus.settling(facts))

    return _fetched(prometheus.api, read)


def _look_at_rules(look: Look) -> RulesFacts:
    prometheus = look.facts(PrometheusAnswers)

    def read() -> RulesFacts:
        facts = read_rules(prometheus.api, prometheus.clock)
        matcher = Matcher(facts)
        needed = {
            selector
            for rules in prometheus.implied.stated.values()
            for rule in rules
            for selector in matcher.needs(rule)
        }
        return replace(
            facts,
            series={selector: prometheus.series[selector] for selector in needed},
            settling=prometheus.settling(look.known(TargetsFacts)),
        )

    return _fetched(prometheus.api, read)


def _look_at_recorded(look: Look) -> RecordedAlerts:
    prometheus, targets = look.facts(PrometheusAnswers), look.known(TargetsFacts)
    intervals_s = [target.interval_s for target in targets.targets] if targets else []
    stale_after_s = 2 * max(intervals_s, default=USUAL_INTERVAL_S) + _MARGIN_S

    def read(rule: AlertRule) -> RecordedAlert:
        read_at = functools.partial(
            read_range,
            prometheus.api,
            ended_at=prometheus.clock.now,  # the same steps for both
            window_s=rule.for_s,
            stale_after_s=stale_after_s,
        )
        recorded = read_at(rule.value)
        looked = read_at(rule.looked) if rule.looked else None
        missing = [name for name in selectors_in(rule.value) if not prometheus.series[name]]
        return RecordedAlert(
            rule=rule,
            recorded=recorded,
            missing=missing,
            looked=looked,
            settling=prometheus.settling(targets),
        )

    found: dict[str, Sequence[RecordedAlert] | CannotLook] = {}
    for title, rules in prometheus.implied.stated.items():
        try:
            found[title] = _fetched(prometheus.api, lambda rules=rules: [*map(read, rules)])  # type: ignore[misc]
        except CannotLook as error:
            found[title] = error
    return RecordedAlerts(found)


def _look_at_grafana(look: Look) -> GrafanaFacts:
    settings = look.config.grafana
    api = _api(look, "grafana", settings)
    return _fetched(api, lambda: observe_grafana(api, settings.dashboards))


def _api(look: Look, name: str, settings: Prometheus | Grafana) -> JsonApi:
    route = look.target.apis[name]
    if route.access is None:
        raise CannotLook(route.missing)
    limit_s = min(_SLOW_ANSWERS * settings.timeout_s, look.time_left_s)
    try:
        return JsonApi(route.access, name.title(), timeout_s=settings.timeout_s, limit_s=limit_s)
    except FetchError as error:
        raise CannotLook(f"{name.title()} {error}") from None


_LOGINS: Final = {
    "Prometheus": "prometheus.token, or username and password",
    "Grafana": "grafana.token, token_env or token_file",
}
"""What to set if an API wants a login."""


def _fetched(api: JsonApi, look: Callable[[], _T]) -> _T:
    """The result of `look`; raises CannotLook, with a hint what to set, if it cannot fetch."""
    try:
        return look()
    except FetchError as error:
        hint = f": set {_LOGINS[api.name]}" if error.status in {401, 403} else ""
        raise CannotLook(f"{api.name} at {api.shown} {error}{hint}") from None


PROBES: Final = (
    Probe(
        name="prometheus",
        facts=PrometheusAnswers,
        look=_look_at_prometheus,
        about="monitoring",
        wanted_by=("monitoring",),
        lane="prometheus",
        limit_s=_LIMIT_S,
    ),
    Probe(
        name="scrape_targets",
        facts=TargetsFacts,
        look=_look_at_targets,
        about="monitoring",
        needs=(PrometheusAnswers,),
        wanted_by=("monitoring.targets", "monitoring.windows"),
        lane="prometheus",
        limit_s=_LIMIT_S,
    ),
    Probe(
        name="loaded_rules",
        facts=RulesFacts,
        look=_look_at_rules,
        about="monitoring",
        needs=(PrometheusAnswers,),
        wanted_by=("monitoring.rules", "monitoring.alerts"),
        lane="prometheus",
        limit_s=_LIMIT_S,
    ),
    Probe(
        name="recorded_alerts",
        facts=RecordedAlerts,
        look=_look_at_recorded,
        about="monitoring",
        needs=(PrometheusAnswers,),
        wanted_by=("monitoring.windows",),
        lane="prometheus",
        limit_s=_LIMIT_S,
    ),
    Probe(
        name="grafana",
        facts=GrafanaFacts,
        look=_look_at_grafana,
        about="monitoring",
        wanted_by=("monitoring.dashboards",),
        lane="grafana",
        limit_s=_LIMIT_S,
    ),
)


@hookimpl
def runbook_probes() -> Sequence[Probe]:
    """Our own probes of the monitoring."""
    return PROBES
