"""URLs of servers and exporters: strict, and silent about credentials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_runbook.wire.endpoint import Endpoint, parse_endpoint
from redis_runbook.wire.http_url import parse_http_url

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "address", "database"),
    [
        ("redis://h", "h:6379", 0),
        ("redis://h:6380/3", "h:6380", 3),
        ("redis://h/3/", "h:6379", 3),
        ("redis://h?db=4", "h:6379", 4),
        ("REDIS://redis-queue.internal.:1", "redis-queue.internal.:1", 0),
        ("  redis://h  ", "h:6379", 0),
        ("redis://[::1]", "[::1]:6379", 0),
        ("redis://[::1]:7000/2", "[::1]:7000", 2),
        ("redis://[fe80::1%25eth0]:7000", "[fe80::1%eth0]:7000", 0),
        ("unix:///run/redis.sock", "/run/redis.sock", 0),
        ("unix:///run/redis@1.sock?db=5", "/run/redis@1.sock", 5),
        ("unix:///run/a@/b.sock", "/run/a@/b.sock", 0),
        ("unix:///run/a%20b.sock", "/run/a b.sock", 0),
    ],
)
def test_an_address_is_read_as_written(url: str, address: str, database: int) -> None:
    endpoint = parse_endpoint(url)
    assert (endpoint.address, endpoint.database) == (address, database)
    assert (endpoint.username, endpoint.password) == (None, None)


@pytest.mark.parametrize(
    ("scheme", "meant"),
    [("redis", "redis"), ("valkey", "redis"), ("rediss", "rediss"), ("valkeys", "rediss")],
)
def test_valkeys_schemes_are_redis_ones(scheme: str, meant: str) -> None:
    assert parse_endpoint(f"{scheme}://h").scheme == meant


@pytest.mark.parametrize(
    ("userinfo", "username", "password"),
    [
        ("user:hunter2", "user", "hunter2"),
        (":hunter2", None, "hunter2"),
        ("user", "user", None),
        (":", None, None),
        ("", None, None),
        ("user:p@ss/w?r#d", "user", "p@ss/w?r#d"),
        ("user:p%40ss%2Fw%3Ar%25d", "user", "p@ss/w:r%d"),
        ("user:a:b", "user", "a:b"),
        ("user:100%", "user", "100%"),
        ("us%C3%A9r:pässwörd", "usér", "pässwörd"),
    ],
)
@pytest.mark.parametrize("location", ["h:7000/1", "[::1]", "/run/redis.sock"])
def test_a_password_may_hold_any_character(
    location: str, userinfo: str, username: str | None, password: str | None
) -> None:
    scheme = "unix" if location.startswith("/") else "redis"
    endpoint = parse_endpoint(f"{scheme}://{userinfo}@{location}")
    assert (endpoint.username, endpoint.password) == (username, password)
    assert endpoint.address in {"h:7000", "[::1]:6379", "/run/redis.sock"}


@pytest.mark.parametrize(
    ("location", "complaint"),
    [
        ("h:port", "port"),
        ("h:0", "port"),
        ("h:65536", "port"),
        ("h:" + "9" * 5000, "port"),
        ("h:٣", "port"),
        ("[::1]7000", "port"),
        ("h/zero", "database"),
        ("h/-1", "database"),
        ("h/" + "9" * 5000, "database"),
        ("h?db=", "database"),
        ("h/0?db=0", "twice"),
        ("h?db=0&db=1", "twice"),
        ("h?timeout=1", "option"),
        ("h?timeout", "option"),
        ("h/0#1", "option"),
        ("", "host"),
        (":6379", "host"),
        ("-h", "host"),
        ("h h", "host"),
        ("h℀", "host"),
        ("::1:6379", "brackets"),
        ("[::1", "IPv6"),
        ("[hunter2]", "IPv6"),
        ("[::1%e th]", "IPv6"),
        ("h\n", "control character"),
        ("h\x9b", "control character"),
        ("h\udcff", "UTF-8"),
    ],
)
def test_a_wrong_url_is_refused_without_its_credentials(location: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_endpoint(f"redis://user:{SECRET}@{location}")
    assert SECRET not in str(caught.value)
    assert "user:" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "h:6379", "http://h", "redis:/h", "redis+sentinel://h", f":{SECRET}@h"]
)
def test_an_unknown_scheme_is_refused_with_the_known_ones(url: str) -> None:
    with pytest.raises(ValueError, match="must start with redis://") as caught:
        parse_endpoint(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("unix://run/redis.sock", "absolute path"),
        ("unix://", "absolute path"),
        ("unix:///run/%1b[31m.sock", "control character"),
        ("redis://user:%ff@h", "password is not UTF-8"),
        ("redis://%ff@h", "user name is not UTF-8"),
    ],
)
def test_what_decodes_to_nothing_usable_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_endpoint(url)


def test_an_endpoint_prints_without_its_credentials() -> None:
    shown = repr(parse_endpoint(f"redis://{SECRET}-user:{SECRET}@h"))
    assert SECRET not in shown
    assert "host='h'" in shown


@given(st.text())
def test_any_text_is_an_endpoint_or_one_sentence(text: str) -> None:
    for url in (text, f"redis://{text}", f"redis://:{SECRET}@{text}", f"unix://{text}"):
        outcome: Endpoint | ValueError
        try:
            outcome = parse_endpoint(url)
        except ValueError as error:
            outcome = error
        # No subclass: a UnicodeDecodeError would hold the text.
        assert type(outcome) in {Endpoint, ValueError}
        assert SECRET not in f"{outcome!r}"


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "https://h:9121/metrics",
        "HTTP://[::1]:9121/scrape?target=redis://h:6379",
        "http://user:hunter2@h/metrics",
        "http://user:p%40ss@h/a%40b",
        "http://h/scrape?a=b&target=redis://:hunter2@h:6379",
    ],
)
def test_an_http_url_is_asked_as_it_is_written(url: str) -> None:
    scheme, _, rest = url.partition("://")
    asked = rest.removeprefix("user:hunter2@").removeprefix("user:p%40ss@")
    parsed = parse_http_url(url)
    assert parsed.location == f"{scheme.lower()}://{asked}{'' if '/' in asked else '/'}"
    assert SECRET not in parsed.shown


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://:hunter2@h", "http://"),
        ("h:9121/hunter2", "http://"),
        ("http://", "host"),
        ("http://:hunter2@", "host"),
        ("http://user:hunter2@h:port", "port"),
        ("http://user:hunt/er2@h", "port"),
        ("http://user:hunter2@[::1", "IPv6"),
        ("http://user:hunter2℀@h", "percent-encoded"),
        ("http://user:[hunter2]@h", "percent-encoded"),
        ("http://user:hunter2@x@h", "percent-encoded"),
        ("http://h/hunter2@x", "an @ outside its credentials"),
        ("http://h/hunter2#x", "percent-encoded"),
        ("http://h/hunter2 x", "percent-encoded"),
        ("http://h/hunter2\r\nX: y", "control character"),
    ],
)
def test_a_wrong_http_url_is_refused_without_being_quoted(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_http_url(url)
    assert SECRET not in str(caught.value)
