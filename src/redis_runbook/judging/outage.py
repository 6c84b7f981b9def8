"""Whether every service is down at once, which has a scenario of its own in the runbook."""

from collections.abc import Collection, Sequence
from typing import Final

from redis_runbook.probes.connection import ConnectionFacts, Problem

_DOWN: Final = frozenset(
    {
        *(Problem.DNS, Problem.REFUSED, Problem.UNREACHABLE),
        *(Problem.TIMED_OUT, Problem.CLOSED, Problem.ERROR),
    }
)
"""What a server that does not run looks like; the name of a container that is gone is not known."""

SCENARIO_C: Final[Sequence[str]] = (
    "all services are down, which is Scenario C: look at what they share, as host and network",
    "`docker compose restart SERVICES`, all in one command",
    "`docker compose logs EXPORTER`: does the exporter reconnect?",
    "`redis-runbook smoke --wait 120` tells when they and the workers are back",
    "run the smoke test: `pnpm --filter cli run bundle:launch --dry-run`",
    "watch Grafana until latency is what it was",
)
"""What to do then, in the runbook's order."""


def everything_is_down(connections: Collection[ConnectionFacts]) -> bool:
    """Whether there are several services, and none of them runs as far as can be seen."""
    return len(connections) > 1 and all(one.problem in _DOWN for one in connections)
