"""A Prometheus that has just started, and queues that are not there any more, or not yet."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.test_prometheus import rules_of, textfile_exporter
from tests.support import product
from tests.support.exporters import Exporter
from tests.support.monitoring_judged import Judged, judged
from tests.support.prometheus_server import Targets, prometheus
from tests.support.servers import Server, running, wait_until

LATENCY = "queue/RedisQueueLatency"
LIMITS = """
[services.queue.limits]
queue_latency_for_s = 3
[services.cache.limits]
command_p95_for_s = 3
"""


class Young:
    """One server that is queue and cache, its exporter, our metrics file, and a new Prometheus."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server, self.url = folder, server, ""
        self.textfile = folder / "runbook.prom"

    def leave_metrics(self) -> None:
        done = product.run(
            self.folder / "run", "smoke", "--metrics-file", str(self.textfile), "--read-only",
            "--select", "queue", "latency", env=product.urls(self.server.url), config=LIMITS,
        )  # fmt: skip
        assert self.textfile.exists(), done.out + done.err

    def judged(self) -> Judged:
        return judged(self.folder, f'{LIMITS}\n[prometheus]\nurl = "{self.url}"\n')

    def becomes(self, check: str, verdict: str, words: str = "") -> None:
        """Wait until we say so."""
        said = ("", "")

        def says_so() -> bool:
            nonlocal said
            said = self.judged()[check]
            return said[0] == verdict and words in said[1]

        with contextlib.suppress(AssertionError):
            wait_until(says_so, 15)
        assert (said[0], words in said[1]) == (verdict, True), said


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Young]:
    folder = tmp_path_factory.mktemp("young")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running("--maxmemory", "64mb"))
        exporters = {"queue": Exporter(server.url), "cache": Exporter(server.url)}
        for exporter in exporters.values():
            stack.callback(exporter.stop)
        made = Young(folder, server)
        made.leave_metrics()
        node = stack.enter_context(textfile_exporter(made.textfile))
        targets: Targets = {
            "redis": [(one.address, {"service": name}) for name, one in exporters.items()],
            "node": [(node, {})],
        }
        made.url = stack.enter_context(prometheus(targets, rules_of(LIMITS, folder))).url
        yield made


def test_a_prometheus_that_has_just_started_is_unknown_with_until_when(young: Young) -> None:
    seen: list[Judged] = []
    until = time.monotonic() + 15
    while not seen or seen[-1][LATENCY][0] != "not_applicable":
        assert time.monotonic() < until, seen[-1]
        seen.append(young.judged())
    failed = [sentence for one in seen for verdict, sentence in one.values() if verdict == "fail"]
    assert not failed
    said = [sentence for one in seen for verdict, sentence in one.values() if verdict == "unknown"]
    assert any("look again in " in text and text.endswith(" UTC") for text in said), said


def test_a_service_without_a_queue_is_watched_all_the_same(young: Young) -> None:
    for check in ("rules", "alerts"):
        young.becomes(check, "pass")
    young.becomes(LATENCY, "not_applicable", "queue has no queue in which a job could wait")


def test_a_queue_that_was_deleted_has_no_missing_values(young: Young) -> None:
    client = young.server.client()
    for name in ("kept", "deleted"):
        client.hset(f"bull:{name}:meta", "version", "bullmq:5.81.5")
    young.leave_metrics()
    young.becomes(LATENCY, "pass")
    client.delete("bull:deleted:meta")
    young.leave_metrics()
    seen: set[tuple[str, bool]] = set()
    until = time.monotonic() + 5  # longer than the window
    while time.monotonic() < until:
        verdict, sentence = young.judged()[LATENCY]
        seen.add((verdict, "no fresh value" in sentence))
    assert seen == {("pass", False)}
    client.delete("bull:kept:meta")
    young.leave_metrics()
    young.becomes(LATENCY, "not_applicable")
