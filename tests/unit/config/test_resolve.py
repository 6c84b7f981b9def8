"""Where URLs and secrets come from, what is said when one is missing, and what is never shown."""

import os
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import load
from redis_runbook.config.resolve import any_url_given, endpoint_of, exporter_of, secrets
from redis_runbook.config.show import describe
from redis_runbook.wire.endpoint import Endpoint
from redis_runbook.wire.http_url import parse_http_url
from tests.support.loading import config_of

SECRET = "hunter2"


def endpoint(
    text: str = "",
    environ: Mapping[str, str] | None = None,
    *,
    service: str = "queue",
    defaults: bool = False,
) -> tuple[Endpoint | None, str]:
    config = config_of(text)
    return endpoint_of(service, config.services[service], environ or {}, defaults=defaults)


def found(*given: Any, **options: Any) -> Endpoint:
    result, missing = endpoint(*given, **options)
    assert result, missing
    return result


def problems(*given: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        endpoint(*given)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.problems


# Addresses


def test_a_url_comes_from_its_variable_the_file_or_the_configuration() -> None:
    Path("url").write_text("redis://from-file:1\r\n", encoding="utf-8")
    assert found("", {"REDIS_QUEUE_URL": " redis://from-variable "}).host == "from-variable"
    assert found('[services.queue]\nurl_file = "./url"').host == "from-file"
    assert found('[services.queue]\nurl = "redis://inline"').host == "inline"


@pytest.mark.parametrize("environ", [{}, {"REDIS_CACHE_URL": ""}, {"REDIS_CACHE_URL": " "}])
def test_a_missing_url_is_said_with_what_to_set(environ: dict[str, str]) -> None:
    assert endpoint("", environ, service="cache") == (
        None,
        "no URL of cache is set: set REDIS_CACHE_URL",
    )


def test_a_service_without_any_source_of_a_url_says_what_the_ways_are() -> None:
    _, missing = endpoint('[services.sessions]\nrole = "cache"', service="sessions")
    assert missing == ("no URL of sessions is set: set services.sessions.url, url_env or url_file")


def test_the_runbooks_addresses_stand_in_only_where_asked_for() -> None:
    assert found(service="queue", defaults=True).address == "redis-queue:6379"
    assert found(service="cache", defaults=True).address == "redis-cache:6379"
    given = {"REDIS_QUEUE_URL": "redis://mine"}
    assert found("", given, service="queue", defaults=True).host == "mine"


def test_the_runbooks_addresses_are_for_its_own_services_and_variables() -> None:
    other = '[services.sessions]\nrole = "cache"\nurl_env = "REDIS_CACHE_URL"'
    assert endpoint(other, service="sessions", defaults=True)[0] is None
    assert endpoint('[services.queue]\nurl_env = "MINE"', defaults=True)[0] is None


def test_user_and_password_of_the_configuration_cover_those_of_the_url() -> None:
    Path("password").write_text(" pass word \n", encoding="utf-8")
    text = '[services.queue]\nurl = "redis://a:b@h"\nusername = "u"\npassword_file = "./password"'
    result = found(text)
    assert (result.username, result.password) == ("u", " pass word ")
    text = '[services.queue]\nurl = "redis://a:b@h"\nusername_env = "U"\npassword_env = "P"'
    result = found(text, {"U": "user", "P": SECRET})
    assert (result.username, result.password) == ("user", SECRET)


def test_a_password_that_is_asked_for_and_missing_is_not_left_out() -> None:
    text = '[services.queue]\nurl = "redis://h"\npassword_env = "P"'
    assert endpoint(text) == (None, "no password for queue is set: set P")
    text = '[services.queue]\nurl = "redis://h"\nusername_env = "U"'
    assert endpoint(text) == (None, "no user for queue is set: set U")


def test_tls_options_reach_the_endpoint() -> None:
    shutil.copyfile(certifi.where(), "ca.pem")
    text = '[services.queue]\nurl = "rediss://h"\n[services.queue.tls]\nca_file = "ca.pem"'
    tls = found(text).tls
    assert (tls.ca_file, tls.cert_file, tls.verify) == ("ca.pem", None, True)
    assert not found(f"{text}\nverify = false").tls.verify


# What is wrong with them


@pytest.mark.parametrize("url", ["redis://h", "unix:///s"])
def test_tls_options_for_a_url_without_tls_are_refused(url: str) -> None:
    text = "[services.queue.tls]\nverify = false"
    (problem,) = problems(text, {"REDIS_QUEUE_URL": url})
    assert problem == ("services.queue.tls is set, but the URL does not ask for TLS: use rediss://")


def test_everything_wrong_with_a_service_is_said_at_once() -> None:
    text = (
        '[services.queue]\nusername_file = "./nowhere"\npassword_file = "/"\n'
        '[services.queue.tls]\nca_file = "gone.pem"'
    )
    assert problems(text, {"REDIS_QUEUE_URL": f"redis://u:{SECRET}@h:x"}) == (
        "services.queue.username_file: the file does not exist",
        "services.queue.password_file: the file is a directory",
        "REDIS_QUEUE_URL: the URL's port must be a number from 1 to 65535",
        "services.queue.tls.ca_file: the file does not exist",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"redis://:hunter2@h\xff", "the file is not UTF-8 at byte 18"),
        (b"redis://:hunter2@h" * 10_000, "the file is larger than 65,536 bytes"),
        (b"redis://:hunter2@h\nredis://h", "the URL holds a control character"),
        (b"http://:hunter2@h", "the URL must start with redis://, rediss://, valkey://, "),
    ],
)
def test_a_file_without_a_url_is_a_sentence_that_does_not_quote_it(
    content: bytes, problem: str
) -> None:
    Path("hunter2").write_bytes(content)
    (only,) = problems('[services.queue]\nurl_file = "./hunter2"')
    assert only.startswith(f"services.queue.url_file: {problem}")


