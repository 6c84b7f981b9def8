"""Where a Redis service is: a parsed, validated URL that never prints its password."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote

DEFAULT_PORT: Final = 6379
_SCHEMES: Final[Mapping[str, str]] = {
    "redis": "redis",
    "valkey": "redis",
    "rediss": "rediss",
    "valkeys": "rediss",
    "unix": "unix",
}
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})\Z")
_ZONE: Final = re.compile(r"[\w.-]{1,64}\Z", re.ASCII)
_MAX_DATABASE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS options of one service; paths are PEM files."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One Redis server's address and credentials.

    `scheme` is `redis`, `rediss` or `unix`; `host` and `port` are meaningless for `unix`, and
    `path` for the others.
    """

    scheme: Literal["redis", "rediss", "unix"]
    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""
    database: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()

    @property
    def address(self) -> str:
        """`host:port`, `[v6]:port` or the socket's path: safe to print."""
        if self.scheme == "unix":
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_endpoint(url: str) -> Endpoint:
    """Parse `redis[s]://`, `valkey[s]://` or `unix://`; user, password and database are optional.

    Stricter than redis-py, which ignores a database that is not a number. A password may hold any
    character: `/`, `?`, `#` and `@` too, percent-encoded or not, as long as the last `@` ends it.

    Raises:
        ValueError: with one sentence that names what is wrong and never quotes the credentials.
    """
    _refuse_unprintable(url)
    raw_scheme, separator, rest = url.strip().partition("://")
    scheme = _SCHEMES.get(raw_scheme.lower())
    if not separator or scheme is None:
        raise ValueError(
            "the URL must start with redis://, rediss://, valkey://, valkeys:// or unix://"
        )
    if scheme == "unix":
        # A path may hold an @ of its own: credentials end where an absolute path begins.
        userinfo, at, path = ("", "", rest) if rest.startswith("/") else rest.rpartition("@/")
        location = f"/{path}" if at else rest
    else:
        userinfo, at, location = rest.rpartition("@")
    username, password = _credentials(userinfo)
    location, fragment, _ = location.partition("#")
    location, _, query = location.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    if fragment or any(key != "db" for key, _ in options):
        raise ValueError("the URL may carry no option but ?db=N; set others in the configuration")
    databases = [value for _, value in options]
    if scheme == "unix":
        return Endpoint(
            scheme="unix",
            path=_socket_path(location),
            database=_database(databases),
            username=username,
            password=password,
        )
    netloc, _, path = location.partition("/")
    host, port = _host_and_port(netloc, example="redis://[::1]:6379")
    return Endpoint(
        scheme="rediss" if scheme == "rediss" else "redis",
        host=host,
        port=port or DEFAULT_PORT,
        database=_database([*databases, *filter(None, [path.strip("/")])]),
        username=username,
        password=password,
    )


def validate_http_url(url: str) -> str:
    """Refuse what is not an `http://` or `https://` URL with a host; credentials are allowed.

    Returns the URL.

    Raises:
        ValueError: with one sentence that names what is wrong and never quotes the URL.
    """
    _refuse_unprintable(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        raise ValueError("the URL must start with http:// or https://")
    userinfo, _, netloc = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")
    if not rest.isascii() or set(" #") & set(rest) or set("[]@") & set(userinfo):
        raise ValueError("the URL holds a character that must be percent-encoded")
    _host_and_port(netloc, example="http://[::1]:9121/metrics")
    return url


def _refuse_unprintable(url: str) -> None:
    """Refuse control characters, and what an environment that is not UTF-8 leaves in a text."""
    if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in url):  # noqa: PLR2004
        raise ValueError("the URL holds a control character")
    try:
        url.encode()
    except UnicodeEncodeError:
        # `from None` here and below: the error that is replaced holds the text.
        raise ValueError("the URL is not UTF-8") from None


def _decoded(text: str, what: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"the URL's {what} is not UTF-8 once it is percent-decoded") from None


def _credentials(userinfo: str) -> tuple[str | None, str | None]:
    user, _, password = userinfo.partition(":")
    return _decoded(user, "user name") or None, _decoded(password, "password") or None


def _socket_path(location: str) -> str:
    path = _decoded(location, "path")
    if not path.startswith("/"):
        raise ValueError("a unix:// URL needs an absolute path: unix:///run/redis.sock")
    if not path.isprintable():
        raise ValueError("the URL's path holds a control character")
    return path


def _host_and_port(netloc: str, *, example: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]` or `[v6]:port`; the port is None where none is given."""
    if netloc.startswith("["):
        host, bracket, rest = netloc[1:].partition("]")
        host = host.replace("%25", "%")
        address, percent, zone = host.partition("%")
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            bracket = ""
        if not bracket or (percent and not _ZONE.match(zone)):
            raise ValueError(f"the URL's IPv6 address is not one: write {example}")
        separator, text = rest[:1], rest[1:]
    else:
        host, separator, text = netloc.partition(":")
        if netloc.count(":") > 1:
            raise ValueError(f"an IPv6 address needs brackets: {example}")
        if not _HOSTNAME.match(host):
            raise ValueError("the URL has no valid host name")
    if separator not in {"", ":"} or (text and not _is_number(text, 1, 65_535)):
        raise ValueError("the URL's port must be a number from 1 to 65535")
    return host, int(text) if text else None


def _is_number(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high  # noqa: PLR2004  # digits enough


def _database(given: list[str]) -> int:
    if len(given) > 1:
        raise ValueError("the URL names a database twice: in the path and in ?db=")
    if given and not _is_number(given[0], 0, _MAX_DATABASE):
        raise ValueError("the URL's database must be a number: redis://host:6379/0")
    return int(given[0]) if given else 0
