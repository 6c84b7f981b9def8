"""What was lost in a restart, on real servers: compared with a snapshot of before."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.healthy import HEALTHY, fill
from tests.support.servers import Server, running, wait_until

KEPT = ("--select", "incident.data_kept")
NAME = "incident.data_kept[{}]"
QUEUE, CACHE = NAME.format("queue"), NAME.format("cache")
NO_PERSISTENCE = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")


def fill_queue(server: Server, name: str = "bundle:render", jobs: int = 5) -> None:
    """FAKE: the keys of a queue as BullMQ writes them, with waiting jobs and a scheduler."""
    client, key = server.client(), f"bull:{name}"
    client.hset(f"{key}:meta", mapping={"opts.maxLenEvents": 10_000, "version": "bullmq:5.1.1"})
    client.set(f"{key}:id", jobs)
    for job in range(1, jobs + 1):
        client.lpush(f"{key}:wait", job)
        client.hset(f"{key}:{job}", mapping={"name": "job", "data": "{}", "timestamp": 1})
    client.zadd(f"{key}:repeat", {"hourly": (time.time() + 3600) * 1000})


def snapshot(folder: Path, *servers: Server, config: str = "") -> product.Outcome:
    done = product.run(
        folder, "snapshot", "before.json", env=product.urls(*(one.url for one in servers)),
        config=config,
    )  # fmt: skip
    assert done.code == 0, done.err
    return done


def compared(folder: Path, *servers: Server, config: str = "") -> product.Outcome:
    env = product.urls(*(one.url for one in servers))
    return product.run(folder, "smoke", *KEPT, "--baseline", "before.json", env=env, config=config)


def restart(server: Server) -> None:
    server.stop()
    server.start()
    wait_until(server.client().ping)


@pytest.fixture
def queue() -> Iterator[Server]:
    with running(*HEALTHY, "--appendfsync", "always") as server:
        fill_queue(server)
        fill_queue(server, "mail", jobs=1)
        yield server


@pytest.fixture
def cache() -> Iterator[Server]:
    with running(*NO_PERSISTENCE) as server:
        fill(server)
        yield server


def test_a_restart_with_persistence_keeps_all_and_one_without_is_said(
    queue: Server, cache: Server, folder: Path
) -> None:
    said = snapshot(folder, queue, cache)
    assert said.out == (
        "wrote before.json: queue (14 keys, 2 queues), cache (50 keys, 50 JWT entries)\n"
    )
    restart(queue)
    restart(cache)
    done = compared(folder, queue, cache)
    assert done.code == 0, done.out
    assert done.verdicts == {QUEUE: "pass", CACHE: "warn"}
    assert "queue has what it had in the snapshot of 20" in done.message(QUEUE)
    assert "another process answers: it was restarted" in done.message(QUEUE)
    assert "cache need not keep what it holds, and did not since" in done.message(CACHE)
    assert "0 of 50 keys are in database 0; 0 of 50 entries of jwt:* are there" in done.message(
        CACHE
    )
    assert done.finding(CACHE)["evidence"]["forgotten"]


def test_jobs_that_were_done_are_no_loss(queue: Server, cache: Server, folder: Path) -> None:
    snapshot(folder, queue, cache)
    client = queue.client()
    for job in range(1, 6):  # as a worker does with removeOnComplete
        client.rpop("bull:bundle:render:wait")
        client.delete(f"bull:bundle:render:{job}")
    fill_queue(queue, "mail", jobs=3)
    done = compared(folder, queue, cache)
    assert done.verdicts == {QUEUE: "pass", CACHE: "pass"}
    assert "queue bundle:render has no jobs (had 5 waiting)" in done.message(QUEUE)


def delete(pattern: str) -> Callable[[Server], object]:
    return lambda server: server.client().delete(*server.client().scan_iter(pattern))


def begin_anew(server: Server) -> None:
    server.client().flushall()
    fill_queue(server, jobs=2)
    fill_queue(server, "mail", jobs=1)


def lose_settings(server: Server) -> None:
    server.client().config_set("maxmemory", 0)
    server.client().config_set("appendonly", "no")


def save_now_and_then(server: Server) -> None:
    server.client().config_set("save", "3600 1")


def follow_another(server: Server) -> None:
    server.client().replicaof("127.0.0.1", free_port())


@pytest.mark.parametrize(
    ("lose", "words"),
    [
        (lambda server: server.client().flushall(), "queue mail is gone (it had 1 waiting)"),
        (delete("bull:bundle:render*"), "queue bundle:render is gone (it had 5 waiting)"),
        (begin_anew, "queue bundle:render lost jobs: of 5 that were ever added, 2 are known"),
        (delete("bull:mail:repeat"), "queue mail has 0 of 1 scheduler"),
        (lose_settings, "maxmemory is 0 (was 100.0 MiB); appendonly is no (was yes)"),
        (save_now_and_then, "save is 3600 1 (was off)"),
        (follow_another, "the role is replica (was master)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_queue_lost_is_broken(
    lose: Callable[[Server], object], words: str, queue: Server, cache: Server, folder: Path
) -> None:
    snapshot(folder, queue, cache)
    assert compared(folder, queue, cache).verdicts == {QUEUE: "pass", CACHE: "pass"}
    lose(queue)
    done = compared(folder, queue, cache)
    assert done.code == 1
    assert done.verdicts == {QUEUE: "fail", CACHE: "pass"}
    assert words in done.message(QUEUE)


def test_a_restart_of_a_queue_without_persistence_is_broken(cache: Server, folder: Path) -> None:
    with running("--maxmemory", "100mb") as server:
        fill_queue(server)
        snapshot(folder, server, cache)
        restart(server)
        done = compared(folder, server, cache)
    assert done.verdicts == {QUEUE: "fail", CACHE: "pass"}


def test_a_cache_whose_settings_are_gone_is_broken(
    queue: Server, cache: Server, folder: Path
) -> None:
    cache.client().config_set("maxmemory", "64mb")  # and not in its configuration file
    snapshot(folder, queue, cache)
    restart(cache)
    done = compared(folder, queue, cache)
    assert done.verdicts == {QUEUE: "pass", CACHE: "fail"}
    assert "maxmemory is 100.0 MiB (was 64.0 MiB); 0 of 50 keys" in done.message(CACHE)


def test_what_could_not_be_looked_at_is_unknown(queue: Server, cache: Server, folder: Path) -> None:
    snapshot(folder, queue, cache)
    rules = "~* &* +@all -config|get"
    shy = queue.user("shy", "shy-password", *rules.split())
    cache.stop()
    env = product.urls(shy, cache.url)
    done = product.run(folder, "smoke", *KEPT, "--baseline", "before.json", env=env)
    assert done.code == 3
    assert done.verdicts == {QUEUE: "unknown", CACHE: "unknown"}
    assert "save was off, and cannot be read now" in done.message(QUEUE)
    assert "cache is not reachable (connection refused" in done.message(CACHE)


def test_a_service_that_the_snapshot_lacks_is_unknown(
    queue: Server, cache: Server, folder: Path
) -> None:
    cache.stop()
    env = product.urls(queue.url, cache.url)
    done = product.run(folder, "snapshot", "before.json", env=env)
    assert done.code == 3
    assert done.out.startswith("wrote before.json: queue (")
    assert "not in the snapshot: cache at 127.0.0.1" in done.err
    again = product.run(folder, "snapshot", "before.json", env=env)
    assert (again.code, again.out) == (3, "")
    assert "before.json was not written: a snapshot that lacks a service replaces none" in again.err
    cache.start()
    done = compared(folder, queue, cache)
    assert done.code == 3
    assert done.verdicts == {QUEUE: "pass", CACHE: "unknown"}
    assert done.message(CACHE) == "cache is not in the baseline, which has queue"


def test_a_service_that_only_the_snapshot_has_is_a_warning(queue: Server, folder: Path) -> None:
    other = '[services.other]\nrole = "cache"\nurl_env = "OTHER_URL"\n'
    env = {**product.urls(queue.url, queue.url), "OTHER_URL": queue.url}
    assert product.run(folder, "snapshot", "before.json", env=env, config=other).code == 0
    (folder / "runbook.toml").unlink()
    done = compared(folder, queue, queue)
    assert done.verdicts == {QUEUE: "pass", CACHE: "pass", NAME.format("other"): "warn"}
    assert "other is in the snapshot and not in the configuration" in done.out


def test_without_a_baseline_nothing_is_compared(queue: Server, folder: Path) -> None:
    done = product.run(folder, "smoke", *KEPT, env=product.urls(queue.url))
    assert done.code == 5
    assert done.message(QUEUE) == (
        "no --baseline is given: `redis-runbook snapshot FILE` makes one"
    )


def test_a_snapshot_has_no_secret_and_may_be_read_by_few(folder: Path) -> None:
    with running(*HEALTHY, "--requirepass", "planted-password") as server:
        client = server.client(password="planted-password")
        client.set("jwt:eyJhbGciOiJIUzI1NiJ9.planted", "planted-value", ex=60)
        client.hset("bull:planted-password:meta", "version", "bullmq:5.1.1")
        client.hset("bull:q\x1b[31m:meta", "version", "bullmq:5.1.1")
        env = product.urls(f"redis://:planted-password@127.0.0.1:{server.port}")
        done = product.run(folder, "snapshot", "before.json", env=env)
        again = product.run(folder, "smoke", *KEPT, "--baseline", "before.json", env=env)
    text = (folder / "before.json").read_text()
    assert done.code == 0
    assert (folder / "before.json").stat().st_mode & 0o777 == 0o640
    assert "planted" not in text + done.everything + again.everything
    assert "\\u001b" not in text
    assert json.loads(text)["services"]["cache"]["jwt"]["live"] == 1
    assert again.verdicts == {QUEUE: "pass", CACHE: "pass"}
    assert [path.name for path in folder.glob(".*")] == []


def test_many_entries_are_counted_within_bounds_and_said_to_be(folder: Path) -> None:
    with running(*NO_PERSISTENCE) as server:
        server.client().execute_command(
            "EVAL", "for i=1,150000 do redis.call('SET', 'jwt:'..i, '', 'EX', 900) end", 0
        )
        done = product.run(folder, "snapshot", "before.json", env=product.urls(server.url))
        assert compared(folder, server, server).verdicts[CACHE] == "pass"
    assert done.code == 0
    found = json.loads((folder / "before.json").read_text())["services"]["cache"]["jwt"]
    assert found["complete"] is False
    assert f"at least {found['live']} JWT entries" in done.out


# Bad usage


def _write(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "--baseline before.json does not exist"),
        (os.mkfifo, "--baseline before.json is not a plain file"),
        (_write("{"), "--baseline before.json is not JSON"),
        (_write("{}"), "--baseline before.json is no snapshot: `redis-runbook snapshot FILE`"),
    ],
    ids=range(4),
)
def test_a_baseline_that_is_none_is_bad_usage(
    make: Callable[[Path], Any], words: str, healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    make(folder / "before.json")
    done = compared(folder, healthy)
    assert done.code == 4
    assert words in done.err
    assert not done.files


def test_a_baseline_of_other_services_is_bad_usage(healthy: Server, folder: Path) -> None:
    other = (
        f'[services.other]\nrole = "cache"\nurl = "{healthy.url}"\n[jwt_cache]\nenabled = false\n'
    )
    off = "[services.queue]\nenabled = false\n[services.cache]\nenabled = false\n"
    snapshot(folder, healthy, config=other + off)
    (folder / "runbook.toml").unlink()
    done = compared(folder, healthy)
    assert done.code == 4
    assert "--baseline before.json is about other services (other) than queue, cache" in done.err


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("auto", "--baseline would compare nothing: no service URL is set; set REDIS_QUEUE_URL"),
        ("embedded", "--baseline is about your services, and --target embedded starts"),
    ],
)
def test_throwaway_servers_are_compared_with_nothing(target: str, words: str, folder: Path) -> None:
    done = product.run(folder, "smoke", "--baseline", "before.json", "--target", target)
    assert done.code == 4
    assert words in done.err


def test_pytest_compares_as_well(queue: Server, cache: Server, folder: Path) -> None:
    snapshot(folder, queue, cache)
    program = [sys.executable, "-m", "pytest", "--profile", "smoke", *KEPT]
    env = product.urls(queue.url, cache.url)
    done = product.started([*program, "--baseline", "before.json"], folder, env=env)
    assert (done.code, done.verdicts) == (0, {QUEUE: "pass", CACHE: "pass"}), done.everything


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 4, "set REDIS_QUEUE_URL"),
        (("--target", "embedded"), 4, "invalid choice"),
        (("--target", "live"), 3, "the name redis-queue does not resolve"),
    ],
)
def test_a_snapshot_of_nothing_is_not_written(
    arguments: tuple[str, ...], code: int, words: str, folder: Path
) -> None:
    done = product.run(folder, "snapshot", "before.json", *arguments)
    assert done.code == code
    assert words in done.err
    assert not (folder / "before.json").exists()


def test_a_snapshot_that_cannot_be_written_is_bad_usage(healthy: Server, folder: Path) -> None:
    env = product.urls(healthy.url)
    done = product.run(folder, "snapshot", "/proc/nowhere/before.json", env=env)
    assert done.code == 4
    assert "cannot write /proc/nowhere/before.json" in done.err
