"""What the monitoring checks conclude, asked in this process: facts as a run gets them."""

import functools
import inspect
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from checks import test_monitoring as checks
from redis_runbook.catalogue import CATALOGUE
from redis_runbook.check import Advised, Broken, Judge, Unknown
from redis_runbook.config.load import load
from redis_runbook.probes.grafana import GrafanaFacts
from redis_runbook.probes.prometheus.rules import RulesFacts
from redis_runbook.probes.prometheus.targets import TargetsFacts
from redis_runbook.session.monitoring import Monitoring
from redis_runbook.verdict import CannotLook

Judged = dict[str, tuple[str, str]]
"""By check, and by alert for windows: the verdict and its sentence."""

_VERDICTS = {Broken: "fail", Advised: "warn", Unknown: "unknown"}


def judged(folder: Path, config: str, environ: Mapping[str, str] | None = None) -> Judged:
    """The verdicts of all checks whose watcher is configured."""
    file = folder / "judged.toml"
    file.write_text(config)
    monitoring = Monitoring(
        load(file, environ or {}, {}, CATALOGUE).config,
        environ or {},
        throwaway=False,
        wanted=list(CATALOGUE),
        deadline=time.monotonic() + 30,
    )
    monitoring.start()
    facts: dict[str, Callable[[], Any]] = {
        "scrape_targets": lambda: monitoring.facts(TargetsFacts),
        "loaded_rules": lambda: monitoring.facts(RulesFacts),
        "grafana": lambda: monitoring.facts(GrafanaFacts),
    }
    found: Judged = {}
    if "prometheus" not in monitoring.why_not:
        for name in ("targets", "rules", "alerts"):
            found[name] = _judge(getattr(checks, f"test_{name}"), facts, monitoring)
        for alert in monitoring.alerts:
            recorded = {"recorded_alert": functools.partial(monitoring.recorded, alert)}
            found[alert] = _judge(checks.test_windows, recorded, monitoring)
    if "grafana" not in monitoring.why_not:
        found["dashboards"] = _judge(checks.test_dashboards, facts, monitoring)
    return found


def _judge(
    check: Callable[..., None], facts: Mapping[str, Callable[[], Any]], monitoring: Monitoring
) -> tuple[str, str]:
    judge = Judge()
    given: dict[str, Any] = {"judge": judge, "monitoring": monitoring}
    try:
        for name in inspect.signature(check).parameters:
            if name not in given:
                given[name] = facts[name]()
        check(**{name: given[name] for name in inspect.signature(check).parameters})
    except CannotLook as error:
        return "unknown", str(error)
    except (Broken, Advised, Unknown) as outcome:
        return _VERDICTS[type(outcome)], outcome.ruling.message
    assert judge.ruling
    return "pass", judge.ruling.message
