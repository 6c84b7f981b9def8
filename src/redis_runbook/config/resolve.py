"""Where configured URLs and secrets really come from: inline, an environment variable or a file."""

import contextlib
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from redis_runbook.config.error import ConfigError
from redis_runbook.config.model import Config, Exporter, Grafana, Prometheus, ServiceSettings, Tls
from redis_runbook.wire import endpoint as endpoints
from redis_runbook.wire.endpoint import Endpoint, parse_endpoint
from redis_runbook.wire.files import read_text
from redis_runbook.wire.http_url import HttpUrl, parse_http_url
from redis_runbook.wire.json import Access

_DEFAULT_URLS: Final[Mapping[tuple[str, str], str]] = {
    ("services.queue", "REDIS_QUEUE_URL"): "redis://redis-queue:6379",
    ("services.cache", "REDIS_CACHE_URL"): "redis://redis-cache:6379",
    ("exporter", "REDIS_EXPORTER_URL"): "http://redis-exporter:9121/metrics",
}
_URL_KEYS: Final = ("url", "exporter_url")
_SECRET_KEYS: Final = ("password", "token")
_MAX_FILE_BYTES: Final = 65_536
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_SECRET_OPTION: Final = re.compile(r"(?i)token|key|secret|pass|auth")
_T = TypeVar("_T")


class _Given(NamedTuple):
    """A value, and where it is from: a key, or a variable, which may be the one to set.

    Both are None where the configuration asks for nothing.
    """

    value: str | None = None
    origin: str | None = None

    def parsed(self, parse: Callable[[str], _T]) -> _T | None:
        """What `parse` makes of the value; None where there is none.

        Raises:
            ConfigError: `parse` refused it.
        """
        if self.value is None:
            return None
        try:
            return parse(self.value.strip())
        except ValueError as error:
            raise ConfigError([f"{self.origin}: {error}"]) from None

    def missing(self, what: str, where: str, key: str) -> str:
        """The sentence that says what to set."""
        ways = f"{where}.{key}, {key}_env or {key}_file"
        return f"no {what} is set: set {self.origin or ways}"


