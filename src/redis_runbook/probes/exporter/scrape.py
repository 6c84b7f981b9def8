"""What a redis_exporter says of one server, whether it is that server, and whether it is true."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs, quote, urljoin, urlsplit

from redis_runbook.probes.exporter.identity import (
    UPTIME_SLACK_S,
    InstanceIdentity,
    described,
    identity_disagreements,
    instance_identity,
    is_server,
)
from redis_runbook.probes.exporter.metrics import Samples, read_samples
from redis_runbook.probes.probe import Look, Probe
from redis_runbook.probes.server import Info, InfoReply, ServerFacts, whole
from redis_runbook.redact import harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.http import Fetch, FetchError, FetchProblem, http_get
from redis_runbook.wire.http_url import HttpUrl, parse_http_url

_UP: Final = "redis_up"
_ERROR: Final = "redis_exporter_last_scrape_error"
_INSTANCE: Final = "redis_instance_info"
_USED: Final = "redis_memory_used_bytes"
_MAXMEMORY: Final = "redis_memory_max_bytes"
_UPTIME: Final = "redis_uptime_in_seconds"
_COMPARED: Final = (_INSTANCE, _UPTIME, _USED, _MAXMEMORY)
_WANTED: Final = frozenset({_UP, _ERROR, *_COMPARED})

_ERROR_LENGTH: Final = 120
_CANNOT_CONNECT: Final = "dial redis: unknown network redis"

_MEMORY_SLACK_BYTES: Final = 16 << 20
_MEMORY_SLACK_RATIO: Final = 0.2
_MIN_TIMEOUT_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterValues:
    """What an exporter says of its server; None where the series is missing."""

    used_memory_bytes: int | None
    maxmemory_bytes: int | None
    uptime_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterFacts:
    """What an exporter says about one service.

    `via` is the path that was asked for it. `problem` is None when it answered with metrics;
    `problem_text` is a sentence otherwise. A series that is absent, or is no finite number, is
    None; `missing` names those that should have been compared with INFO. `matches` tells whether
    it watches this very server: None when that cannot be told. `disagreements` are sentences, one
    for each value that INFO contradicts; of another server there is just that one. An exporter may
    be asked twice, as its URL says and by `/scrape?target=`: `also_asked` sums up the other answer.
    """

    url_shown: str
    via: str
    problem: FetchProblem | None = None
    problem_text: str = ""
    redis_up: float | None = None
    scrape_error: float | None = None
    scrape_error_text: str = ""
    identity: InstanceIdentity | None = None
    values: ExporterValues | None = None
    missing: Sequence[str] = ()
    matches: bool | None = None
    disagreements: Sequence[str] = ()
    also_asked: Sequence[str] = ()

    @property
    def reachable(self) -> bool:
        """Whether it answered with metrics."""
        return self.problem is None

    @property
    def summary(self) -> str:
        """`redis_up is 1 by /metrics, for another instance (run id 1a2b3c4d…, port 6380)`."""
        if self.problem:
            return self.problem_text
        if self.redis_up is None:
            return f"redis_up is missing by {self.via}"
        text = f"redis_up is {self.redis_up:g} by {self.via}"
        if self.scrape_error is None:
            text += f", and {_ERROR} is missing"
        if self.scrape_error and self.scrape_error_text:
            text += f', with the error "{self.scrape_error_text}"'
        if self.scrape_error_text == _CANNOT_CONNECT:
            text += " (which it says of every server that it cannot connect or log in to)"
        if self.matches is False:
            text += f", for another instance ({self.identity})"
        return text


def look_at_exporter(look: Look) -> ExporterFacts:
    """What the target's exporter says of the service.

    Raises:
        CannotLook: no exporter is known.
    """
    route = look.target.exporters[look.service.name]
    if route.url is None:
        raise CannotLook(route.missing)
    return observe_exporter(
        url=route.url,
        own=route.own,
        target=route.target or None,
        server=look.facts(ServerFacts),
        info=look.facts(InfoReply).fields,
        timeout_s=look.config.exporter.timeout_s,
        fetch=look.fetch,
    )


def observe_exporter(
    *,
    url: HttpUrl,
    own: bool,
    target: str | None,
    server: ServerFacts,
    info: Info,
    timeout_s: float,
    fetch: Fetch = http_get,
) -> ExporterFacts:
    """What the exporter at `url` says about this server.

    An exporter that serves several is asked as its URL says, and where that is another server or
    none, by `/scrape?target=`. Which one answered is told by identity, never by configuration.

    Args:
        url: the exporter's address; credentials in it are sent and never shown.
        own: whether the exporter serves this service alone: it is then asked in no other way.
        target: `redis[s]://host:port`, as the exporter reaches the server; credentials are
            dropped. None where it cannot.
        server: who is meant.
        info: what that server says of itself.
        timeout_s: the limit for everything together.
        fetch: how a body is got; `SharedGets` where several services share an exporter.

    Raises:
        CannotLook: INFO holds a value that is not a number.
        ValueError: `target` is not an address.
    """
    deadline = time.monotonic() + timeout_s

    def look(at: HttpUrl) -> ExporterFacts:
        try:
            body = fetch(at, timeout_s=max(_MIN_TIMEOUT_S, deadline - time.monotonic()))
            samples = read_samples(body, _WANTED, deadline=deadline)
        except FetchError as error:
            return ExporterFacts(
                url_shown=at.shown,
                via=at.resource,
                problem=error.problem,
                problem_text=f"{at.shown} {error}",
            )
        return _facts(at, samples, server, info)

    given = look(url)
    if own or target is None or not given.reachable or given.matches or _names_target(url):
        return given
    other = look(_scrape_url(url, target))
    if not other.reachable and given.redis_up is not None:
        given, other = other, given
    return replace(other, also_asked=(given.summary,))


def _names_target(address: HttpUrl) -> bool:
    return "target" in parse_qs(urlsplit(address.location).query)


def _scrape_url(address: HttpUrl, target: str) -> HttpUrl:
    endpoint = parse_endpoint(target)
    bare = f"{endpoint.scheme}://{endpoint.address}"
    location = urljoin(address.location, f"scrape?target={quote(bare, safe=':/')}")
    return replace(parse_http_url(location), credentials=address.credentials)


def _facts(at: HttpUrl, samples: Samples, server: ServerFacts, info: Info) -> ExporterFacts:
    identity = instance_identity(samples.labels(_INSTANCE))
    values = ExporterValues(
        used_memory_bytes=_whole(samples.value(_USED)),
        maxmemory_bytes=_whole(samples.value(_MAXMEMORY)),
        uptime_s=_whole(samples.value(_UPTIME)),
    )
    matches = is_server(identity, values.uptime_s, server)
    if matches is False:
        this = described(server.run_id, server.tcp_port)
        disagreements = [f"the exporter watches another instance: {identity}; this one is {this}"]
    else:
        disagreements = [*identity_disagreements(identity, info), *_about_values(values, info)]
    error = (samples.labels(_ERROR) or {}).get("err", "")
    return ExporterFacts(
        url_shown=at.shown,
        via=at.resource,
        redis_up=samples.value(_UP),
        scrape_error=samples.value(_ERROR),
        scrape_error_text=harmless(error, _ERROR_LENGTH),
        identity=identity,
        values=values,
        missing=[name for name in _COMPARED if samples.value(name) is None],
        matches=matches,
        disagreements=disagreements,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _about_values(values: ExporterValues, info: Info) -> list[str]:
    memory_slack = max(_MEMORY_SLACK_BYTES, _MEMORY_SLACK_RATIO * whole(info, "used_memory"))
    comparisons = (
        ("uptime", "s", values.uptime_s, "uptime_in_seconds", UPTIME_SLACK_S),
        ("maxmemory", "bytes", values.maxmemory_bytes, "maxmemory", 0),
        ("used memory", "bytes", values.used_memory_bytes, "used_memory", memory_slack),
    )
    return [
        f"{name}: {theirs} {unit} by the exporter, {whole(info, field)} {unit} by INFO"
        for name, unit, theirs, field, slack in comparisons
        if theirs is not None and field in info and abs(theirs - whole(info, field)) > slack
    ]


PROBES: Final = (
    Probe(
        name="exporter",
        facts=ExporterFacts,
        look=look_at_exporter,
        needs=(InfoReply, ServerFacts),
        wanted_by=("exporter",),
        lane="exporter",
    ),
)
