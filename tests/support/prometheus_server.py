"""A real Prometheus for tests: it scrapes every second, and its rules can be replaced."""

import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from redis_runbook.wire.ports import free_port
from tests.support.requirements import require
from tests.support.servers import wait_for_port, wait_until

PROMETHEUS = shutil.which("prometheus")


Targets = Mapping[str, Sequence[tuple[str, Mapping[str, str]]]]
"""By job: `host:port`, and the labels that its series get."""


class PrometheusServer:
    """One process, in a folder of its own."""

    def __init__(self, targets: Targets, rules: str) -> None:
        require(PROMETHEUS is not None, "prometheus is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix="runbook-prometheus-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        (self.folder / "rules.yml").write_text(rules)
        jobs = [
            {
                "job_name": job,
                "static_configs": [
                    {"targets": [address], "labels": dict(labels)} for address, labels in listed
                ],
            }
            for job, listed in targets.items()
        ]
        # JSON is YAML.
        (self.folder / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": ["rules.yml"],
                    "scrape_configs": jobs,
                }
            )
        )
        port = self.url.rpartition(":")[2]
        self.process = subprocess.Popen(
            [str(PROMETHEUS), f"--config.file={self.folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={self.folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle"],
            stdout=(self.folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait_for_port(int(port))

    def ask(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", parameters, timeout=5)
        answer.raise_for_status()
        return answer.json()["data"]

    def load(self, rules: str) -> None:
        """Replace the rules, and wait until each was evaluated."""
        (self.folder / "rules.yml").write_text(rules)
        began = time.time()
        requests.post(f"{self.url}/-/reload", timeout=10).raise_for_status()
        wait_until(lambda: self._evaluated_since(began), 15)

    def _evaluated_since(self, began: float) -> bool:
        rules = [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began))
        return all(rule["lastEvaluation"] > stamp for rule in rules)

    def state(self, alert: str, service: str) -> str:
        """What Prometheus itself says of an alert: inactive, pending or firing."""
        (state,) = (
            rule["state"]
            for group in self.ask("rules")["groups"]
            for rule in group["rules"]
            if rule["name"] == alert and rule["labels"].get("service") == service
        )
        return str(state)

    def has(self, query: str) -> bool:
        """Whether a query has a result now."""
        return bool(self.ask("query", query=query)["result"])

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def prometheus(targets: Targets, rules: str) -> Iterator[PrometheusServer]:
    server = PrometheusServer(targets, rules)
    try:
        yield server
    finally:
        server.stop()
