"""Loses packets in the network of one container, by iptables in another that shares it.

Only that network has the rule, which ends with the container at the latest. By iptables, as netem
is missing in the kernels of some machines.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

from redis_runbook.drills.error import CannotDrillError
from redis_runbook.redact import harmless
from redis_runbook.targets.container import Containers
from redis_runbook.targets.images import PATIENT, ensure_image

_LIMIT_S: Final = 10
_MOST_PER_S: Final = 50
_BURST: Final = 30
"""Who asks a few things gets through; what measures latency sends 200 packets a second."""


@contextlib.contextmanager
def losing_packets(
    containers: Containers, container: str, *, image: str, port: int
) -> Iterator[None]:
    """What a connection to this port of a container sends too fast is lost while the block lasts.

    Clouds limit packets per second in this way. With random loss it would be chance who notices it:
    a connection that waits for one answer at a time loses a fifth of a second with each packet, and
    twice as much if that is lost again; one that sends many packets hardly any time.

    Raises:
        CannotDrillError: iptables does not do so here.
        TargetError: its image cannot be pulled or started.
    """
    name = ensure_image(containers.api, image, PATIENT)
    rule = [
        *("INPUT", "--protocol", "tcp", "--destination-port", str(port)),
        *("--match", "hashlimit", "--hashlimit-name", "redis-runbook"),
        *("--hashlimit-mode", "srcport", "--hashlimit-above", f"{_MOST_PER_S}/second"),
        *("--hashlimit-burst", str(_BURST), "--jump", "DROP"),
    ]
    _iptables(containers, container, name, ["--append", *rule])
    yield
    _iptables(containers, container, name, ["--delete", *rule])


def _iptables(containers: Containers, container: str, image: str, arguments: Sequence[str]) -> None:
    api = containers.api

    def run() -> tuple[int, bytes]:
        made = api.create_container(
            image,
            entrypoint=["iptables"],
            command=["--wait", *arguments],
            labels=containers.labels,
            host_config=api.create_host_config(
                network_mode=f"container:{container}", cap_add=["NET_ADMIN"]
            ),
        )
        api.start(made)
        code = api.wait(made, timeout=_LIMIT_S)["StatusCode"]
        said = api.logs(made, tail=1)
        api.remove_container(made)
        return code, said

    code, said = containers.submit(run).result()
    if code != 0:
        raise CannotDrillError(f"iptables fails: {harmless(said.decode(errors='replace'))}")
