"""`redis-runbook queue list`, and what is said where a queue is not there."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.targets.demonstration import demonstrating
from redis_runbook.wire.endpoint import Endpoint
from tests.support import product
from tests.support.bullmq_fill import fill
from tests.support.programs import bundled
from tests.support.servers import Server
from tests.support.targets import config

TWO = """
[services.queue]
role = "queue"
url_env = "REDIS_QUEUE_URL"
[services.mail]
role = "queue"
url_env = "REDIS_CACHE_URL"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A queue with a worker, one that is paused without any, and one with a hostile name."""
    with bundled() as server:
        endpoint = Endpoint(scheme="redis", host="127.0.0.1", port=server.port)
        with demonstrating(endpoint, "queue", config()):
            raw = server.client()
            fill(raw, "reports", waiting=12, delayed=3, events=0)
            raw.hset("bull:reports:meta", "paused", 1)
            raw.hset(b"bull:\x1b[31m<b>:meta", "version", "bullmq:5.81.5")
            yield server


def told(*arguments: str, folder: Path, url: str, settings: str = "") -> product.Outcome:
    env = {"REDIS_QUEUE_URL": url, "REDIS_CACHE_URL": "redis://:planted-secret@127.0.0.1:1"}
    return product.run(folder, "queue", *arguments, env=env, config=settings)


def rows(done: product.Outcome) -> dict[str, list[str]]:
    """The cells of each line, by its first one; what is empty is left out."""
    return {line.split("  ")[0]: line.split()[1:] for line in done.out.splitlines()}


def test_each_queue_is_a_line_with_its_counts_and_its_workers(server: Server, folder: Path) -> None:
    done = told("list", folder=folder, url=server.url)
    assert done.code == 0, done.err
    heading, *lines = done.out.splitlines()
    assert " ".join(heading.split()) == (
        "queue service waiting active delayed failed completed longest wait workers"
    )
    assert len(lines) == 3
    found = rows(done)
    assert found["bundle:render"] == "queue 0 0 1 0 12 - 1 of 1".split()
    # 12 and 3 prioritized ones wait.
    *counts, amount, unit, at_work, of, connected, state = found["reports"]
    assert counts == "queue 15 5 3 20 0".split()
    assert (float(amount) >= 5, unit) == (True, "s")
    assert [at_work, of, connected, state] == ["0", "of", "0", "paused"]


def test_names_are_shown_without_their_control_characters(server: Server, folder: Path) -> None:
    done = told("list", folder=folder, url=server.url)
    assert r"\x1b[31m<b>" in done.out
    assert "\x1b" not in done.out


def test_one_that_must_exist_and_does_not_is_told_with_the_nearest(
    server: Server, folder: Path
) -> None:
    listed = '[services.queue]\nqueues = ["bundel:render", "nothing-like-it"]\n'
    done = told("list", folder=folder, url=server.url, settings=listed)
    assert done.code == 3
    assert "no such queue on queue: bundel:render; did you mean bundle:render?\n" in done.err
    assert "no such queue on queue: nothing-like-it\n" in done.err
    assert "bundle:render" in done.out


def test_several_services_are_listed_and_one_that_is_down_hides_no_other(
    server: Server, folder: Path
) -> None:
    began = time.monotonic()
    done = told("list", folder=folder, url=server.url, settings=TWO)
    assert time.monotonic() - began < 10
    assert done.code == 3
    assert "mail at 127.0.0.1:1 " in done.err
    assert "connection refused" in done.err
    assert "planted" not in done.everything
    assert "bundle:render" in done.out
    only = told("list", "--service", "queue", folder=folder, url=server.url, settings=TWO)
    assert (only.code, "mail" in only.everything) == (0, False)


def test_a_service_without_a_queue_is_said_to_have_none(folder: Path) -> None:
    with bundled() as empty:
        done = told("list", folder=folder, url=empty.url)
    assert (done.code, done.out) == (0, "no BullMQ queue with the prefix bull on queue\n")


def test_a_name_is_no_command_to_a_runner_of_ci(folder: Path) -> None:
    with bundled() as server:
        server.client().hset("bull:::stop-commands::x:meta", "version", "bullmq:5.81.5")
        listed = told("list", folder=folder, url=server.url)
        shown = told("show", "::stop-commands::x", folder=folder, url=server.url)
    assert (listed.code, shown.code) == (0, 0), listed.everything + shown.everything
    for done in (listed, shown):
        assert ": :stop-commands::x" in done.out
        assert "\n::" not in f"\n{done.out}{done.err}"


def test_queues_that_were_left_out_are_counted(server: Server, folder: Path) -> None:
    few = "[services.queue]\nmax_queues = 1\n"
    done = told("list", folder=folder, url=server.url, settings=few)
    assert done.code == 3
    assert "not every queue of queue was looked at: 2 of 3 that were found are left out" in done.err


@pytest.mark.parametrize("service", ["cache", "nope"])
def test_a_service_that_has_no_queues_is_bad_usage(service: str, folder: Path) -> None:
    done = told("list", "--service", service, folder=folder, url="redis://127.0.0.1:1")
    assert done.code == 4
    assert done.err == f"there is no queue service {service}: --service queue\n"


def test_nothing_is_written_and_no_script_is_run(server: Server, folder: Path) -> None:
    raw = server.client()
    raw.config_resetstat()
    told("list", folder=folder, url=server.url)
    used = set(raw.info("commandstats"))
    assert not {f"cmdstat_{name}" for name in ("eval", "keys", "set", "hset", "del")} & used


def test_a_queue_that_is_not_shown_may_have_been_meant(server: Server, folder: Path) -> None:
    done = told("show", "bundle:rendr", folder=folder, url=server.url)
    assert done.code == 3
    assert done.err.endswith("; did you mean bundle:render?\n")
    unlike = told("show", "nothing-like-it", folder=folder, url=server.url)
    assert "did you mean" not in unlike.err


def test_the_finding_about_a_missing_queue_says_which_may_have_been_meant(
    server: Server, folder: Path
) -> None:
    settings = '[services.queue]\nqueues = ["bundle-render"]\n'
    done = product.run(
        folder, "smoke", "--select", "queue", env=product.urls(server.url), config=settings
    )
    assert done.verdicts["queue.depth[bundle-render]"] == "fail"
    message = done.message("queue.depth[bundle-render]")
    assert message.startswith("no such queue: bundle-render; found: ")
    assert message.endswith("; did you mean bundle:render?")


def test_a_closed_pipe_is_no_error(server: Server, folder: Path) -> None:
    done = product.shell(folder, "$RUN queue list | :", env={"REDIS_QUEUE_URL": server.url})
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.stderr == ""
