"""`--wait` tells what came back, in order: a server, its exporter, a real worker, the JWT cache."""

import re
from pathlib import Path

import pytest

from tests.support import product
from tests.support.bullmq_actors import HAS_NODE_LIBRARIES, INSTALL, acting
from tests.support.exporters import Exporter
from tests.support.requirements import require
from tests.support.servers import running

pytestmark = pytest.mark.timeout(90)

CHECKS = ("connectivity.reachable", "exporter.reachable", "queue.workers", "jwt_cache.populated")
CONFIG = '[services.queue]\nrole = "queue"\n[queues.render]\n'


def test_what_comes_back_is_told_in_order_with_its_time(folder: Path) -> None:
    require(HAS_NODE_LIBRARIES, INSTALL)
    folder.mkdir()
    (folder / "runbook.toml").write_text(CONFIG)
    with running("--appendonly", "yes") as server, acting() as begin:
        begin("bullmq6", server.port).add("render")
        exporter = Exporter(server.url)
        exporter.stop()
        server.stop()
        env = {
            **product.urls(server.url),
            "REDIS_EXPORTER_URL": f"http://{exporter.address}/metrics",
        }
        run = product.Started(folder, "smoke", "--wait", "45", "--select", *CHECKS, env=env)
        try:
            run.wait_for("attempt 1, ")
            server.start()
            run.wait_for("attempt 2, ")
            exporter.start()
            server.client().set("jwt:1", "{}", ex=900)
            run.wait_for("attempt 3, ")
            begin("bullmq6", server.port).tell("worker", queue="render")
            done = run.finish(60)
        finally:
            exporter.stop()
    assert done.code == 0, done.out
    (said,) = [line for line in done.out.splitlines() if line.startswith("queue, cache reachable")]
    assert re.fullmatch(
        r"queue, cache reachable after [\d.]+ s · exporter of queue, cache after [\d.]+ s · "
        r"jwt cache after [\d.]+ s · workers of render after [\d.]+ s · healthy after [\d.]+ s",
        said,
    )
    assert said in done.html
    recovery = done.results["extra"]["recovery"]
    assert recovery["attempts"] == done.results["extra"]["attempt"] >= 4
    assert recovery["waited_s"] == done.results["extra"]["waited_s"]
    times = [one["at_s"] for one in recovery["timeline"]]
    assert times == sorted(times)
    assert len({int(at_s) for at_s in times}) >= 3
    assert {(one["event"], one["subject"]) for one in recovery["timeline"]} == {
        *(("reachable", name) for name in ("queue", "cache")),
        *(("exporter", name) for name in ("queue", "cache")),
        ("jwt_cache", "cache"),
        ("workers", "render"),
        ("healthy", "all"),
    }
