"""Resolves the configuration to addresses and logins of servers, exporters and APIs."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from redis_runbook.config.commands import JwtLogin
from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config, ServiceSettings
from redis_runbook.config.monitoring import Exporter, Grafana, Prometheus
from redis_runbook.config.notify import url_secrets
from redis_runbook.config.sources import Source
from redis_runbook.config.tls import ca_problem, tls_problems
from redis_runbook.redact import environment_secrets
from redis_runbook.wire import endpoint as endpoints
from redis_runbook.wire.endpoint import Endpoint, parse_endpoint
from redis_runbook.wire.http_url import HttpUrl, parse_http_url
from redis_runbook.wire.json import Access

_DEFAULT_URLS: Final[Mapping[tuple[str, str | None], str]] = {
    ("services.queue.url", "REDIS_QUEUE_URL"): "redis://redis-queue:6379",
    ("services.cache.url", "REDIS_CACHE_URL"): "redis://redis-cache:6379",
    ("exporter.url", "REDIS_EXPORTER_URL"): "http://redis-exporter:9121/metrics",
}
_URLS: Final = ("url", "exporter_url")
_SECRETS: Final = ("password", "token")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_SECRET_OPTION: Final = re.compile(r"(?i)token|key|secret|pass|auth")
_T = TypeVar("_T")


def endpoint_of(
    name: str, settings: ServiceSettings, environ: Mapping[str, str], *, defaults: bool
) -> tuple[Endpoint | None, str]:
    """The address of a service, or None and the sentence that says what to set.

    `defaults`: use the runbook's addresses for variables that are not set.

    Raises:
        ConfigError: a setting is wrong; it has every such problem of this service.
    """
    where = f"services.{name}"
    problems: list[str] = []

    def attempt(ask: Callable[[], _T]) -> _T | None:
        try:
            return ask()
        except ValueError as error:
            problems.append(str(error))
            return None

    user, secret = settings.source("username", where), settings.source("password", where)
    username = attempt(lambda: user.read(environ))
    password = attempt(lambda: secret.read(environ))
    url = settings.source("url", where)
    fallback = _fallback(url, defaults=defaults)
    endpoint = attempt(lambda: url.parsed(parse_endpoint, environ, fallback=fallback))
    problems += tls_problems(settings.tls, where, endpoint)
    if problems:
        raise ConfigError(problems)
    if endpoint is None:
        return None, url.missing(f"URL of {name}")
    for what, source, value in (("user", user, username), ("password", secret, password)):
        if source.wanted and value is None:
            # Without it the server would refuse the login, and be reported as broken.
            return None, source.missing(f"{what} for {name}")
    return (
        replace(
            endpoint,
            username=username or endpoint.username,
            password=password or endpoint.password,
            tls=endpoints.Tls(**settings.tls.model_dump()),
        ),
        "",
    )


def exporter_of(
    config: Config, service: str, environ: Mapping[str, str], *, defaults: bool
) -> tuple[bool, HttpUrl | None, str]:
    """The exporter of a service: whether it is the service's own, its URL, and what to set.

    Raises:
        ConfigError: its URL is wrong.
    """
    if not config.exporter.enabled:
        return False, None, "the exporter is switched off: [exporter] enabled = false"
    url, what = config.services[service].source("exporter_url", f"services.{service}"), ""
    if own := url.wanted:
        what = f" of {service}"
    else:
        url = config.exporter.source("url", "exporter")
    fallback = _fallback(url, defaults=defaults)
    with _as_config_error():
        parsed = url.parsed(parse_http_url, environ, fallback=fallback)
    return own, parsed, "" if parsed else url.missing(f"exporter URL{what}")


def access_of(
    section: Prometheus | Grafana, where: str, environ: Mapping[str, str]
) -> tuple[Access | None, str]:
    """The URL and login of Prometheus or Grafana, or None and why there is none.

    A variable for the token or password that is not set is no problem here: an API that needs the
    login will refuse the request.

    Raises:
        ConfigError: a setting is wrong.
    """
    if not section.enabled:
        return None, f"switched off: [{where}] enabled = false"
    source = {
        name: section.source(name, where) for name in ("url", "token", "username", "password")
    }
    with _as_config_error():
        login = {name: source[name].read(environ) for name in ("token", "username", "password")}
        url = source["url"].parsed(parse_http_url, environ)
        if url is None:
            return None, source["url"].missing("URL")
        if urlsplit(url.location).query:
            raise ValueError(f"{source['url'].origin}: the URL of an API has no query")
        login["token"] = (login["token"] or "").strip() or None
        if login["token"] and not _TOKEN.fullmatch(login["token"]):
            raise ValueError(
                f"{source['token'].origin}: the token holds more than plain characters"
            )
        if (file := section.ca_file) and (wrong := ca_problem(file)):
            raise ValueError(f"{where}.ca_file: {wrong}")
    return Access(url=url, **login, ca_file=section.ca_file), ""


def login_url_of(config: Config, environ: Mapping[str, str]) -> HttpUrl | None:
    """The URL of the login that fills the JWT cache; None if there is none.

    Raises:
        ConfigError: it is wrong.
    """
    login = config.jwt_cache.login
    if not (config.jwt_cache.enabled and login.enabled):
        return None
    with _as_config_error():
        return login.source("url", "jwt_cache.login").parsed(parse_http_url, environ)


@contextlib.contextmanager
def _as_config_error() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ConfigError([str(error)]) from None


def _fallback(url: Source, *, defaults: bool) -> str | None:
    return _DEFAULT_URLS.get((url.key, url.variable)) if defaults else None


def any_url_given(config: Config, environ: Mapping[str, str]) -> bool:
    """Whether the user gave the URL of any enabled service or exporter.

    An empty variable does not count, nor do the URLs of Prometheus and Grafana.
    """
    return any(
        section.enabled and section.source(name, where).given(environ)
        for section, where in _servers(config)
        for name in _URLS
    )


def secrets(config: Config, environ: Mapping[str, str]) -> set[str]:
    """Every secret in the configuration and its variables and files, for redaction.

    These are tokens; passwords, as in the URL and decoded; a user name without a password, as it
    may be a password without its colon; URL options with names such as token; what programs get in
    variables with such names; and the URLs of notifications.
    """
    found: set[str] = set()
    for section, where in _sections(config):
        lone_user = not section.source("password", where).wanted
        for name in _URLS:
            url = _readable(section.source(name, where), environ)
            found |= {*_url_secrets(url, lone_user=lone_user)}
        for name in _SECRETS:
            secret = _readable(section.source(name, where), environ)
            found |= {secret, secret.strip()}
    for program in (*config.commands.values(), config.jwt_cache.login):
        handed = {name: value.get_secret_value() for name, value in program.env.items()}
        found |= environment_secrets(handed)
    for number, entry in enumerate(config.notify, start=1):
        found |= {*url_secrets(_readable(entry.address(number), environ).strip())}
    return found - {""}


def _readable(source: Source, environ: Mapping[str, str]) -> str:
    """The value; empty if it is not given or cannot be read, which is reported at its use."""
    try:
        return source.read(environ) or ""
    except ValueError:
        return ""


def _sections(
    config: Config,
) -> Iterator[tuple[ServiceSettings | Exporter | Prometheus | Grafana | JwtLogin, str]]:
    """The tables with URLs, and their names."""
    yield from _servers(config)
    yield config.jwt_cache.login, "jwt_cache.login"
    yield config.prometheus, "prometheus"
    yield config.grafana, "grafana"


def _servers(config: Config) -> Iterator[tuple[ServiceSettings | Exporter, str]]:
    for name, settings in config.services.items():
        yield settings, f"services.{name}"
    yield config.exporter, "exporter"


def _url_secrets(url: str, *, lone_user: bool) -> Iterator[str]:
    """The secrets in a URL, which need not be valid: invalid URLs are likely to be printed."""
    rest = url.partition("://")[2] or url
    # Credentials end at the last @ of a Redis URL, and before the path of an HTTP URL.
    for part in ("" if rest.startswith("/") else rest, re.split("[/?#]", rest, maxsplit=1)[0]):
        username, colon, password = part.rpartition("@")[0].partition(":")
        secret = password if colon else username
        if colon or (lone_user and username != "default"):
            yield from (secret, unquote(secret))
    for key, value in parse_qsl(url.partition("?")[2]):
        if "://" in value:
            yield from _url_secrets(value, lone_user=lone_user)
        elif _SECRET_OPTION.search(key):
            yield from (value, unquote(value))