def test_a_pipe_that_nobody_writes_to_is_not_waited_for() -> None:
    os.mkfifo("pipe")
    (only,) = problems('[services.queue]\nurl_file = "./pipe"')
    assert only == "services.queue.url_file: the file is not a plain file"


def test_a_value_that_is_not_utf8_is_refused() -> None:
    text = '[services.queue]\nurl = "redis://h"\npassword_env = "P"'
    assert problems(text, {"P": f"{SECRET}\udcff"}) == ("P: the value is not UTF-8",)


# Exporters


def test_a_service_has_an_exporter_of_its_own_or_shares_one() -> None:
    environ = {"REDIS_EXPORTER_URL": "http://shared/metrics"}
    config = config_of('[services.queue]\nexporter_url = "http://u:p@own/metrics"')
    own = exporter_of(config, "queue", environ, defaults=False)
    assert own == (True, parse_http_url("http://u:p@own/metrics"), "")
    shared = exporter_of(config, "cache", environ, defaults=False)
    assert shared == (False, parse_http_url("http://shared/metrics"), "")


def test_an_exporter_without_a_url_says_what_to_set() -> None:
    config = config_of('[services.queue]\nexporter_url_env = "OWN_EXPORTER"')
    assert exporter_of(config, "queue", {}, defaults=True) == (
        True,
        None,
        "no exporter URL of queue is set: set OWN_EXPORTER",
    )
    assert exporter_of(config, "cache", {}, defaults=False) == (
        False,
        None,
        "no exporter URL is set: set REDIS_EXPORTER_URL",
    )
    _, url, _ = exporter_of(config, "cache", {}, defaults=True)
    assert url == parse_http_url("http://redis-exporter:9121/metrics")


def test_a_wrong_exporter_url_is_refused_unless_it_is_switched_off() -> None:
    environ = {"REDIS_EXPORTER_URL": f"redis://:{SECRET}@h"}
    with pytest.raises(ConfigError) as caught:
        exporter_of(config_of(), "cache", environ, defaults=False)
    assert caught.value.problems == (
        "REDIS_EXPORTER_URL: the URL must start with http:// or https://",
    )
    off = config_of("[exporter]\nenabled = false")
    _, url, missing = exporter_of(off, "cache", environ, defaults=False)
    assert (url, missing) == (None, "the exporter is switched off: [exporter] enabled = false")


@pytest.mark.parametrize("url", ["http://h/a@b", "http://[fe80::1%25eth0]:9121"])
def test_a_url_that_no_run_can_ask_is_refused_by_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match=r"exporter\.url: the URL"):
        config_of(f'[exporter]\nurl = "{url}"')
    with pytest.raises(ConfigError, match="REDIS_EXPORTER_URL: the URL"):
        exporter_of(config_of(), "cache", {"REDIS_EXPORTER_URL": url}, defaults=False)


# Whether anything is live


