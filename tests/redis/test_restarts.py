"""A server that restarts over and over is said to; one that was restarted once is healthy."""

import json
import time
from pathlib import Path

from tests.support import product
from tests.support.servers import Server, running, wait_until

NAME = "connectivity.role[queue]"
ARGUMENTS = ("smoke", "--select", "connectivity.role", "connectivity.reachable")


def restart(server: Server) -> None:
    server.stop()
    server.start()
    wait_until(server.client().ping)


def test_another_process_than_a_moment_ago_is_a_warning_and_then_none(folder: Path) -> None:
    with running() as server:
        env = product.urls(server.url)
        first = product.run(folder, *ARGUMENTS, env=env)
        restart(server)
        second = product.run(folder, *ARGUMENTS, env=env)
        third = product.run(folder, *ARGUMENTS, env=env)
    assert [run.verdicts[NAME] for run in (first, second, third)] == ["pass", "warn", "pass"]
    assert {run.code for run in (first, second, third)} == {0}
    assert "; it restarted" in second.message(NAME)
    assert "saw another process" in second.message(NAME)


def test_a_restart_is_seen_across_an_attempt_without_an_answer(folder: Path) -> None:
    with running() as server:
        env = product.urls(server.url)
        product.run(folder, *ARGUMENTS, env=env)
        server.stop()
        down = product.run(folder, *ARGUMENTS, env=env)
        server.start()
        wait_until(server.client().ping)
        up = product.run(folder, *ARGUMENTS, env=env)
    assert down.verdicts["connectivity.reachable[queue]"] == "fail"
    assert (up.code, up.verdicts[NAME]) == (0, "warn")


def test_a_restart_since_last_night_is_none_that_goes_on(folder: Path) -> None:
    with running() as server:
        env = product.urls(server.url)
        product.run(folder, *ARGUMENTS, env=env)
        results = folder / "reports" / "results.json"
        document = json.loads(results.read_text())
        seen = document["results"]["extra"]["services"]["queue"]["last_seen"]
        seen["at"] = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 8 * 3600))
        results.write_text(json.dumps(document))
        restart(server)
        done = product.run(folder, *ARGUMENTS, env=env)
    assert done.verdicts[NAME] == "pass"


def test_another_server_at_another_address_has_not_restarted(folder: Path) -> None:
    with running() as one, running() as other:
        product.run(folder, *ARGUMENTS, env=product.urls(one.url))
        done = product.run(folder, *ARGUMENTS, env=product.urls(other.url))
    assert done.verdicts[NAME] == "pass"
