"""`redis-runbook snapshot FILE`: what the services hold and how they are set, before a restart."""

import argparse
import datetime as dt
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Final

import redis

from redis_runbook.commands.answer import answer, complain, misused
from redis_runbook.commands.configuration import configuration
from redis_runbook.commands.files import write
from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config
from redis_runbook.config.resolve import endpoint_of
from redis_runbook.config.service import Service
from redis_runbook.judging.data_kept import Baseline
from redis_runbook.probes.connection import reach
from redis_runbook.probes.inventory import LIMIT_S, Inventory, take_inventory
from redis_runbook.redact import Shown, document, sentence
from redis_runbook.session.baseline import render
from redis_runbook.verdict import CannotLook, ExitCode
from redis_runbook.wire.background import in_background
from redis_runbook.wire.client import connected
from redis_runbook.wire.failure import why_it_failed
from redis_runbook.words import counted

_MODE: Final = 0o640


def run(options: argparse.Namespace) -> int:
    """Write the file with every service that answers; returns the exit code."""
    at = dt.datetime.now(dt.UTC)
    try:
        config = configuration(options.config, os.environ).config
        services = _services(config, os.environ, defaults=options.target == "live")
        taken = _take(services, config)
        if not taken or (len(taken) < len(services) and options.file.is_file()):
            why = "a snapshot that lacks a service replaces none" if taken else "nothing answers"
            complain(f"{options.file} was not written: {why}")
            return ExitCode.UNDETERMINED
        text = render(Baseline(at=at, services=taken))
        what = ", ".join(map(_told, taken.items()))
        written = write(options.file, text, what, mode=_MODE)
    except ConfigError as error:
        return misused(error)
    code = answer(document(written), "what was written")
    return code or (ExitCode.HEALTHY if len(taken) == len(services) else ExitCode.UNDETERMINED)


def _services(config: Config, environ: Mapping[str, str], *, defaults: bool) -> Sequence[Service]:
    """The services that are switched on; raises ConfigError where no address is known of any."""
    services = []
    for name, settings in config.services.items():
        if settings.enabled:
            endpoint, missing = endpoint_of(name, settings, environ, defaults=defaults)
            services.append(
                Service(name=name, settings=settings, endpoint=endpoint, missing=missing)
            )
    if not any(service.endpoint for service in services):
        raise ConfigError(
            [service.missing for service in services] or ["no service is switched on"]
        )
    return services


def _take(services: Sequence[Service], config: Config) -> dict[Shown, Inventory]:
    """The inventory of each service that answers, by name; of the others is said why not."""
    looks = {
        service.name: in_background(functools.partial(_look, service, config))
        for service in services
    }
    taken: dict[Shown, Inventory] = {}
    for name, look in looks.items():
        try:
            taken[sentence(name)] = look.result()
        except CannotLook as error:
            complain(f"not in the snapshot: {sentence(str(error))}")
    return taken


def _look(service: Service, config: Config) -> Inventory:
    """The inventory of one service, in bounded time; raises CannotLook where there is none."""
    if service.endpoint is None:
        raise CannotLook(f"{service.name}: {service.missing}")
    timeout_s = service.limits.connect_s
    connection = reach(service.endpoint, timeout_s=timeout_s)
    if not connection.reachable:
        raise CannotLook(f"{service.name} at {connection.address} {connection.message}")
    try:
        with (
            connected(service.endpoint, service.name, timeout_s=timeout_s) as client,
            client.time_limit(LIMIT_S),
        ):
            return take_inventory(client, service, config)
    except redis.RedisError as error:
        raise CannotLook(f"{service.name} {why_it_failed(error)}") from None


def _told(taken: tuple[Shown, Inventory]) -> str:
    """`queue (120 keys, 3 queues)`: with what is bounded said to be."""
    name, held = taken
    keys = sum(database.keys for database in held.databases)
    parts = [counted(keys, "key")]
    if held.queues or held.queues_unseen:
        number, least = len(held.queues), "at least " if held.queues_unseen else ""
        parts.append(f"{least}{counted(number, 'queue')}")
    if held.jwt:
        parts.append(
            f"{'' if held.jwt.complete else 'at least '}"
            f"{counted(held.jwt.live, 'JWT entry', 'JWT entries')}"
        )
    return f"{name} ({', '.join(parts)})"
