"""Why a check cannot run: what it needs is switched off, not configured, or not there."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

from redis_runbook.catalogue import CheckSpec, Level, Need
from redis_runbook.redact import sentence
from redis_runbook.session.run import Run

if TYPE_CHECKING:
    from redis_runbook.session.saved import Saved


def reason_not_to_run(spec: CheckSpec, run: Run) -> str:
    """Why a check cannot run; empty if everything that it needs is there."""
    if run.level(spec) is Level.OFF:
        return f'switched off: [checks."{spec.id}"] level = "off"'
    return next(filter(None, (MISSING[need](run) for need in spec.needs)), "")


def _no_login(run: Run) -> str:
    login = run.config.jwt_cache.login
    if not login.enabled:
        return "switched off: [jwt_cache.login] enabled = false"
    if run.saved:
        return _then("login", run.saved)
    if not login.configured:
        return "no login is configured: [jwt_cache.login] run or url"
    if login.run or run.target is None or run.target.kind != "live" or run.target.login_url:
        return ""
    return login.source("url", "jwt_cache.login").missing("URL of the login")


def _then(need: Need, saved: "Saved") -> str:
    """Why it was missing in the run that left the evidence."""
    return saved.run.missing.get(sentence(need), "the evidence has nothing about it")


def _missing_api(name: Literal["prometheus", "grafana"]) -> Callable[[Run], str]:
    def missing(run: Run) -> str:
        if run.saved:
            section = getattr(run.config, name)
            off = "" if section.enabled else f"switched off: [{name}] enabled = false"
            return off or _then(name, run.saved)
        route = run.target.apis.get(name) if run.target else None
        return route.missing if route else ""

    return missing


def _missing_containers(run: Run) -> str:
    if not run.config.containers:
        return "no container is configured: [containers.NAME]"
    if run.target and run.target.kind != "live":
        return "none of the configured containers runs throwaway servers"
    return ""


NEEDS_OF_ITS_OWN: Final[tuple[Need, ...]] = ("prometheus", "grafana", "login")
"""The needs that depend on what a run has beside its configuration: URLs and logins."""

MISSING: Final[Mapping[Need, Callable[[Run], str]]] = {
    "writable": lambda run: (
        "a read-only run writes and publishes nothing" if run.config.read_only else ""
    ),
    "jwt_cache": lambda run: (
        "" if run.config.jwt_cache.enabled else "switched off: [jwt_cache] enabled = false"
    ),
    "exporter": lambda run: (
        "" if run.config.exporter.enabled else "switched off: [exporter] enabled = false"
    ),
    "scraped": lambda run: (
        "the embedded target has no exporter"
        if run.target and run.target.kind == "embedded"
        else ""
    ),
    "alerts": lambda run: (
        "" if run.implied.stated else "the configuration implies no alert of the runbook"
    ),
    "containers": _missing_containers,
    "prometheus": _missing_api("prometheus"),
    "grafana": _missing_api("grafana"),
    "commands": lambda run: (
        "" if run.config.commands else "no command is configured: [commands.NAME] run"
    ),
    "login": _no_login,
    "baseline": lambda run: (
        "" if run.baseline else "no --baseline is given: `redis-runbook snapshot FILE` makes one"
    ),
    "live": lambda run: (
        "not run beside throwaway servers: it is about live ones"
        if run.target and run.target.kind != "live"
        else ""
    ),
    "acting": lambda run: (
        "not run by a read-only run: it may write" if run.config.read_only else ""
    ),
}
"""For each need of a check, a function that says why it is not met; empty if it is."""
