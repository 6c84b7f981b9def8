"""The address of a Redis service: a parsed, validated URL that never prints its password."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote

from redis_runbook.wire.url_parts import host_and_port, is_number, joined, refuse_unprintable

DEFAULT_PORT: Final = 6379
_SCHEMES: Final[Mapping[str, str]] = {
    "redis": "redis",
    "valkey": "redis",
    "rediss": "rediss",
    "valkeys": "rediss",
    "unix": "unix",
}
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
    def has_login(self) -> bool:
        """Whether the server gets a user name or a password."""
        return bool(self.username or self.password)

    @property
    def address(self) -> str:
        """`host:port`, `[v6]:port` or the socket's path: safe to print."""
        if self.scheme == "unix":
            return self.path
        return joined(self.host, self.port)


def parse_endpoint(url: str) -> Endpoint:
    """Parse `redis[s]://`, `valkey[s]://` or `unix://`; user, password and database are optional.

    Stricter than redis-py, which ignores a database that is not a number. A password may hold any
    character: `/`, `?`, `#` and `@` too, percent-encoded or not; the last `@` ends it.

    Raises:
        ValueError: its text is one sentence about the problem, without the credentials.
    """
    refuse_unprintable(url)
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
    host, port = host_and_port(netloc, example="redis://[::1]:6379")
    return Endpoint(
        scheme="rediss" if scheme == "rediss" else "redis",
        host=host,
        port=port or DEFAULT_PORT,
        database=_database([*databases, *filter(None, [path.strip("/")])]),
        username=username,
        password=password,
    )


def _decoded(text: str, what: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        # `from None`: the original error contains the text.
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


def _database(given: list[str]) -> int:
    if len(given) > 1:
        raise ValueError("the URL names a database twice: in the path and in ?db=")
    if given and not is_number(given[0], 0, _MAX_DATABASE):
        raise ValueError("the URL's database must be a number: redis://host:6379/0")
    return int(given[0]) if given else 0
