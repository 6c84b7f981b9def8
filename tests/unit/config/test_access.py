"""How Prometheus and Grafana are named and logged in to."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from redis_runbook.config.error import ConfigError
from redis_runbook.config.resolve import access_of, any_url_given, secrets
from redis_runbook.wire.http_url import parse_http_url
from redis_runbook.wire.json import Access
from tests.support.loading import config_of

SECRET = "hunter2hunter2"


def prometheus(
    text: str = "", environ: Mapping[str, str] | None = None
) -> tuple[Access | None, str]:
    return access_of(config_of(text).prometheus, "prometheus", environ or {})


def test_without_a_url_nothing_is_asked_and_it_says_what_to_set() -> None:
    assert prometheus() == (None, "no URL is set: set PROMETHEUS_URL")
    assert access_of(config_of().grafana, "grafana", {}) == (
        None,
        "no URL is set: set GRAFANA_URL",
    )
    off = "[prometheus]\nenabled = false"
    assert prometheus(off, {"PROMETHEUS_URL": "http://p"}) == (
        None,
        "switched off: [prometheus] enabled = false",
    )


def test_url_and_login_come_from_variables_files_and_the_configuration() -> None:
    Path("token").write_text(f" {SECRET}\n", encoding="utf-8")
    by_file = '[prometheus]\nurl = "http://p:9090/x"\ntoken_file = "./token"'
    assert prometheus(by_file)[0] == Access(url=parse_http_url("http://p:9090/x"), token=SECRET)
    by_variable = '[prometheus]\nusername = "me"\npassword_env = "PASS"'
    environ = {"PROMETHEUS_URL": "http://p", "PASS": SECRET}
    assert prometheus(by_variable, environ)[0] == Access(
        url=parse_http_url("http://p"), username="me", password=SECRET
    )
    environ = {"GRAFANA_URL": "https://g", "GRAFANA_TOKEN": SECRET}
    assert access_of(config_of().grafana, "grafana", environ)[0] == Access(
        url=parse_http_url("https://g"), token=SECRET
    )


def test_a_login_is_in_no_representation_and_known_for_redaction() -> None:
    Path("token").write_text(f" {SECRET}\n", encoding="utf-8")
    text = f'[prometheus]\nurl = "http://u:{SECRET}1@p"\ntoken = "{SECRET}2"\n[grafana]\n'
    text += 'token_file = "./token"'
    config = config_of(text)
    assert SECRET not in f"{config!r} {config}"
    assert SECRET not in repr(prometheus(text))
    assert {SECRET, f"{SECRET}1", f"{SECRET}2"} <= secrets(config, {})


def test_they_are_no_reason_to_look_for_servers_where_none_is_named() -> None:
    environ = {"PROMETHEUS_URL": "http://p", "GRAFANA_URL": "http://g"}
    assert any_url_given(config_of(), environ) is False


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('url = "http://p?x=1"', "prometheus.url: the URL of an API has no query"),
        ('url = "redis://p"', "prometheus.url: the URL must start with http://"),
        (
            f'token = "{SECRET}"\npassword = "{SECRET}"',
            "prometheus: a token and a password cannot both be sent: keep one of them",
        ),
        (f'token = "{SECRET}\\u00e9"', "prometheus.token: the token holds more than plain"),
        (f'token = "{SECRET} {SECRET}"', "prometheus.token: the token holds more than plain"),
        ('ca_file = "gone.pem"', "prometheus.ca_file: the file does not exist"),
        ('ca_file = "runbook.toml"', "prometheus.ca_file: the file holds no PEM certificate"),
        ('token_file = "./gone"', "prometheus.token_file: the file does not exist"),
        (f'token_env = "{SECRET}"', "prometheus.token_env: must be the name of an environment"),
        ('token = "a"\ntoken_env = "A"', "prometheus.token_env: cannot be set beside token"),
    ],
    ids=["query", "scheme", "both", "accent", "space", "ca", "pem", "file", "name", "twice"],
)
def test_what_is_wrong_is_said_without_the_secret(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prometheus(f"[prometheus]\n{text}", {"PROMETHEUS_URL": "http://p"})
    assert problem in str(caught.value)
    assert SECRET not in str(caught.value)
