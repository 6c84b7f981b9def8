"""Scrapes a redis_exporter for one server, and compares its answer with the server's INFO."""

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
from redis_runbook.probes.server import Info, InfoReply, ServerFacts, integer
from redis_runbook.redact import NO_TEXT, Shown, harmless
from redis_runbook.verdict import CannotLook
from redis_runbook.wire.endpoint import parse_endpoint
from redis_runbook.wire.http import Fetch, FetchError, FetchProblem, http_get
from redis_runbook.wire.http_url import HttpUrl, parse_http_url
from redis_runbook.words import counted

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
    """The values of a server by its exporter; None for a missing series."""

    used_memory_bytes: int | None
    maxmemory_bytes: int | None
    uptime_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterFacts:
    """The answer of an exporter about one service.

    `via` is the path that was requested. `problem` is None if the exporter answered with metrics;
    otherwise `problem_text` is a sentence. A series that is missing, or not finite, is None;
    `missing` has the names of the missing series that are compared with INFO. `matches` says
    whether the exporter watches this server: None if that cannot be determined. `disagreements`
    has a sentence for each value that INFO contradicts, or only one if it is another server. An
    exporter may be requested twice, by its URL and by `/scrape?target=`: `also_asked` summarises
    the answer that was not used.
    """

    url_shown: Shown
    via: str
    problem: FetchProblem | None = None
    problem_text: str = ""
    redis_up: float | None = None
    scrape_error: float | None = None
    scrape_error_text: Shown = NO_TEXT
    identity: InstanceIdentity | None = None
    values: ExporterValues | None = None
    missing: Sequence[str] = ()
    matches: bool | None = None
    disagreements: Sequence[str] = ()
    also_asked: Sequence[str] = ()

    @property
    def reachable(self) -> bool:
        """Whether the exporter answered with metrics."""
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
    """Scrape the target's exporter for the service.

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
    """Scrape the exporter at `url` for this server.

    An exporter of several services is requested by its URL first, and if that answers for another
    server or for none, by `/scrape?target=`. The labels of the answer decide which server it is
    about, never the configuration.

    Args:
        url: the exporter's address; credentials in it are sent and never shown.
        own: whether the exporter serves this service alone: `/scrape` is then not requested.
        target: `redis[s]://host:port`, as the exporter reaches the server; credentials are
            dropped. None if the exporter cannot reach it.
        server: the identity of the server.
        info: the server's INFO.
        timeout_s: the limit for all requests together.
        fetch: fetches a body; `SharedGets` if several services share an exporter.

    Raises:
        CannotLook: INFO holds a value that is not a number.
        ValueError: `target` is not an address.
    """
    deadline = time.monotonic() + timeout_s

    def scrape(at: HttpUrl) -> ExporterFacts:
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

    by_url = scrape(url)
    if own or target is None or not by_url.reachable or by_url.matches or _names_target(url):
        return by_url
    by_target = scrape(_scrape_url(url, target))
    if not by_target.reachable and by_url.redis_up is not None:
        return replace(by_url, also_asked=(by_target.summary,))
    return replace(by_target, also_asked=(by_url.summary,))


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
        used_memory_bytes=_truncated(samples.value(_USED)),
        maxmemory_bytes=_truncated(samples.value(_MAXMEMORY)),
        uptime_s=_truncated(samples.value(_UPTIME)),
    )
    matches = is_server(identity, values.uptime_s, server)
    if matches is False:
        this = described(server.run_id, server.tcp_port)
        disagreements = [f"it watches another instance: {identity}; this one is {this}"]
    else:
        disagreements = [
            *identity_disagreements(identity, info),
            *_value_disagreements(values, info),
        ]
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


def _truncated(value: float | None) -> int | None:
    return None if value is None else int(value)


def _amount(value: int, unit: str) -> str:
    return f"{value} s" if unit == "s" else counted(value, unit)


def _value_disagreements(values: ExporterValues, info: Info) -> list[str]:
    memory_slack = max(_MEMORY_SLACK_BYTES, _MEMORY_SLACK_RATIO * integer(info, "used_memory"))
    comparisons = (
        ("uptime", "s", values.uptime_s, "uptime_in_seconds", UPTIME_SLACK_S),
        ("maxmemory", "byte", values.maxmemory_bytes, "maxmemory", 0),
        ("used memory", "byte", values.used_memory_bytes, "used_memory", memory_slack),
    )
    return [
        f"{name}: {_amount(theirs, unit)} by the exporter, "
        f"{_amount(integer(info, field), unit)} by INFO"
        for name, unit, theirs, field, slack in comparisons
        if theirs is not None and field in info and abs(theirs - integer(info, field)) > slack
    ]


PROBES: Final = (
    Probe(
        name="exporter",
        facts=ExporterFacts,
        look=look_at_exporter,
        needs=(InfoReply, ServerFacts),
        wanted_by=("exporter", "incident.exporter_reconnected"),
        lane="exporter",
    ),
)
