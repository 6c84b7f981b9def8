"""HTTP URLs: what is requested, and which parts may be printed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from redis_runbook.redact import Shown, harmless, sentence
from redis_runbook.wire.url_parts import host_and_port, joined, refuse_unprintable

_EXAMPLE: Final = "http://[::1]:9121/metrics"
_MAX_RESOURCE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpUrl:
    """A URL, split into what is requested and what may be printed.

    `origin` is `http://host:port`. `resource` is the path, with the host and port of a `target`
    parameter; other parameters are hidden. Both may be printed. `location` is the URL to request,
    without credentials.
    """

    origin: str
    resource: str
    location: str = field(repr=False)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def below(self, path: str, parameters: Mapping[str, str]) -> "HttpUrl":
        """The URL of a path below this URL; its parameters are sent and not printed."""
        scheme, netloc, base, *_ = urlsplit(self.location)
        full_path = f"{base.rstrip('/')}/{path}"
        return replace(
            self,
            resource=harmless(full_path, _MAX_RESOURCE),
            location=urlunsplit((scheme, netloc, full_path, urlencode(parameters), "")),
        )

    def logged_in(
        self,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        ca_file: str | None = None,
    ) -> "HttpUrl":
        """The same URL with these credentials, which override those in the URL."""
        user, secret = self.credentials or ("", "")
        basic = (username or user, password or secret)
        return replace(
            self,
            token=token,
            credentials=basic if any(basic) and not token else None,
            ca_file=ca_file,
        )

    @property
    def shown(self) -> Shown:
        """The parts of the URL that may be printed."""
        return sentence(self.origin + self.resource)


def parse_http_url(url: str) -> HttpUrl:
    """Parse `http[s]://[user:password@]host[:port][/path][?query]`.

    Both the configuration's validation and the requests use this function.

    Raises:
        ValueError: its text is one sentence about the problem, without the URL.
    """
    refuse_unprintable(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        raise ValueError("the URL must start with http:// or https://")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path, _, query = rest.removeprefix(authority).partition("?")
    userinfo, at, netloc = authority.rpartition("@")
    if not rest.isascii() or set(" #") & set(rest) or set("[]@") & set(userinfo):
        raise ValueError("the URL holds a character that must be percent-encoded")
    host, port = host_and_port(netloc, example=_EXAMPLE)
    if "%" in host:
        raise ValueError("the URL's IPv6 address may name no zone")
    if any("@" in text for text in (path, *_parameters_except_target(query))):
        # A password with a raw slash would end the host, and the rest of it would be printed.
        raise ValueError(
            "the URL holds an @ outside its credentials: percent-encode / ? and # in them"
        )
    origin = f"{scheme.lower()}://{joined(host, port)}"
    user, _, password = userinfo.partition(":")
    return HttpUrl(
        origin=origin,
        resource=harmless((path or "/") + _printable_query(query), _MAX_RESOURCE),
        location=f"{origin}{path or '/'}{query and f'?{query}'}",
        credentials=(unquote(user), unquote(password)) if at else None,
    )


def _parameters_except_target(query: str) -> list[str]:
    """The parameters except `target`, which is a URL and may have credentials of its own."""
    return [text for text in query.split("&") if not text.startswith("target=")]


def _printable_query(query: str) -> str:
    shown: list[str] = []
    for key, value in parse_qsl(query, keep_blank_values=True):
        scheme, separator, rest = value.rpartition("://")
        address = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
        shown.append(f"target={scheme}{separator}{address}" if key == "target" else "…")
    return "?" + "&".join(shown) if shown else ""
