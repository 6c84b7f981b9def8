"""How Prometheus and Grafana are named, logged in to and trusted."""

import shutil
import ssl
import subprocess
from collections.abc import Mapping
from http.server import HTTPServer
from pathlib import Path

import pytest

from redis_runbook.config.error import ConfigError
from redis_runbook.config.load import load
from redis_runbook.config.model import Config
from redis_runbook.config.resolve import access_of, any_url_given, secrets
from redis_runbook.session.monitoring import Monitoring
from redis_runbook.wire.http_url import parse_http_url
from redis_runbook.wire.json import Access
from tests import product
from tests.fake_http import reply, serving
from tests.monitoring_judged import judged

SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config_of(text: str = "") -> Config:
    Path("runbook.toml").write_text(text, encoding="utf-8")
    return load(None, {}, {}, ()).config


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


def test_a_wrong_login_ends_a_run_before_it_begins(folder: Path) -> None:
    env = product.urls("redis://127.0.0.1:1") | {"PROMETHEUS_URL": "http://127.0.0.1:1"}
    done = product.run(folder, "smoke", env=env, config='[prometheus]\nca_file = "gone.pem"')
    assert done.code == 4
    assert "prometheus.ca_file: the file does not exist" in done.err


def test_throwaway_servers_are_watched_by_nobody() -> None:
    config = config_of('[prometheus]\nurl = "http://p"')
    monitoring = Monitoring(config, {}, throwaway=True, wanted=["monitoring.rules"], deadline=0)
    assert monitoring.why_not == {
        "prometheus": "nobody's Prometheus watches throwaway servers",
        "grafana": "no URL is set: set GRAFANA_URL",
    }


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_is_trusted_by_its_ca_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    activate = HTTPServer.server_activate

    def over_tls(server: HTTPServer) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        activate(server)

    monkeypatch.setattr(HTTPServer, "server_activate", over_tls)
    with serving(lambda request, *_: reply(request, "", 503)) as plain:
        url = plain.replace("http:", "https:")
        untrusted = judged(tmp_path, f'[prometheus]\nurl = "{url}"')["rules"]
        trusted = judged(tmp_path, f'[prometheus]\nurl = "{url}"\nca_file = "cert.pem"')["rules"]
    assert untrusted[0] == trusted[0] == "unknown"
    assert "cannot be trusted over TLS: self-signed certificate" in untrusted[1]
    assert "answered HTTP 503" in trusted[1]
