"""SLOWLOG on real servers."""

import time
from itertools import pairwise

import pytest

from redis_runbook.probes.slowlog import read_slowlog
from redis_runbook.wire.client import connected
from redis_runbook.wire.endpoint import parse_endpoint
from tests.support.servers import running


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
