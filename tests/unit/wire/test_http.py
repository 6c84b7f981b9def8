"""URLs of HTTP servers: what is refused, and what is shown of them."""

import pytest

from redis_runbook.wire.http_url import parse_http_url
from tests.support.exporter_facts import PASSWORD


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"ftp://user:{PASSWORD}@host/metrics", "must start with http"),
        (f"http://user:{PASSWORD}@", "has no valid host name"),
        (f"http://user:{PASSWORD}/x@host:9121/metrics", "port must be a number"),
        (f"http://user:12/{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://user:12?{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://user:12?target=x&{PASSWORD}@host/m", "holds an @ outside its credentials"),
        (f"http://user:12#{PASSWORD}@host:9121/metrics", "must be percent-encoded"),
        (f"http://host:9121/{PASSWORD}\n", "holds a control character"),
        (f"http://host:99999/{PASSWORD}", "port must be a number"),
        ("http://ho\\st/metrics", "has no valid host name"),
        ("http://[fe80::1%25eth0]:9121/metrics", "may name no zone"),
        ("", "must start with http"),
    ],
)
def test_a_bad_url_is_refused_without_being_quoted(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_http_url(url)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:9121/metrics", "http://h:9121/metrics"),
        ("https://[::1]:9121", "https://[::1]:9121/"),
        ("HTTP://h/a%40b", "http://h/a%40b"),
        (f"http://u:{PASSWORD}@h/m", "http://h/m"),
        (f"http://h/m?key={PASSWORD}", "http://h/m?…"),
        (
            f"http://h/scrape?target=redis%3A%2F%2Fu%3A{PASSWORD}%40r%3A1%2F0&a=b",
            "http://h/scrape?target=redis://r:1&…",
        ),
        (f"http://h/scrape?target=u:{PASSWORD}@r:1", "http://h/scrape?target=r:1"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    parsed = parse_http_url(url)
    assert parsed.shown == shown
    assert PASSWORD not in repr(parsed)
