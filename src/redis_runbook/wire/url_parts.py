"""The common parts of Redis and HTTP URLs: host, port, and no control characters."""

import ipaddress
import re
from typing import Final

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})\Z")
_ZONE: Final = re.compile(r"[\w.-]{1,64}\Z", re.ASCII)


def refuse_unprintable(url: str) -> None:
    """Refuse control characters, and bytes of an environment variable that are not UTF-8.

    Raises:
        ValueError: its text is one sentence, without the URL.
    """
    if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in url):  # noqa: PLR2004
        raise ValueError("the URL holds a control character")
    try:
        url.encode()
    except UnicodeEncodeError:
        # `from None` here and below: the original error contains the text.
        raise ValueError("the URL is not UTF-8") from None


def host_and_port(netloc: str, *, example: str) -> tuple[str, int | None]:
    """Read `host`, `host:port`, `[v6]` or `[v6]:port`.

    Args:
        netloc: the part of a URL between its credentials and its path.
        example: a URL with an IPv6 address, as it should be written.

    Returns:
        The host without brackets, and the port, or None without a port.

    Raises:
        ValueError: its text is one sentence, without the URL.
    """
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
    if separator not in {"", ":"} or (text and not is_number(text, 1, 65_535)):
        raise ValueError("the URL's port must be a number from 1 to 65535")
    return host, int(text) if text else None


def joined(host: str, port: int | None) -> str:
    """`host:port`, `[v6]:port`, or only the host if `port` is None: safe to print."""
    netloc = f"[{host}]" if ":" in host else host
    return netloc if port is None else f"{netloc}:{port}"


def is_number(text: str, low: int, high: int) -> bool:
    """Whether a text is a whole number in this range, in plain digits."""
    return text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high  # noqa: PLR2004  # digits enough
