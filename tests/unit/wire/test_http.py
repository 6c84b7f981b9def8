"""URLs of HTTP servers: what is refused, and what is shown of them."""

import pytest

from redis_runbook.wire.http import (
    FetchProblem,
    parse_http_url,
)
from tests.support.exporter_facts import PASSWORD, observe


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"ftp://user:{PASSWORD}@host/metrics", "is not http://host:port/path"),
        (f"http://user:{PASSWORD}@", "is not http://host:port/path"),
        (f"http://user:{PASSWORD}/x@host:9121/metrics", "has no valid host and port"),
        (f"http://user:12/{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://user:12?{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://user:12#{PASSWORD}@host:9121/metrics", "holds an @ outside its credentials"),
        (f"http://host:9121/{PASSWORD}\n", "holds a space or a control character"),
        (f"http://host:99999/{PASSWORD}", "has no valid host and port"),
        ("http://ho\\st/metrics", "is not http://host:port/path"),
        ("", "is not http://host:port/path"),
    ],
)
def test_a_bad_url_is_a_problem_that_does_not_quote_it(url: str, reason: str) -> None:
    facts = observe(url)
    assert facts.problem is FetchProblem.URL
    assert facts.summary.startswith(f"the exporter's URL {reason}")
    assert facts.url_shown == "(no valid URL)"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:9121/metrics", "http://h:9121/metrics"),
        ("https://[::1]:9121", "https://[::1]:9121/"),
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
