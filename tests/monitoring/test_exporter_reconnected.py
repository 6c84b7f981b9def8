"""`incident.exporter_reconnected` on a real exporter, around a restart of its server."""

from pathlib import Path

from tests.support.exporters import Exporter
from tests.support.product import Outcome, run
from tests.support.servers import running, wait_until

NAME = "incident.exporter_reconnected[queue]"


def test_an_exporter_has_seconds_to_be_back_and_no_more(folder: Path) -> None:
    with running() as server:
        exporter = Exporter(server.url)

        def looked_at() -> Outcome:
            env = {
                "REDIS_QUEUE_URL": server.url,
                "REDIS_EXPORTER_URL": f"http://{exporter.address}/metrics",
            }
            select = ("--select", NAME.partition("[")[0], "--select", "exporter.reachable")
            return run(folder, "smoke", *select, env=env)

        def is_up_for_10_s() -> bool:
            return bool(server.client().info("server")["uptime_in_seconds"] >= 10)

        try:
            assert looked_at().verdicts[NAME] == "pass"
            exporter.stop()
            server.stop()
            server.start()
            early = looked_at()
            assert early.verdicts[NAME] == "unknown"
            assert "refused the connection" in early.message(NAME)
            wait_until(is_up_for_10_s, limit_s=15)
            late = looked_at().finding(NAME)
            assert (late["verdict"], late["follows_from"]) == ("fail", "exporter.reachable[queue]")
            exporter.start()
            assert looked_at().verdicts[NAME] == "pass"
        finally:
            exporter.stop()
