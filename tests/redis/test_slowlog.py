"""SLOWLOG on real servers."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from redis_runbook.probes.slowlog import SlowlogFacts, read_slowlog
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support import product
from tests.support.programs import program
from tests.support.servers import Server, running


@pytest.mark.quiet
def test_slowlog_entries_age_by_the_servers_clock() -> None:
    with running("--slowlog-log-slower-than", "1000", "--enable-debug-command", "yes") as server:
        server.client().execute_command("DEBUG", "SLEEP", 0.05)
        ages_s = []
        for _ in range(2):
            with connected(parse_endpoint(server.url), "cache", timeout_s=2) as client:
                (entry,) = read_slowlog(client).entries
            ages_s.append(entry.age_s)
            time.sleep(1.2)
    assert 0 <= ages_s[0] < 1.5  # entries have whole seconds
    assert all(1.1 < later_s - earlier_s < 2 for earlier_s, later_s in pairwise(ages_s))


def test_a_slowlog_that_keeps_nothing_is_not_taken_for_an_empty_one() -> None:
    with running("--slowlog-max-len", "0") as server:
        endpoint = parse_endpoint(server.url)
        with connected(endpoint, "queue", timeout_s=2) as client:
            disabled = read_slowlog(client)
            server.client().config_set("slowlog-max-len", 128)
            enabled = read_slowlog(client)
    assert (disabled.covers_s, enabled.covers_s) == (0, None)


def read(server: Server) -> SlowlogFacts:
    with connected(parse_endpoint(server.url), "queue", timeout_s=2) as client:
        return read_slowlog(client)


def test_after_a_restart_the_log_speaks_for_the_time_since(folder: Path) -> None:
    with running("--maxmemory", "100mb") as server:
        env = product.urls(server.url)
        server.stop()
        server.start()
        done = product.run(folder, "smoke", "--select", "latency.slowlog", env=env)
    message = done.message("latency.slowlog[queue]")
    assert (done.code, done.verdicts["latency.slowlog[queue]"]) == (0, "pass"), message
    assert message.startswith("no command took over 100 ms on queue in the ")
    assert message.endswith(" s since it started")
    assert "600" not in message


@pytest.mark.parametrize("name", ["redis-7.0", "valkey-9"])
def test_a_log_that_was_reset_does_not_speak_for_the_time_before(name: str, folder: Path) -> None:
    with running(program=program(name)) as server:
        before = read(server)
        server.client().slowlog_reset()
        after = read(server)
        env = product.urls(server.url)
        done = product.run(folder, "smoke", "--select", "latency.slowlog", env=env)
    assert (before.was_reset, before.covers_s) == (False, None)
    assert (after.was_reset, after.covers_s) == (True, 0)
    assert done.verdicts["latency.slowlog[queue]"] == "unknown"
    assert (
        "SLOWLOG of queue was reset, nobody can tell when, and certainly reaches back only 0 s"
        in done.message("latency.slowlog[queue]")
    )


def test_a_reset_shows_in_the_ids_of_what_came_after_it() -> None:
    """Redis 6.2 counts all subcommands of SLOWLOG as one."""
    with running("--slowlog-log-slower-than", "0", program=program("redis-6.2")) as server:
        client = server.client()
        client.config_set("slowlog-log-slower-than", 10_000)
        untouched = read(server)
        client.slowlog_reset()
        client.config_set("slowlog-log-slower-than", 0)
        client.config_set("slowlog-log-slower-than", 10_000)
        after = read(server)
    assert (untouched.was_reset, untouched.entries != []) == (False, True)
    assert (after.was_reset, after.entries != []) == (True, True)
    assert after.covers_s is not None


def test_who_may_not_run_info_does_not_know_since_when_the_log_speaks() -> None:
    with running() as server:
        url = server.user("ops", "needed-password", "~*", "+@all", "-info")
        with connected(parse_endpoint(url), "queue", timeout_s=2) as client:
            facts = read_slowlog(client)
    assert (facts.uptime_s, facts.why_no_uptime) == (None, "no permission for INFO on queue")
