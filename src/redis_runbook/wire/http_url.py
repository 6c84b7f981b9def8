"""The URL of something that is asked over HTTP: what may be asked, and what may be shown of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from redis_runbook.redact import harmless
from redis_runbook.wire.url_parts import host_and_port, joined, refuse_unprintable

_EXAMPLE: Final = "http://[::1]:9121/metrics"
_LONGEST_RESOURCE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpUrl:
    """A URL, taken apart into what is asked for and what may be shown.

    `origin` is `http://host:port`; `resource` is the path with the host and port of a `target`
    parameter, all others hidden.
    """

    origin: str
    resource: str
    location: str = field(repr=False)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def below(self, path: str, parameters: Mapping[str, str]) -> "HttpUrl":
        """What is asked for below this URL; its parameters are sent and not shown."""
        scheme, netloc, base, *_ = urlsplit(self.location)
        whole = f"{base.rstrip('/')}/{path}"
        return replace(
            self,
            resource=harmless(whole, _LONGEST_RESOURCE),
            location=urlunsplit((scheme, netloc, whole, urlencode(parameters), "")),
        )

    def logged_in(
        self,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        ca_file: str | None = None,
    ) -> "HttpUrl":
        """The same URL, asked with these; they cover what is in it."""
        user, secret = self.credentials or ("", "")
        basic = (username or user, password or secret)
        return replace(
            self,
            token=token,
            credentials=basic if any(basic) and not token else None,
            ca_file=ca_file,
        )

    @property
    def shown(self) -> str:
        """What may be printed."""
        return self.origin + self.resource


def parse_http_url(url: str) -> HttpUrl:
    """Parse `http[s]://[user:password@]host[:port][/path][?query]`.

    What the configuration accepts and what a run asks for is decided here, once.

    Raises:
        ValueError: with one sentence that names what is wrong and never quotes the URL.
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
    if any("@" in text for text in (path, *_but_the_target(query))):
        # A password with a raw slash in it would end the host, and its rest would be shown.
        raise ValueError(
            "the URL holds an @ outside its credentials: percent-encode / ? and # in them"
        )
    origin = f"{scheme.lower()}://{joined(host, port)}"
    user, _, password = userinfo.partition(":")
    return HttpUrl(
        origin=origin,
        resource=harmless((path or "/") + _shown_query(query), _LONGEST_RESOURCE),
        location=f"{origin}{path or '/'}{query and f'?{query}'}",
        credentials=(unquote(user), unquote(password)) if at else None,
    )


def _but_the_target(query: str) -> list[str]:
    """The parameters but for `target`, which is a URL of its own and may have credentials."""
    return [one for one in query.split("&") if not one.startswith("target=")]


def _shown_query(query: str) -> str:
    shown: list[str] = []
    for key, value in parse_qsl(query, keep_blank_values=True):
        scheme, separator, rest = value.rpartition("://")
        address = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
        shown.append(f"target={scheme}{separator}{address}" if key == "target" else "…")
    return "?" + "&".join(shown) if shown else ""
