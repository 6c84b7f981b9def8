"""A wrong login ends a run, and a certificate is trusted by its CA only."""

import shutil
import ssl
import subprocess
from http.server import HTTPServer
from pathlib import Path

import pytest

from tests.support import product
from tests.support.fake_http import reply, serving
from tests.support.monitoring_judged import judged


def test_a_wrong_login_ends_a_run_before_it_begins(folder: Path) -> None:
    env = product.urls("redis://127.0.0.1:1") | {"PROMETHEUS_URL": "http://127.0.0.1:1"}
    done = product.run(folder, "smoke", env=env, config='[prometheus]\nca_file = "gone.pem"')
    assert done.code == 4
    assert "prometheus.ca_file: the file does not exist" in done.err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_is_trusted_by_its_ca_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
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
