"""One cause, one notification: what a real Alertmanager makes of our inhibitions."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.requirements import require
from tests.support.servers import wait_for_port, wait_until

ALERTMANAGER = shutil.which("prometheus-alertmanager")
Alert = tuple[str, str, str]
"""Its name, its service and its check; empty where it has none."""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alertmanager")
    done = product.run(folder, "rules", "--alertmanager", "alertmanager.yml")
    assert done.code == 0, done.err
    assert done.out == "wrote alertmanager.yml: merge its route and inhibit_rules into yours\n"
    return folder / "alertmanager.yml"


@contextlib.contextmanager
def alertmanager(configuration: Path) -> Iterator[str]:
    require(ALERTMANAGER is not None, "prometheus-alertmanager is not installed")
    port = free_port()
    process = subprocess.Popen(
        [str(ALERTMANAGER), f"--config.file={configuration}",
         f"--storage.path={configuration.parent / 'data'}", "--cluster.listen-address=",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/api/v2/alerts"
    finally:
        process.kill()
        process.wait(timeout=10)


def test_amtool_accepts_the_configuration(configuration: Path) -> None:
    require(shutil.which("amtool") is not None, "amtool is not installed")
    checked = subprocess.run(
        ["amtool", "check-config", str(configuration)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_what_follows_from_another_alert_is_not_notified(configuration: Path) -> None:
    told: list[Alert] = [
        ("RedisDown", "queue", "connectivity.reachable"),
        ("RedisMemory", "cache", "memory.used_ratio"),
        ("RedisRunbookBroken", "cache", "memory.evictions"),
        ("RedisRunbookUndetermined", "cache", "memory.fragmentation"),
    ]
    kept_silent: list[Alert] = [
        # redis-queue is down
        ("RedisRunbookBroken", "queue", "connectivity.reachable"),
        ("RedisRunbookUndetermined", "queue", "latency.slowlog"),
        ("RedisQueueLatency", "queue", "queue.latency"),
        # the memory of redis-cache, three times
        ("RedisRunbookBroken", "cache", "memory.used_ratio"),
        ("RedisRunbookBroken", "cache", "monitoring.windows"),
        ("RedisRunbookBroken", "", "monitoring.alerts"),
    ]
    with alertmanager(configuration) as url:
        requests.post(
            url,
            json=[
                {"labels": {"alertname": name, "service": service, "check": check}}
                for name, service, check in (*told, *kept_silent)
            ],
            timeout=10,
        ).raise_for_status()
        seen: dict[str, set[Alert]] = {}

        def all_judged() -> bool:
            alerts: list[dict[str, Any]] = requests.get(url, timeout=10).json()
            seen.clear()
            for alert in alerts:
                state, labels = alert["status"]["state"], alert["labels"]
                about = (labels["alertname"], labels.get("service", ""), labels["check"])
                seen.setdefault(state, set()).add(about)
            return set(seen) == {"active", "suppressed"}

        # Alertmanager works out what is inhibited when it notifies, after group_wait, or on asking.
        wait_until(all_judged, 20)
    assert seen == {"active": set(told), "suppressed": set(kept_silent)}
