"""What Prometheus and Grafana say, asked once a run, in the background, every wait bounded."""

import concurrent.futures
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from redis_runbook.alerts.implied import implied_rules
from redis_runbook.alerts.match import Matcher, runbook_alerts, selectors_in
from redis_runbook.alerts.rule import AboutService, AlertRule
from redis_runbook.catalogue import covers
from redis_runbook.config.model import Config, ConfigError
from redis_runbook.config.resolve import access_of
from redis_runbook.probes.grafana import GrafanaFacts, observe_grafana
from redis_runbook.probes.prometheus.range import RangeFacts, read_range
from redis_runbook.probes.prometheus.rules import RulesFacts, read_rules
from redis_runbook.probes.prometheus.series import (
    USUAL_INTERVAL_S,
    Clock,
    Labels,
    read_clock,
    read_series,
)
from redis_runbook.probes.prometheus.targets import TargetsFacts, read_targets
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.http import FetchError
from redis_runbook.wire.json import Access, JsonApi

_ANSWERS: Final = 4
"""How many answers that take all of `timeout_s` are waited for."""

_MARGIN_S: Final = 1.0
_Key = type | str
"""A kind of facts, or an alert's name."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAlert:
    """One of an alert's rules, with what was recorded of its value.

    `missing` are the selectors of which Prometheus has no series.
    """

    rule: AlertRule
    recorded: RangeFacts
    missing: Sequence[str]


class Monitoring:
    """What watches the services of one run.

    `rules` are those that the configuration implies; `alerts` those of them that the runbook
    states, by name. `why_not` says of Prometheus and Grafana why one is not asked. `quiet` is set
    once all is asked that will be.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        *,
        throwaway: bool,
        wanted: Collection[str],
        deadline: float,
    ) -> None:
        """Prepare to ask what the `wanted` checks need until `deadline` (time.monotonic).

        Raises:
            ConfigError: a URL or a login is set and wrong.
        """
        self.rules: Final = implied_rules(config)
        self.alerts: Final = runbook_alerts(self.rules)
        self.why_not: dict[str, str] = {}
        self.quiet = threading.Event()
        self._config = config
        self._wanted = wanted
        self._deadline = deadline
        self._access: dict[str, Access] = {}
        problems: list[str] = []
        for name, section in (("prometheus", config.prometheus), ("grafana", config.grafana)):
            try:
                access, why_not = access_of(section, name, environ)
            except ConfigError as error:
                problems += error.problems
                continue
            if access and throwaway:
                self.why_not[name] = f"nobody's {name.title()} watches throwaway servers"
            elif access:
                self._access[name] = access
            else:
                self.why_not[name] = why_not
        if problems:
            raise ConfigError(problems)
        keys: tuple[_Key, ...] = (TargetsFacts, RulesFacts, GrafanaFacts, *self.alerts)
        self._futures: dict[_Key, concurrent.futures.Future[Any]] = {
            key: concurrent.futures.Future() for key in keys
        }

    def start(self) -> None:
        """Begin to ask, where a check wants to know."""
        asked = {"prometheus": self._ask_prometheus, "grafana": self._ask_grafana}
        wanted = any(covers("monitoring", check_id) for check_id in self._wanted)
        threads = [
            threading.Thread(target=asked[name], args=[access], daemon=True)
            for name, access in self._access.items()
            if wanted
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=self._fall_quiet, args=[threads], daemon=True).start()

    def _fall_quiet(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        self.quiet.set()

    def facts(self, kind: type[_T]) -> _T:
        """The facts of that kind; waits for them, at most until the deadline.

        Raises:
            CannotLook: they could not be had.
        """
        return self._wait(kind)  # type: ignore[no-any-return]

    def recorded(self, alert: str) -> Sequence[RecordedAlert]:
        """What was recorded of an alert, for each of its rules.

        Raises:
            CannotLook: it could not be had.
        """
        return self._wait(alert)  # type: ignore[no-any-return]

    def _wait(self, key: _Key) -> Any:
        try:
            return self._futures[key].result(timeout=max(0.0, self._deadline - time.monotonic()))
        except concurrent.futures.TimeoutError:
            raise CannotLook("the monitoring did not answer before the run's deadline") from None

    def _ask_grafana(self, access: Access) -> None:
        settings = self._config.grafana
        login = "grafana.token, token_env or token_file"

        def look() -> GrafanaFacts:
            api = self._api(access, "Grafana", settings.timeout_s)
            return _explained(api, login, lambda: observe_grafana(api, settings.dashboards))

        self._keep(GrafanaFacts, look)

    def _ask_prometheus(self, access: Access) -> None:
        login = "prometheus.token, or username and password"

        keys: tuple[_Key, ...] = (TargetsFacts, RulesFacts, *self.alerts)
        try:
            api = self._api(access, "Prometheus", self._config.prometheus.timeout_s)
            clock = _explained(api, login, lambda: read_clock(api))
        except CannotLook as error:
            for key in keys:
                self._futures[key].set_exception(error)
            return

        def keep(key: _Key, look: Callable[[], _T]) -> _T | None:
            return self._keep(key, lambda: _explained(api, login, look))

        series = _Series(api, clock)
        targets = keep(TargetsFacts, lambda: self._targets(api, clock, series))
        keep(RulesFacts, lambda: self._rules(api, clock, series))
        intervals_s = [target.interval_s for target in targets.targets] if targets else []
        stale_after_s = 2 * max(intervals_s, default=USUAL_INTERVAL_S) + _MARGIN_S
        for name, rules in self.alerts.items():
            keep(
                name,
                lambda rules=rules: [  # type: ignore[misc]
                    RecordedAlert(
                        rule=rule,
                        recorded=read_range(
                            api,
                            clock,
                            rule.value,
                            window_s=rule.for_s,
                            stale_after_s=stale_after_s,
                        ),
                        missing=[one for one in selectors_in(rule.value) if not series[one]],
                    )
                    for rule in rules
                ],
            )

    def _targets(self, api: JsonApi, clock: Clock, series: "_Series") -> TargetsFacts:
        services = self._config.services
        ups = {
            name: AboutService(self._config, name).exported("up")
            for name, settings in services.items()
            if settings.enabled
        }
        return replace(
            read_targets(api, clock), unseen=[up for up in ups.values() if not series[up]]
        )

    def _rules(self, api: JsonApi, clock: Clock, series: "_Series") -> RulesFacts:
        facts = read_rules(api, clock)
        matcher = Matcher(facts)
        needed = {
            selector
            for rules in self.alerts.values()
            for rule in rules
            for selector in matcher.needs(rule)
        }
        return replace(facts, series={selector: series[selector] for selector in needed})

    def _api(self, access: Access, name: str, timeout_s: float) -> JsonApi:
        left_s = self._deadline - time.monotonic()
        limit_s = min(_ANSWERS * timeout_s, left_s)
        try:
            return JsonApi(access, name, timeout_s=timeout_s, limit_s=limit_s)
        except FetchError as error:
            raise CannotLook(f"{name} {error}") from None

    def _keep(self, key: _Key, look: Callable[[], _T]) -> _T | None:
        """Look, and keep the facts or why there are none."""
        try:
            facts = look()
        except Exception as error:  # noqa: BLE001  # kept: whoever asks for the facts gets it
            self._futures[key].set_exception(error)
            return None
        self._futures[key].set_result(facts)
        return facts


class _Series(dict[str, frozenset[Labels]]):
    """The series of each selector, asked for once."""

    def __init__(self, api: JsonApi, clock: Clock) -> None:
        super().__init__()
        self._api = api
        self._clock = clock

    def __missing__(self, selector: str) -> frozenset[Labels]:
        self[selector] = found = read_series(self._api, self._clock, selector)
        return found


def _explained(api: JsonApi, login: str, look: Callable[[], _T]) -> _T:
    """What `look` returns; why it cannot, as a sentence that says what to set."""
    try:
        return look()
    except FetchError as error:
        hint = f": set {login}" if error.status in {401, 403} else ""
        raise CannotLook(f"{api.name} at {api.shown} {error}{hint}") from None
