"""The commands of a run on servers with a million keys, as the servers count them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.children import Smoke, smoke
from bench.measurement import Measurement
from bench.servers import Pair, running_pair

KEYS: Final = 1_000_000
JWT_ENTRIES: Final = 10_000
CHECKS: Final = "checks"
SAMPLES: Final = "latency samples"
JWT_SCAN: Final = "JWT scan"
QUEUE_SEARCH: Final = "search for BullMQ queues"

_REPORTED_APART: Final = frozenset({SAMPLES, JWT_SCAN, QUEUE_SEARCH})
_PURPOSES: Final[Mapping[str, Mapping[str, str]]] = {
    "queue": {"scan": QUEUE_SEARCH},
    "cache": dict.fromkeys(("dbsize", "pttl", "scan"), JWT_SCAN),
}
"""By service, commands with their own purpose; all other commands are for the checks."""

_SAMPLE_COMMAND: Final = "getrange"
_RESET_COMMAND: Final = "config|resetstat"
_NO_SUCH_PATTERN: Final = "absent:*"


@dataclass(frozen=True, slots=True)
class Cost:
    """A number of commands, and the server's time for them."""

    commands: int = 0
    server_ms: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """The sum of both."""
        return Cost(self.commands + other.commands, self.server_ms + other.server_ms)

    def share(self, commands: int) -> "Cost":
        """The cost of that many of these commands."""
        return Cost(commands, self.server_ms * commands / self.commands)


Bill = Mapping[str, Cost]
"""The cost of a run for one service, by purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The bills of a run by service; `longest_scan` is a JWT scan in which no key matches."""

    run: Smoke
    bills: Mapping[str, Bill]
    longest_scan: Cost


def measure() -> Costs:
    """Fill two servers, and run `smoke` on them twice."""
    with running_pair(jwt_entries=JWT_ENTRIES) as pair:
        for server in pair.by_name.values():
            client = server.client(socket_timeout=60)
            missing = KEYS - client.dbsize()
            client.execute_command("DEBUG", "POPULATE", missing, "key")
        run, bills = _billed(pair)
        _, without_match = _billed(pair, pattern=_NO_SUCH_PATTERN, healthy=False)
    return Costs(run=run, bills=bills, longest_scan=without_match["cache"][JWT_SCAN])


def _billed(pair: Pair, **options: Any) -> tuple[Smoke, Mapping[str, Bill]]:
    clients = {name: server.client() for name, server in pair.by_name.items()}
    for client in clients.values():
        client.ping()  # connects now, so that the bill does not include it
        client.config_resetstat()
    run = smoke(pair.env, **options)
    return run, {
        name: _bill(client.info("commandstats"), run.latency(name), _PURPOSES[name])
        for name, client in clients.items()
    }


def _bill(
    stats: Mapping[str, Any], latency: Mapping[str, Any], purposes: Mapping[str, str]
) -> Bill:
    """Split the server's command counts by purpose.

    The sampler reads strings by GETRANGE, one command for each sample. The other GETRANGE commands
    were trial reads of the keys that it chose.

    Raises:
        RuntimeError: some samples have no reply, so that the server's count differs from ours.
    """
    if latency["unanswered"]:
        raise RuntimeError("the server did not answer every latency sample")
    costs = {
        name.removeprefix("cmdstat_"): Cost(stat["calls"], stat["usec"] / 1000)
        for name, stat in stats.items()
    }
    del costs[_RESET_COMMAND]
    read = costs.pop(_SAMPLE_COMMAND)
    bill = {
        CHECKS: read.share(read.commands - latency["n"]),
        SAMPLES: read.share(latency["n"]),
    }
    for name, cost in costs.items():
        purpose = purposes.get(name, CHECKS)
        bill[purpose] = bill.get(purpose, Cost()) + cost
    return bill


def measurements(costs: Costs) -> Iterator[Measurement]:
    """Commands and server time, of the service with more of them."""
    bounded = {
        name: sum((cost for what, cost in bill.items() if what not in _REPORTED_APART), Cost())
        for name, bill in costs.bills.items()
    }
    yield Measurement(
        what=f"Commands sent to a service with {KEYS:,} keys",
        value=max(cost.commands for cost in bounded.values()),
        bound=300,
        detail=", ".join(f"{name} {cost.commands}" for name, cost in bounded.items()),
        how=(
            "what `INFO commandstats` gains in one run, without the latency samples and without "
            "the two scans, which have rows of their own below: for JWT entries, and for queues "
            "that nobody listed."
        ),
    )
    yield Measurement(
        what=f"Time that a service with {KEYS:,} keys spends on them",
        value=max(cost.server_ms for cost in bounded.values()),
        bound=10,
        unit="ms",
        digits=2,
        detail=", ".join(f"{name} {cost.server_ms:.2f} ms" for name, cost in bounded.items()),
        how="the microseconds that `INFO commandstats` gains for the same commands.",
    )
