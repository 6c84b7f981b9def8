"""Planted secrets reach no output: terminal, HTML, JSON, JUnit, errors and tracebacks."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

from redis_runbook.redact import MASK
from tests.support import product
from tests.support.places import CHECKS
from tests.support.programs import bundled

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXBsYW50ZWQ"
PASSWORD = "p@ss/wörd?#&<planted>"
SECRETS = ("planted", JWT, "ci-variable-secret")

OUTPUTS = [
    f"--output={name}"
    for name in ("markdown", "tap", "github", "prometheus", "nagios=reports/nagios.txt")
]


def test_no_output_holds_a_secret(folder: Path) -> None:
    class Leaky(BaseHTTPRequestHandler):
        """A fake exporter that puts secrets where redis_exporter has errors and labels."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(
                b"redis_up 0\nredis_exporter_last_scrape_error"
                b'{err="dial redis://:planted-in-exporter@host: ' + JWT.encode() + b'"} 1\n'
            )

        def log_message(self, *_: object) -> None:
            pass

    exporter = ThreadingHTTPServer(("127.0.0.1", 0), Leaky)
    Thread(target=exporter.serve_forever, daemon=True).start()
    options = ("--requirepass", PASSWORD, "--slowlog-log-slower-than", "0")
    with bundled(*options) as server:
        client = server.client(password=PASSWORD)
        client.execute_command(
            "ACL", "SETUSER", "ops", "on", ">planted-acl-password", "~*", "&*", "+@all"
        )
        client.config_set("maxmemory", "100mb")
        client.set(f"jwt:{JWT}", JWT)
        client.set(JWT, "planted-value")
        client.get(JWT)
        env = {
            "REDIS_QUEUE_URL": f"redis://:{quote(PASSWORD, '')}@127.0.0.1:{server.port}",
            "REDIS_CACHE_URL": f"redis://ops:planted-acl-password@127.0.0.1:{server.port}",
            "REDIS_EXPORTER_URL": (
                f"http://u:planted-basic@127.0.0.1:{exporter.server_address[1]}/metrics"
            ),
            "CI_JOB_TOKEN": "ci-variable-secret",
            "GIT_URL": "https://bot:planted-git-token@git.example/repo",
        }
        folder.mkdir()
        (folder / "test_plain.py").write_text(
            "import os, warnings\n"
            "def test_prints_and_fails():\n"
            "    print(os.environ['REDIS_QUEUE_URL'], os.environ['CI_JOB_TOKEN'])\n"
            "    warnings.warn(os.environ['REDIS_CACHE_URL'])\n"
            "    assert os.environ['REDIS_QUEUE_URL'] == 'x'\n"
        )
        (folder / "test_unloadable.py").write_text(
            "import os\nraise RuntimeError(os.environ['REDIS_CACHE_URL'])\n"
        )
        config = "[services.cache.limits]\nslowlog_ms = 0.001\n"
        done = product.run(
            folder,
            *("smoke", *OUTPUTS, "--", str(folder), str(CHECKS), "-v"),
            env=env,
            config=config,
        )
    exporter.shutdown()
    exporter.server_close()
    shown = done.everything
    assert done.verdicts["connectivity.reachable[cache]"] == "pass"
    assert done.verdicts["jwt_cache.populated[cache]"] == "pass"
    assert done.verdicts["exporter.reachable[cache]"] == "fail"
    assert done.verdicts["collection[test_unloadable.py]"] == "unknown"
    assert "test_plain[test_prints_and_fails]" in done.verdicts
    assert "slow commands" in str(done.finding("latency.slowlog[cache]"))
    assert MASK in shown
    secrets = (*SECRETS, PASSWORD, quote(PASSWORD, ""))
    leaks = [line for line in shown.splitlines() if any(secret in line for secret in secrets)]
    assert leaks == []
