"""Publishes a message and waits for its delivery."""

import secrets
import time
from dataclasses import dataclass
from typing import Final

import redis

from redis_runbook.probes.connection import ConnectionFacts
from redis_runbook.probes.probe import Probe
from redis_runbook.probes.refusal import no_answer, refusal
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class PubsubFacts:
    """One message from us to us; `delivered_ms` is None when it did not arrive in time.

    `refusal` says why it was not even sent, and is empty where it was.
    """

    delivered_ms: float | None
    waited_s: float
    refusal: str = ""


def send_message(endpoint: Endpoint, service: str, *, timeout_s: float) -> PubsubFacts:
    """Subscribe to a private channel on one connection, publish on another, and wait.

    Raises:
        CannotLook: the user may not subscribe or publish.
        redis.exceptions.RedisError: a connection could not be opened.
    """
    channel = f"redis-runbook:pubsub:{secrets.token_hex(8)}".encode()
    token = secrets.token_hex(8).encode()
    with (
        connected(endpoint, service, timeout_s=timeout_s) as subscriber,
        connected(endpoint, service, timeout_s=timeout_s) as publisher,
        subscriber.time_limit(2 * timeout_s),
    ):
        subscriber.ask("SUBSCRIBE", channel)
        started = time.monotonic()
        try:
            publisher.ask("PUBLISH", channel, token)
        except redis.TimeoutError:
            why = no_answer("PUBLISH", timeout_s)
            return PubsubFacts(delivered_ms=None, waited_s=timeout_s, refusal=why)
        except redis.ResponseError as error:
            return PubsubFacts(delivered_ms=None, waited_s=timeout_s, refusal=refusal(error))
        delivered_ms = None
        while (left_s := started + timeout_s - time.monotonic()) > 0:
            try:
                message = subscriber.read(left_s)
            except redis.TimeoutError:
                break
            if message == [b"message", channel, token]:
                delivered_ms = (time.monotonic() - started) * 1000
                break
        return PubsubFacts(delivered_ms=delivered_ms, waited_s=timeout_s)


PROBES: Final = (
    Probe(
        name="pubsub",
        facts=PubsubFacts,
        look=lambda look: send_message(
            look.endpoint, look.service.name, timeout_s=look.service.limits.write_s
        ),
        needs=(ConnectionFacts,),
        wanted_by=("connectivity.pubsub",),
        lane="pubsub",
    ),
)
