"""How Alertmanager makes one notification of one cause: a route, and which alert silences which."""

from typing import Any, Final

from redis_runbook.alerts.rule_file import document

_OURS: Final = 'alertname=~"Redis.+"'
_DOWN: Final = "RedisDown|RedisLoading"


def render_alertmanager() -> str:
    """A configuration of Alertmanager's; its receiver has no integration yet.

    It depends on no configuration: the rules give each alert its service and its check, and alerts
    on findings have those of the finding.
    """
    return document(
        {
            "route": {"receiver": "redis-runbook", "routes": [_ROUTE]},
            "receivers": [{"name": "redis-runbook"}],
            "inhibit_rules": _INHIBITIONS,
        }
    )


_ROUTE: Final[dict[str, Any]] = {
    "receiver": "redis-runbook",
    "matchers": [_OURS],
    "group_by": ["service"],
    "group_wait": "30s",
    "group_interval": "5m",
    "repeat_interval": "4h",
}
"""What is wrong with one service is one notification."""


def _inhibition(source: list[str], target: list[str], *equal: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"source_matchers": source, "target_matchers": target}
    return {**rule, "equal": list(equal)} if equal else rule


_INHIBITIONS: Final = [
    # A server that is down: all else about it follows.
    _inhibition([f'alertname=~"{_DOWN}"'], [_OURS, f'alertname!~"{_DOWN}"'], "service"),
    # The alert of a check tells what a run of that check found.
    _inhibition(
        [_OURS, 'alertname!~"RedisRunbook.+"'],
        ['alertname="RedisRunbookBroken"'],
        "service",
        "check",
    ),
    # These two checks only repeat what Prometheus itself alerts about.
    _inhibition(
        [_OURS, 'alertname!~"RedisRunbook.+"'],
        ['alertname="RedisRunbookBroken"', 'check="monitoring.windows"'],
        "service",
    ),
    _inhibition(
        [_OURS, 'alertname!~"RedisRunbook.+"'],
        ['alertname="RedisRunbookBroken"', 'check="monitoring.alerts"'],
    ),
    # Findings that are too old to prove something.
    _inhibition(
        ['alertname=~"RedisRunbookMissing|RedisRunbookStale"'],
        ['alertname="RedisRunbookUndetermined"'],
    ),
]
