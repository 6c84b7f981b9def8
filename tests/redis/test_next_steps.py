"""The steps of a finding fit it: where servers are down, and a queue has no worker."""

from pathlib import Path

import pytest

from redis_runbook.catalogue import BOTH_DOWN, UNAVAILABLE
from tests.support import product
from tests.support.bullmq_fill import fill
from tests.support.programs import bundled
from tests.support.servers import Server, running

DOWN = "redis://127.0.0.1:1"
REACHABLE = ("smoke", "--select", "connectivity.reachable")


def test_both_services_down_is_scenario_c(folder: Path) -> None:
    done = product.run(folder, *REACHABLE, env=product.urls(DOWN))
    assert done.code == 1
    assert done.html.count("<td>not sampled</td>") == 2
    for service in ("queue", "cache"):
        found = done.finding(f"connectivity.reachable[{service}]")
        steps = found["next_steps"]
        assert found["runbook"] == BOTH_DOWN
        assert "Scenario C" in steps[0]
        assert steps[1] == "`docker compose restart redis-queue redis-cache`, all in one command"
        assert steps[2].startswith("`docker compose logs redis-exporter`")


def test_one_service_down_is_scenario_a_of_that_service(healthy: Server, folder: Path) -> None:
    done = product.run(folder, *REACHABLE, env=product.urls(DOWN, healthy.url))
    found = done.finding("connectivity.reachable[queue]")
    assert not any("Scenario C" in step for step in found["next_steps"])
    assert "`docker compose restart redis-queue` if it is down or hangs." in found["next_steps"]
    assert found["runbook"] == UNAVAILABLE
    done = product.run(folder, *REACHABLE, env=product.urls(healthy.url, DOWN))
    assert done.finding("connectivity.reachable[cache]")["runbook"] == "4. Incident Response"


@pytest.mark.parametrize("prefix", ["", '[operator]\ncompose = "pnpm compose:"\n'])
def test_a_queue_without_workers_wants_them_started(prefix: str, folder: Path) -> None:
    settings = '[services.queue]\nqueues = ["render"]\n' + prefix
    with bundled() as server:
        fill(server.client(), "render", waiting=3, delayed=0, events=0)
        env = product.urls(server.url)
        done = product.run(folder, "smoke", "--select", "queue", env=env, config=settings)
    found = done.finding("queue.workers[render]")
    if found["verdict"] == "unknown":  # within 25 s of the server's start
        assert found["next_steps"] == []
    latency = done.finding("queue.latency[render]")
    compose = "pnpm compose:" if prefix else "docker compose "
    assert latency["next_steps"][0] == f"Start the workers: `{compose}up -d WORKERS`"
    assert found["runbook"].endswith(
        '; "The runbook\'s commands, corrected" in the guide to queue findings'
    )


def test_a_queue_that_does_not_exist_wants_no_workers(folder: Path) -> None:
    settings = '[services.queue]\nqueues = ["render"]\n'
    with bundled() as server:
        env = product.urls(server.url)
        done = product.run(folder, "smoke", "--select", "queue.d", env=env, config=settings)
    steps = done.finding("queue.depth[render]")["next_steps"]
    assert "`redis-runbook queue list`" in steps[0]
    assert not any("worker" in step for step in steps)


def test_commands_of_redis_are_run_in_the_services_container(folder: Path) -> None:
    with bundled("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru") as server:
        done = product.run(
            folder, "smoke", "--select", "memory.eviction_p", env=product.urls(server.url)
        )
    (step,) = done.finding("memory.eviction_policy[queue]")["next_steps"]
    assert step == (
        "`docker compose exec redis-queue redis-cli CONFIG SET maxmemory-policy noeviction`, and "
        "the same in the configuration file"
    )


def test_a_wrong_password_wants_no_restart(healthy: Server, folder: Path) -> None:
    url = healthy.url.replace("redis://", "redis://:wrong@")
    done = product.run(folder, *REACHABLE, env=product.urls(url, healthy.url))
    (step,) = done.finding("connectivity.reachable[queue]")["next_steps"]
    assert step.startswith("Compare the URL's user and password")


def test_a_full_queue_has_the_steps_about_memory_only(folder: Path) -> None:
    with running("--maxmemory-policy", "noeviction") as server:
        server.client().set("big", "x" * 8_000_000)
        server.client().config_set("maxmemory", "2mb")
        env = product.urls(server.url)
        done = product.run(folder, "smoke", "--select", "connectivity.writable", env=env)
    steps = done.finding("connectivity.writable[queue]")["next_steps"]
    assert "redis-cli INFO memory" in steps[0]
    assert not any("MISCONF" in step or "disk" in step for step in steps)


def test_entries_without_a_ttl_are_listed_in_the_database_of_the_url(folder: Path) -> None:
    with running() as server:
        client = server.client(db=3)
        client.set("jwt:1", "{}")
        env = product.urls(server.url, f"{server.url}/3")
        done = product.run(folder, "smoke", "--select", "jwt_cache.expires", env=env)
    steps = done.finding("jwt_cache.expires[cache]")["next_steps"]
    assert steps[1].startswith(
        "`docker compose exec redis-cache redis-cli -n 3 --scan --pattern 'jwt:*'`"
    )
