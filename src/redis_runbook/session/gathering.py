"""Gathers evidence of the services about which a finding is broken or undetermined."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Final

import redis

from redis_runbook.config.service import Service
from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.containers.log_tails import log_tails
from redis_runbook.probes.evidence import Gathered, gather
from redis_runbook.redact import Shown, sentence
from redis_runbook.session.run import Run
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.background import in_background
from redis_runbook.wire.client import connected
from redis_runbook.wire.failure import why_it_failed

NOT_GATHERED: Final = sentence("not gathered")
_NO_LOGS: Final = sentence("logs of containers")
_LIMIT_S: Final = 3.0
_SHORTEST_S: Final = 0.05


def gather_evidence(run: Run) -> Mapping[Shown, Gathered]:
    """Evidence by service, each asked once, all at the same time.

    It takes at most 3 s, and nothing after the run's deadline.
    """
    if run.observation:
        run.observation.stop()
    limit_s = min(_LIMIT_S, run.deadline_s - run.elapsed_s)
    until = time.monotonic() + limit_s
    looks = {
        sentence(service.name): (
            in_background(partial(_gather, service, run, limit_s)),
            in_background(partial(_log_tails, service, run, limit_s)),
        )
        for service in _affected(run)
    }
    return {
        name: {
            **_result(asked, name, NOT_GATHERED, until, limit_s),
            **_result(logs, name, _NO_LOGS, until, limit_s),
        }
        for name, (asked, logs) in looks.items()
    }


def _result(
    look: Future[Gathered], service: Shown, missing: Shown, until: float, limit_s: float
) -> Gathered:
    """What was gathered; or in its place, called `missing`, why it was not."""
    try:
        return look.result(max(0.0, until - time.monotonic()))
    except TimeoutError:
        why = f"{service} gave no complete answer within {max(0, limit_s):.1f} s"
    except CannotLook as error:
        why = str(error)
    except redis.RedisError as error:
        why = f"{service} {why_it_failed(error)}"
    except Exception as error:  # noqa: BLE001  # the run's own result must not be lost for it
        why = f"gathering failed ({type(error).__name__})"
    return {missing: (sentence(why),)}


def _affected(run: Run) -> Iterator[Service]:
    names = {
        finding.service
        for finding in run.findings.values()
        if finding.is_broken or finding.is_undetermined
    }
    return (service for service in run.services if service.name in names)


def _gather(service: Service, run: Run, limit_s: float) -> Gathered:
    connection = run.known(service.name, ConnectionFacts)
    if service.endpoint is None or connection is None:
        raise CannotLook(service.missing or f"{service.name} was not reached in time")
    if not connection.reachable:
        raise CannotLook(f"{service.name} is not reachable ({connection.message})")
    if limit_s < _SHORTEST_S:
        raise CannotLook("the run's deadline had passed")
    timeout_s = min(service.limits.connect_s, limit_s)
    with (
        connected(service.endpoint, service.name, timeout_s=timeout_s) as client,
        client.time_limit(limit_s),
    ):
        return gather(client)


def _log_tails(service: Service, run: Run, limit_s: float) -> Gathered:
    """What the service's containers have logged last, if any is configured."""
    if not run.config.containers:
        return {}
    if limit_s < _SHORTEST_S:
        raise CannotLook("the run's deadline had passed")
    return log_tails(run.config, service.name, limit_s)
