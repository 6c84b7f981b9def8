"""The identity of the server that an exporter watches, compared with the server that we check."""

import re
from dataclasses import dataclass
from typing import Final

from redis_runbook.probes.exporter.metrics import Labels
from redis_runbook.probes.server import Info, ServerFacts, integer
from redis_runbook.redact import printable

UPTIME_SLACK_S: Final = 30
"""How much two readings of the same server's uptime may differ."""

_RUN_ID: Final = re.compile(r"[0-9a-f]{40}")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_VERSION: Final = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}(?:-[a-z0-9]{1,12})?")
_UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceIdentity:
    """The server that an exporter watches, by its labels; None for a missing label.

    A run id or version that does not have Redis' format is `unreadable`: labels are hostile.
    """

    run_id: str | None
    process_id: int | None
    tcp_port: int | None
    version: str | None

    def __str__(self) -> str:
        """`run id 1a2b3c4d…, port 6379`."""
        return described(self.run_id, self.tcp_port)


def instance_identity(labels: Labels | None) -> InstanceIdentity | None:
    """Parse the labels of `redis_instance_info`; None if there is no such series."""
    if labels is None:
        return None

    def matching(name: str, pattern: re.Pattern[str]) -> str | None:
        text = labels.get(name, "")
        return (text if pattern.fullmatch(text) else _UNREADABLE) if text else None

    def number(name: str) -> int | None:
        text = labels.get(name, "")
        return int(text) if _NUMBER.fullmatch(text) else None

    return InstanceIdentity(
        run_id=matching("run_id", _RUN_ID),
        process_id=number("process_id"),
        tcp_port=number("tcp_port"),
        version=matching("redis_version", _VERSION),
    )


def described(run_id: str | None, port: int | None) -> str:
    """`run id 1a2b3c4d…, port 6379`: enough to distinguish servers, and safe to print."""
    if run_id and _RUN_ID.fullmatch(run_id):
        short_id = f"{run_id[:8]}…"
    else:
        short_id = _UNREADABLE if run_id else "unknown"
    return f"run id {short_id}, port {port or 'unknown'}"


def is_server(
    identity: InstanceIdentity | None, uptime_s: int | None, server: ServerFacts
) -> bool | None:
    """Whether the identity is this server's; None if that cannot be determined.

    The run ids are compared. If one side has none, process id, port and uptime are compared
    together: in containers every server is process 1 on port 6379.
    """
    if identity is None:
        return None
    if identity.run_id and server.run_id:
        return identity.run_id == server.run_id
    process_and_port = (identity.process_id, identity.tcp_port)
    if None in process_and_port or uptime_s is None or not server.process_id:
        return None
    return (
        process_and_port == (server.process_id, server.tcp_port)
        and abs(uptime_s - server.uptime_s) <= UPTIME_SLACK_S
    )


def identity_disagreements(identity: InstanceIdentity | None, info: Info) -> list[str]:
    """One sentence for each part of the identity that INFO contradicts."""
    if identity is None:
        return []
    # For Valkey, label and `redis_version` are the version of Redis that it is compatible with.
    pairs = {
        "version": (identity.version, info.get("redis_version")),
        "process id": (identity.process_id, integer(info, "process_id") or None),
        "port": (identity.tcp_port, integer(info, "tcp_port") or None),
    }
    return [
        f"{name}: {theirs} by the exporter, {printable(str(own), 40)} by INFO"
        for name, (theirs, own) in pairs.items()
        if theirs is not None and own is not None and theirs != own
    ]
