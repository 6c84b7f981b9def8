"""Real clusters of three masters, each on a port of 127.0.0.1."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence

from redis_runbook.wire.ports import free_port
from tests.support.requirements import installed
from tests.support.servers import REDIS, Server, wait_until

OPTIONS = (
    *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
    *("--cluster-node-timeout", "500", "--cluster-require-full-coverage", "no"),
)
MASTERS = 3


@contextlib.contextmanager
def cluster(*options: str) -> Iterator[Sequence[Server]]:
    """Three masters that know each other and serve all slots, a third each, in this order."""
    cli = installed("redis-cli")
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(MASTERS):
            nodes.append(Server(REDIS, *OPTIONS, "--cluster-port", str(free_port()), *options))
            stack.callback(nodes[-1].remove)
        subprocess.run(
            [cli, "--cluster", "create", *(f"127.0.0.1:{node.port}" for node in nodes),
             "--cluster-yes"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        wait_until(lambda: all(slots(node) == ("ok", 16_384) for node in nodes), 30)
        yield nodes


def slots(node: Server) -> tuple[str, int]:
    """The cluster's state and how many slots are served, as this node sees it."""
    raw = node.client().execute_command("CLUSTER", "INFO")
    fields = (
        raw
        if isinstance(raw, dict)
        else dict(line.split(":") for line in raw.decode().splitlines())
    )
    return str(fields["cluster_state"]), int(fields["cluster_slots_ok"])
