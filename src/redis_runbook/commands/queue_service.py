"""How the commands about queues look at a service with queues: within bounds, without a write."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from redis_runbook.commands.answer import complain
from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.config.resolve import endpoint_of
from redis_runbook.probes.bullmq.discovery import Discovery, discover
from redis_runbook.probes.bullmq.queues import (
    READS_APART_S,
    ObservedQueue,
    look_again,
    look_first,
)
from redis_runbook.probes.cluster import ClusterFacts
from redis_runbook.probes.connection import reach
from redis_runbook.probes.server import read_info
from redis_runbook.redact import KNOWN, printable, sentence
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.client import Client, connected
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.failure import why_it_failed

_SCAN_S: Final = 2.0
_MARGIN_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenQueues:
    """What was found on a service, and the queues of it that were read twice, 2 s apart."""

    found: Discovery
    queues: Sequence[ObservedQueue]


def services_with_queues(config: Config, wanted: str | None) -> Sequence[str]:
    """The services that may hold queues, or the wanted one of them.

    Raises:
        ConfigError: there is none, or not that one.
    """
    names = [
        name
        for name, settings in config.services.items()
        if settings.enabled and settings.role_spec.has_queues
    ]
    if wanted in names:
        return [wanted]
    if wanted is None and names:
        return names
    problem = f"there is no queue service {printable(wanted)}" if wanted else "name the service"
    raise ConfigError([f"{problem}: --service {' or '.join(names) or '(none is configured)'}"])


def endpoints(
    config: Config, services: Sequence[str], environ: Mapping[str, str], file: Path | None
) -> Mapping[str, Endpoint | str]:
    """The address of each service, or what to set where there is none.

    As a run does, it says who is asked, by which configuration, and who gets a login.

    Raises:
        ConfigError: an address is wrong.
    """
    found: dict[str, Endpoint | str] = {}
    for name in services:
        endpoint, missing = endpoint_of(name, config.services[name], environ, defaults=False)
        found[name] = endpoint or missing
    asked = {name: one for name, one in found.items() if isinstance(one, Endpoint)}
    logins = [f"{name} at {one.address}" for name, one in asked.items() if one.has_login]
    if asked and (file or logins):
        opening = [", ".join(f"{name} at {one.address}" for name, one in asked.items())]
        if file:
            opening.append(f"configured by {printable(str(file))}")
        if logins:
            opening.append(f"logins for {', '.join(logins)}")
        complain("; ".join(opening))
    return found


def look_at(
    service: str,
    endpoint: Endpoint | str,
    config: Config,
    *,
    only: str | None = None,
    limit_s: float,
) -> SeenQueues:
    """The queues of a service, or one of them; it takes a little over 2 s, and `limit_s` at most.

    Raises:
        CannotLook: the service, or that queue, cannot be observed; its text is redacted.
    """
    if isinstance(endpoint, str):
        raise CannotLook(endpoint)
    KNOWN.shows_job_details = config.privacy.job_details
    try:
        return _look_at(service, endpoint, config, only=only, limit_s=limit_s)
    except CannotLook as error:
        raise CannotLook(sentence(str(error))) from None
    except redis.RedisError as error:
        raise CannotLook(sentence(f"{service} {why_it_failed(error)}")) from None


def _look_at(
    service: str, endpoint: Endpoint, config: Config, *, only: str | None, limit_s: float
) -> SeenQueues:
    settings = config.services[service]
    timeout_s = settings.limits.connect_s
    connection = reach(endpoint, timeout_s=timeout_s)
    if not connection.reachable:
        raise CannotLook(f"{service} at {connection.address} {connection.message}")
    with (
        connected(endpoint, service, timeout_s=timeout_s) as client,
        client.time_limit(limit_s),
    ):
        found = discover(
            client,
            prefix=settings.prefix,
            configured=config.queues_of(service) if only is None else [only],
            scan=settings.discover or only is not None,
            most=settings.max_queues,
            one_node=_other_nodes(client) if only is None else "",
            budget_s=_SCAN_S,
        )
        looked_at = found if only is None else _only(found, only, service)
        first = look_first(client, looked_at)
        if looked_at.queues:
            time.sleep(READS_APART_S + _MARGIN_S)
        queues = look_again(client, looked_at, first, window_s=settings.limits.queue_latency_for_s)
    return SeenQueues(found=found, queues=tuple(queues.by_name.values()))


def _only(found: Discovery, name: str, service: str) -> Discovery:
    for code in found.elsewhere.values():
        raise CannotLook(f"{printable(name)} is not on this node of {service} ({code})")
    if found.absent:
        meant = found.did_you_mean(name)
        raise CannotLook(f"no such queue: {printable(name)}; found: {found.titles}{meant}")
    return found.only(name)


def _other_nodes(client: Client) -> str:
    """That other nodes of a cluster may have more queues; empty where there are none."""
    try:
        is_node = read_info(client).fields.get("cluster_enabled") == "1"
    except CannotLook:
        return ClusterFacts(is_node=None).others_not_asked
    return ClusterFacts(is_node=is_node).others_not_asked