def endpoint_of(
    name: str, settings: ServiceSettings, environ: Mapping[str, str], *, defaults: bool
) -> tuple[Endpoint | None, str]:
    """The address of a service, or None and the sentence that says what to set.

    `defaults` lets the runbook's own addresses stand in for variables that are not set.

    Raises:
        ConfigError: something is set and wrong; it holds every such problem of this service.
    """
    where = f"services.{name}"
    problems: list[str] = []

    def attempt(ask: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return ask()
        except ConfigError as error:
            problems.extend(error.problems)
            return otherwise

    def given(key: str) -> _Given:
        return attempt(lambda: _given(settings, where, key, environ, defaults=defaults), _Given())

    url, username, password = given("url"), given("username"), given("password")
    endpoint = attempt(lambda: url.parsed(parse_endpoint), None)
    problems += _tls_problems(settings.tls, where, endpoint)
    if problems:
        raise ConfigError(problems)
    if endpoint is None:
        return None, url.missing(f"URL of {name}", where, "url")
    for what, key, one in (("user", "username", username), ("password", "password", password)):
        if one.value is None and one.origin:
            # Without it we could only report a server that does its duty as broken.
            return None, one.missing(f"{what} for {name}", where, key)
    return (
        replace(
            endpoint,
            username=username.value or endpoint.username,
            password=password.value or endpoint.password,
            tls=endpoints.Tls(**settings.tls.model_dump()),
        ),
        "",
    )


def exporter_of(
    config: Config, service: str, environ: Mapping[str, str], *, defaults: bool
) -> tuple[bool, HttpUrl | None, str]:
    """The exporter of a service: whether it is the service's own, and its URL or what to set.

    Raises:
        ConfigError: its URL is set and wrong.
    """
    if not config.exporter.enabled:
        return False, None, "the exporter is switched off: [exporter] enabled = false"
    settings, where = config.services[service], f"services.{service}"
    if own := _asked_for(settings, "exporter_url"):
        url = _given(settings, where, "exporter_url", environ, defaults=defaults)
        missing = url.missing(f"exporter URL of {service}", where, "exporter_url")
    else:
        url = _given(config.exporter, "exporter", "url", environ, defaults=defaults)
        missing = url.missing("exporter URL", "exporter", "url")
    checked = url.parsed(parse_http_url)
    return own, checked, "" if checked else missing


def access_of(
    section: Prometheus | Grafana, where: str, environ: Mapping[str, str]
) -> tuple[Access | None, str]:
    """How to ask Prometheus or Grafana, or None and why it is not asked.

    A token or password that is asked for and not there is no reason: whoever wants it says so.

    Raises:
        ConfigError: something is set and wrong.
    """
    if not section.enabled:
        return None, f"switched off: [{where}] enabled = false"
    given = {
        key: _given(section, where, key, environ, defaults=False)
        for key in ("url", "token", "username", "password")
    }
    url = given["url"].parsed(parse_http_url)
    if url is None:
        return None, given["url"].missing("URL", where, "url")
    if urlsplit(url.location).query:
        raise ConfigError([f"{given['url'].origin}: the URL of an API has no query"])
    token = (given["token"].value or "").strip()
    if token and not _TOKEN.fullmatch(token):
        raise ConfigError([f"{given['token'].origin}: the token holds more than plain characters"])
    if (file := section.ca_file) and (wrong := _file_problem(file) or _ca_problem(file)):
        raise ConfigError([f"{where}.ca_file: {wrong}"])
    return (
        Access(
            url=url,
            token=token or None,
            username=given["username"].value,
            password=given["password"].value,
            ca_file=section.ca_file,
        ),
        "",
    )


def any_url_given(config: Config, environ: Mapping[str, str]) -> bool:
    """Whether the user named any server or exporter; an empty variable and what is off do not.

    Prometheus and Grafana are no reason to look for servers where none is named.
    """
    for section, _ in _servers(config):
        for key in _URL_KEYS:
            variable = getattr(section, f"{key}_env", None)
            given = environ.get(variable, "").strip() if variable else _asked_for(section, key)
            if given and section.enabled:
                return True
    return False


def secrets(config: Config, environ: Mapping[str, str]) -> set[str]:
    """Every secret text that the configuration leads to, for redaction.

    Passwords, as they stand in a URL and decoded; a user name where it stands alone, as it is
    then likely a password without its colon; options of a URL that are called token or the like.
    """
    found: set[str] = set()
    for section, where in _sections(config):
        for key in (*_URL_KEYS, *_SECRET_KEYS):
            with contextlib.suppress(ConfigError):  # told when the value is used
                if value := _given(section, where, key, environ, defaults=False).value:
                    lone_user = not _asked_for(section, "password")
                    urls = _url_secrets(value, lone_user=lone_user)
                    found |= {value, value.strip()} if key in _SECRET_KEYS else {*urls}
    return found - {""}


def _sections(
    config: Config,
) -> Iterator[tuple[ServiceSettings | Exporter | Prometheus | Grafana, str]]:
    """What has URLs, and what its table is called."""
    yield from _servers(config)
    yield config.prometheus, "prometheus"
    yield config.grafana, "grafana"


def _servers(config: Config) -> Iterator[tuple[ServiceSettings | Exporter, str]]:
    for name, settings in config.services.items():
        yield settings, f"services.{name}"
    yield config.exporter, "exporter"


def _asked_for(section: BaseModel, key: str) -> bool:
    return any(getattr(section, f"{key}{form}", None) for form in ("", "_env", "_file"))


def _given(
    section: BaseModel, where: str, key: str, environ: Mapping[str, str], *, defaults: bool
) -> _Given:
    """What `key`, `key_env` or `key_file` of a section amounts to.

    Raises:
        ConfigError: the file that is named has no such value.
    """
    inline = getattr(section, key, None)
    if inline is not None:
        value = inline.get_secret_value() if isinstance(inline, SecretStr) else str(inline)
        return _Given(value, f"{where}.{key}")
    if file := getattr(section, f"{key}_file", None):
        origin = f"{where}.{key}_file"
        try:
            value = read_text(Path(file), max_bytes=_MAX_FILE_BYTES).rstrip("\r\n")
        except ValueError as error:
            raise ConfigError([f"{origin}: the file {error}"]) from None
        if not value.strip():
            raise ConfigError([f"{origin}: the file is empty"])
        return _Given(value, origin)
    if variable := getattr(section, f"{key}_env", None):
        fallback = _DEFAULT_URLS.get((where, variable)) if defaults else None
        value = environ.get(variable, "")
        if not value.isascii() and any("\udc80" <= char <= "\udcff" for char in value):
            raise ConfigError([f"{variable}: the value is not UTF-8"])
        return _Given(value if value.strip() else fallback, variable)
    return _Given()


def _tls_problems(  # one line a problem
    tls: Tls, where: str, endpoint: Endpoint | None
) -> Iterator[str]:
    if tls == Tls():
        return
    if endpoint and endpoint.scheme != "rediss":
        yield f"{where}.tls is set, but the URL does not ask for TLS: use rediss://"
    for key in ("ca_file", "cert_file", "key_file"):
        if (file := getattr(tls, key)) and (wrong := _file_problem(file)):
            yield f"{where}.tls.{key}: {wrong}"
            return
    yield from _pem_problems(tls, where)


def _file_problem(file: str) -> str:
    """Why a PEM file cannot be used; empty where it can be read."""
    try:
        read_text(Path(file), max_bytes=16 * _MAX_FILE_BYTES)
    except ValueError as error:
        return f"the file {error}"
    return ""


def _pem_problems(tls: Tls, where: str) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file and (wrong := _ca_problem(tls.ca_file)):
        yield f"{where}.tls.ca_file: {wrong}"
    if tls.key_file and not tls.cert_file:
        yield f"{where}.tls.key_file: needs a cert_file beside it"
    if tls.cert_file:
        try:
            # Without this passphrase OpenSSL would ask the terminal for one, and wait.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except OSError:
            yield (
                f"{where}.tls.cert_file: it and key_file are not a PEM certificate and its key, "
                "or the key is encrypted"
            )


def _ca_problem(file: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError:
        return "the file holds no PEM certificate"
    return ""


def _url_secrets(url: str, *, lone_user: bool) -> Iterator[str]:
    """Works on URLs that do not parse as well: those get into messages soonest."""
    rest = url.partition("://")[2] or url
    # Credentials end at the last @ of a Redis URL, and before the path of an HTTP one.
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