@pytest.mark.parametrize(
    ("text", "environ", "given"),
    [
        ("", {}, False),
        ("", {"REDIS_QUEUE_URL": "", "REDIS_CACHE_URL": " "}, False),
        ("", {"REDIS_CACHE_URL": "redis://h"}, True),
        ("", {"REDIS_EXPORTER_URL": "http://h"}, True),
        ('[services.queue]\nurl_env = "OTHER"', {"REDIS_QUEUE_URL": "redis://h"}, False),
        ('[services.queue]\nurl = "redis://h"', {}, True),
        ('[services.queue]\nurl = "redis://h"\nenabled = false', {}, False),
        ('[services.queue]\nurl_file = "/nowhere"', {}, True),
        ('[services.queue]\nexporter_url = "http://h"', {}, True),
        ('[exporter]\nurl = "http://h"\nenabled = false', {}, False),
        ('[services.queue]\npassword = "x"', {}, False),
    ],
)
def test_a_url_from_anywhere_counts_unless_it_is_empty_or_off(
    text: str,
    environ: dict[str, str],
    given: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    assert any_url_given(config_of(text), environ) is given


# Secrets


def test_every_secret_that_the_configuration_leads_to_is_known() -> None:
    Path("password").write_text("from-file\n", encoding="utf-8")
    Path("url").write_text("redis://u:from-url-file@h\n", encoding="utf-8")
    text = """
        [services.queue]
        password = "inline"
        exporter_url = "http://u:queue-exporter@h/x?target=redis://:nested@h&token=option&a=b"
        [services.cache]
        password_file = "./password"
        [services.one]
        role = "cache"
        url_file = "./url"
        password_env = "PASSWORD"
        [services.two]
        role = "cache"
        url = "redis://lone-word@h"
        [services.three]
        role = "cache"
        url = "redis://default@h"
    """
    environ = {
        "REDIS_QUEUE_URL": "redis://user:p%40ss@h:not-a-port",
        "REDIS_CACHE_URL": "redis://user:sla/sh@h",
        "REDIS_EXPORTER_URL": "http://u:shared-exporter@h",
        "PASSWORD": "from-variable",
    }
    known = secrets(config_of(text), environ)
    assert known >= {
        "inline",
        "queue-exporter",
        "nested",
        "option",
        "from-file",
        "from-url-file",
        "from-variable",
        "lone-word",
        "p%40ss",
        "p@ss",
        "sla/sh",
        "shared-exporter",
    }
    assert not known & {"", "u", "user", "h", "b", "default"}


def test_a_user_name_with_a_password_beside_it_is_no_secret() -> None:
    text = '[services.queue]\nurl = "redis://worker@h"\npassword_env = "P"'
    assert secrets(config_of(text), {"P": SECRET}) == {SECRET}


def test_a_file_that_is_gone_has_no_secret_and_no_traceback() -> None:
    assert secrets(config_of('[services.queue]\nurl_file = "/nowhere"'), {}) == set()


# What is shown


def test_the_configuration_in_effect_is_shown_as_toml_with_origins() -> None:
    Path("runbook.toml").write_text('[services.queue]\nqueues = ["bundle:render"]')
    environ = {"REDIS_RUNBOOK_SERVICES__QUEUE__LIMITS__MEMORY_RATIO": "0.7"}
    shown = describe(load(None, environ, {"deadline_s": "1m"}), environ)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "deadline_s = 60.0 # option" in lines
    assert 'queues = ["bundle:render"] # file runbook.toml' in lines
    variable = "REDIS_RUNBOOK_SERVICES__QUEUE__LIMITS__MEMORY_RATIO"
    assert f"memory_ratio = 0.7 # environment {variable}" in lines
    table = tomllib.loads(shown)
    assert table["services"]["queue"]["limits"]["memory_ratio"] == 0.7
    headers = [line for line in shown.splitlines() if line.startswith("[")]
    assert headers == sorted(headers, key=lambda line: line.strip("[]").split("."))


def test_what_is_shown_can_be_loaded_again() -> None:
    text = '[checks."memory.evictions"]\nlevel = "off"\n[services.queue]\nprefix = "é\\"\\\\"'
    Path("runbook.toml").write_text(text, encoding="utf-8")
    first = load(None, {}, {})
    Path("shown.toml").write_text(describe(first, {}), encoding="utf-8")
    assert load(Path("shown.toml"), {}, {}).config == first.config


def test_urls_are_shown_without_credentials_and_passwords_not_at_all() -> None:
    text = f"""
        [services.queue]
        url = "rediss://user:{SECRET}@h:1/2"
        password = "{SECRET}"
        exporter_url = "https://u:{SECRET}@h:9121/scrape?token={SECRET}"
        [services.cache]
        password_env = "REDIS_PASSWORD"
        [services.sock]
        role = "cache"
        url = "unix://:{SECRET}@/run/redis.sock"
    """
    Path("runbook.toml").write_text(text, encoding="utf-8")
    environ = {
        "REDIS_CACHE_URL": f"redis://{SECRET}@[::1]",
        "REDIS_EXPORTER_URL": f"redis://u:{SECRET}@h",
        "REDIS_PASSWORD": SECRET,
    }
    shown = " ".join(describe(load(None, environ, {}), environ).split())
    assert SECRET not in shown
    for part in (
        'url = "rediss://***@h:1/2" #',
        'password = "***" #',
        'exporter_url = "https://h:9121/scrape" #',
        'url_env = "REDIS_CACHE_URL" # default; redis://***@[::1]:6379/0',
        'password_env = "REDIS_PASSWORD" # file runbook.toml; set',
        'url = "unix://***@/run/redis.sock?db=0" #',
        'url_env = "REDIS_EXPORTER_URL" # default; not usable: the URL must start with http://',
    ):
        assert part in shown


def test_a_variable_that_is_not_set_is_shown_as_such() -> None:
    shown = " ".join(describe(load(None, {}, {}), {"REDIS_QUEUE_URL": ""}).split())
    assert 'url_env = "REDIS_QUEUE_URL" # default; not set' in shown
