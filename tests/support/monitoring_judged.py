"""What the monitoring checks conclude, asked in this process: facts as a run gets them."""

import inspect
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from checks import test_monitoring as checks
from redis_runbook.alerts.implied import implied_alerts
from redis_runbook.alerts.probes import RecordedAlerts
from redis_runbook.check import Advised, Broken, Held, Judge, NotApplicable, Outcome, Unknown
from redis_runbook.config.load import load
from redis_runbook.probes.grafana import GrafanaFacts
from redis_runbook.probes.prometheus.rules import RulesFacts
from redis_runbook.probes.prometheus.targets import TargetsFacts
from redis_runbook.session.lane import Scene
from redis_runbook.session.observation import Observation
from redis_runbook.targets.apis import find_apis
from redis_runbook.targets.target import Target
from redis_runbook.verdict import CannotLook

Judged = dict[str, tuple[str, str]]
"""By check, and by alert for windows: the verdict and its sentence."""

_VERDICTS = {
    Held: "pass",
    Broken: "fail",
    Advised: "warn",
    Unknown: "unknown",
    NotApplicable: "not_applicable",
}


def judged(folder: Path, config: str, environ: Mapping[str, str] | None = None) -> Judged:
    """The verdicts of all checks whose watcher is configured."""
    file = folder / "judged.toml"
    file.write_text(config)
    loaded = load(file, environ or {}, {})
    implied = implied_alerts(loaded.config)
    apis = find_apis(loaded.config, environ or {}, throwaway=False)
    observation = Observation(
        Scene(
            profile="smoke",
            config=loaded.config,
            target=Target(kind="live", services=(), exporters={}, apis=apis),
            deadline=time.monotonic() + 30,
        ),
        loaded.plugins.probes.values(),
        wants=lambda probe, _: probe.about == "monitoring",
        windows_s={},
    )
    observation.start()
    facts: dict[str, Callable[[], Any]] = {
        "scrape_targets": lambda: observation.facts(None, TargetsFacts),
        "loaded_rules": lambda: observation.facts(None, RulesFacts),
        "grafana": lambda: observation.facts(None, GrafanaFacts),
        "implied": lambda: implied,
    }
    found: Judged = {}
    if apis["prometheus"].access:
        for name in ("targets", "rules", "alerts"):
            found[name] = _judge(getattr(checks, f"test_{name}"), facts)
        for alert in implied.stated:
            found[alert] = _judge(checks.test_windows, {"recorded_alert": _of(observation, alert)})
    if apis["grafana"].access:
        found["dashboards"] = _judge(checks.test_dashboards, facts)
    return found


def _of(observation: Observation, alert: str) -> Callable[[], Any]:
    return lambda: observation.facts(None, RecordedAlerts).of(alert)


def _judge(check: Callable[..., None], facts: Mapping[str, Callable[[], Any]]) -> tuple[str, str]:
    given: dict[str, Any] = {"judge": Judge()}
    try:
        for name in inspect.signature(check).parameters:
            if name not in given:
                given[name] = facts[name]()
        check(**given)
    except CannotLook as error:
        return "unknown", str(error)
    except Outcome as outcome:
        return _VERDICTS[type(outcome)], outcome.ruling.message
    raise AssertionError("the check ended without a ruling")
