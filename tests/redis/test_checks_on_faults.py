"""Each check is red on the real fault that it is for; its green twin is `test_healthy.py`."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import product
from tests.support.servers import Server, running, wait_until

AT_ONCE = ("--repl-diskless-sync-delay", "0")
"""Without waiting for more replicas."""

Fault = Callable[[], contextlib.AbstractContextManager[Server]]


@contextlib.contextmanager
def replica() -> Iterator[Server]:
    with running(*AT_ONCE) as master, running("--replicaof", f"127.0.0.1 {master.port}") as server:
        wait_until(lambda: server.client().info("replication")["master_link_status"] == "up")
        yield server


@contextlib.contextmanager
def replica_without_master() -> Iterator[Server]:
    with running(*AT_ONCE) as master, running("--replicaof", f"127.0.0.1 {master.port}") as server:
        wait_until(lambda: server.client().info("replication")["master_link_status"] == "up")
        master.stop()
        wait_until(lambda: server.client().info("replication")["master_link_status"] == "down")
        yield server


@contextlib.contextmanager
def failed_save() -> Iterator[Server]:
    """MISCONF: a background save fails because its folder is gone, and writes are refused."""
    with running("--save", "3600 1", "--enable-protected-configs", "yes") as server:
        client = server.client()
        (server.folder / "gone").mkdir()
        client.config_set("dir", str(server.folder / "gone"))
        (server.folder / "gone").rmdir()
        client.set("key", "value")
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield server


@contextlib.contextmanager
def failed_manual_save() -> Iterator[Server]:
    """Nobody asked the server to save by itself, and it goes on taking writes."""
    with running("--save", "", "--appendonly", "yes") as server:
        client = server.client()
        server.limit_files(64 * 1024)
        client.set("big", os.urandom(48 * 1024))
        client.config_set("appendonly", "no")
        client.set("more", os.urandom(48 * 1024))
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        server.limit_files(None)
        client.config_set("appendonly", "yes")
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        yield server


@contextlib.contextmanager
def full() -> Iterator[Server]:
    """OOM: memory is over the limit and nothing may be evicted."""
    with running("--maxmemory-policy", "noeviction") as server:
        client = server.client()
        client.set("big", "x" * 8_000_000)
        client.config_set("maxmemory", "2mb")
        yield server


@contextlib.contextmanager
def nearly_full() -> Iterator[Server]:
    with running("--maxmemory", "20mb", "--maxmemory-policy", "noeviction") as server:
        client = server.client()
        for number in range(16):
            client.set(f"big:{number}", "x" * 1_000_000)
        yield server


@contextlib.contextmanager
def paused() -> Iterator[Server]:
    with running() as server:
        server.client().execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        yield server


@contextlib.contextmanager
def unlimited() -> Iterator[Server]:
    with running() as server:
        yield server


@contextlib.contextmanager
def evicting() -> Iterator[Server]:
    """A queue on allkeys-lru that has lost keys."""
    with running("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru") as server:
        client = server.client()
        for number in range(40):
            client.set(f"big:{number}", "x" * 100_000)
        assert client.info("stats")["evicted_keys"]
        yield server


@contextlib.contextmanager
def fragmented() -> Iterator[Server]:
    """Thousands of values of one size, of which only every eighth is left."""
    with running() as server:
        client = server.client()
        pipe = client.pipeline(transaction=False)
        for number in range(80_000):
            pipe.set(f"value:{number}", "x" * 700)
        pipe.execute()
        pipe = client.pipeline(transaction=False)
        for number in range(80_000):
            if number % 8:
                pipe.delete(f"value:{number}")
        pipe.execute()
        yield server


@contextlib.contextmanager
def crowded() -> Iterator[Server]:
    with running("--maxclients", "20") as server, contextlib.ExitStack() as stack:
        for _ in range(17):
            client = server.client()
            client.ping()
            stack.callback(client.close)
        yield server


@contextlib.contextmanager
def slow_commands() -> Iterator[Server]:
    with running("--enable-debug-command", "yes") as server:
        for _ in range(6):
            server.client().execute_command("DEBUG", "SLEEP", "0.3")
        yield server


@contextlib.contextmanager
def unsaved_queue() -> Iterator[Server]:
    with running("--appendonly", "no") as server:
        yield server


@contextlib.contextmanager
def failed_append() -> Iterator[Server]:
    """The append-only file cannot be written: it may not grow."""
    with running("--appendonly", "yes", "--appendfsync", "everysec") as server:
        stop_appends(server)
        yield server


def stop_appends(server: Server) -> None:
    server.limit_files(64 * 1024)
    client = server.client()
    client.set("big", "x" * 128 * 1024)
    wait_until(lambda: client.info("persistence")["aof_last_write_status"] == "err")


@contextlib.contextmanager
def always_slow() -> Iterator[Server]:
    """Something keeps the server busy for 0.2 s, over and over."""
    stop = threading.Event()
    with running("--enable-debug-command", "yes") as server:

        def keep_busy() -> None:
            client = server.client()
            while not stop.is_set():
                client.execute_command("DEBUG", "SLEEP", "0.2")

        thread = threading.Thread(target=keep_busy)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join()


@contextlib.contextmanager
def empty_jwt_cache() -> Iterator[Server]:
    with running() as server:
        server.client().set("session:1", "x")
        yield server


@contextlib.contextmanager
def jwt_without_ttl() -> Iterator[Server]:
    with running() as server:
        server.client().set("jwt:1", "{}")
        server.client().set("jwt:2", "{}", ex=60)
        yield server


@contextlib.contextmanager
def jwt_for_a_month() -> Iterator[Server]:
    with running() as server:
        server.client().set("jwt:1", "{}", ex=30 * 86_400)
        yield server


@pytest.mark.parametrize(
    ("fault", "name", "verdict", "words"),
    [
        (replica, "connectivity.role[queue]", "fail", "is a replica in standalone mode"),
        (replica, "connectivity.writable[queue]", "fail", "READONLY"),
        (failed_save, "connectivity.writable[queue]", "fail", "MISCONF"),
        (full, "connectivity.writable[queue]", "fail", "OOM"),
        (paused, "connectivity.writable[queue]", "fail", "CLIENT PAUSE"),
        (paused, "connectivity.pubsub[queue]", "fail", "writes are paused (CLIENT PAUSE)"),
        (crowded, "connectivity.clients[queue]", "warn", "of 20 clients (limit 80 %)"),
        (nearly_full, "memory.used_ratio[queue]", "fail", "of maxmemory (limit 80 %) on queue"),
        (unlimited, "memory.used_ratio[queue]", "unknown", "set maxmemory on the server"),
        (evicting, "memory.eviction_policy[queue]", "fail", "needs noeviction"),
        (nearly_full, "memory.eviction_policy[cache]", "warn", "refuse writes"),
        (evicting, "memory.evictions[queue]", "fail", "were evicted from queue"),
        (fragmented, "memory.fragmentation[queue]", "warn", "both"),
        (failed_save, "persistence.saving[queue]", "fail", "the last RDB save failed"),
        (failed_append, "persistence.saving[queue]", "fail", "the last AOF write failed"),
        (failed_append, "connectivity.writable[queue]", "fail", "the last AOF write failed ("),
        (failed_manual_save, "persistence.saving[queue]", "warn", "RDB is off, and a save by hand"),
        (failed_manual_save, "connectivity.writable[queue]", "pass", "to write, read and remove"),
        (unsaved_queue, "persistence.saving[queue]", "warn", "a restart loses every job"),
        (replica_without_master, "replication.link[queue]", "fail", "is down for"),
        (empty_jwt_cache, "jwt_cache.populated[cache]", "fail", "0 live entries of jwt:*"),
        (empty_jwt_cache, "jwt_cache.expires[cache]", "unknown", "no entry of jwt:*"),
        (jwt_without_ttl, "jwt_cache.expires[cache]", "fail", "1 has no TTL"),
        (jwt_for_a_month, "jwt_cache.expires[cache]", "fail", "limit 86400 s"),
        (slow_commands, "latency.slowlog[cache]", "warn", "6 commands took over 50 ms"),
        (always_slow, "latency.command_p95[cache]", "fail", "limit 50 ms"),
        (always_slow, "latency.round_trip[cache]", "fail", "limit 50 ms"),
    ],
)
def test_a_check_is_red_on_its_fault(
    fault: Fault, name: str, verdict: str, words: str, folder: Path
) -> None:
    config = "[services.queue.limits]\nfragmentation_bytes = '8MiB'\n"
    check = name.partition("[")[0]
    with fault() as server:
        done = product.run(
            folder, "smoke", "--select", check, env=product.urls(server.url), config=config
        )
    assert done.verdicts[name] == verdict, done.out
    assert words in done.message(name)
    assert name in done.out
    verdicts = set(done.verdicts.values())
    assert done.code == (1 if "fail" in verdicts else 3 if "unknown" in verdicts else 0)


def test_appends_that_succeed_again_are_green_again(folder: Path) -> None:
    arguments = ("smoke", "--select", "persistence", "connectivity.writable")
    with running("--appendonly", "yes", "--appendfsync", "everysec") as server:
        env = product.urls(server.url)
        stop_appends(server)
        full_disk = product.run(folder, *arguments, env=env)
        server.limit_files(None)
        wait_until(lambda: server.client().info("persistence")["aof_last_write_status"] == "ok")
        freed = product.run(folder, *arguments, env=env)
    assert set(full_disk.verdicts.values()) == {"fail"}
    assert set(freed.verdicts.values()) == {"pass"}


def test_missing_replicas_are_red_and_attached_ones_green(folder: Path) -> None:
    config = "[services.queue]\nrole = 'queue'\nreplicas_min = 1\n"
    arguments = ("smoke", "--select", "replication")
    with running(*AT_ONCE) as master:
        env = product.urls(master.url)
        alone = product.run(folder, *arguments, env=env, config=config)
        with running("--replicaof", f"127.0.0.1 {master.port}"):
            wait_until(lambda: master.client().info("replication")["connected_slaves"] == 1)
            wait_until(lambda: "online" in str(master.client().info("replication").get("slave0")))
            joined = product.run(folder, *arguments, env=env, config=config)
    assert alone.verdicts["replication.link[queue]"] == "fail"
    assert joined.verdicts["replication.link[queue]"] == "pass"


def test_rejected_clients_count_since_the_last_run_only(folder: Path) -> None:
    arguments = ("smoke", "--select", "connectivity.clients")
    with running("--maxclients", "8") as server:
        env = product.urls(server.url)
        with contextlib.ExitStack() as stack:
            for _ in range(9):
                client = server.client()
                with contextlib.suppress(Exception):
                    client.ping()
                stack.callback(client.close)
        wait_until(lambda: len(server.client().client_list()) < 3)
        first = product.run(folder, *arguments, env=env)
        second = product.run(folder, *arguments, env=env)
    assert first.verdicts["connectivity.clients[queue]"] == "warn"
    assert "rejected" in first.message("connectivity.clients[queue]")
    assert second.verdicts["connectivity.clients[queue]"] == "pass"
    assert "rejected 0 since the last run" in second.message("connectivity.clients[queue]")


def test_memory_is_measured_against_the_configured_limit_where_maxmemory_is_0(
    folder: Path,
) -> None:
    config = "[services.{0}]\nrole = '{0}'\nmemory_limit = '{1}'\n"
    arguments = ("smoke", "--select", "memory.used_ratio")
    with running() as server:
        server.client().set("big", "x" * 9_000_000)
        env = product.urls(server.url)
        over = product.run(folder, *arguments, env=env, config=config.format("queue", "10MB"))
        under = product.run(folder, *arguments, env=env, config=config.format("queue", "1GB"))
    assert over.verdicts["memory.used_ratio[queue]"] == "fail"
    assert under.verdicts["memory.used_ratio[queue]"] == "pass"
    assert "the configured memory_limit" in under.message("memory.used_ratio[queue]")


def test_memory_is_measured_against_the_least_that_bounds_it(folder: Path) -> None:
    """A maxmemory beyond what the machine has, or beyond what is configured, bounds nothing."""
    config = "[services.queue]\nrole = 'queue'\nmemory_limit = '10MB'\n"
    arguments = ("smoke", "--select", "memory.used_ratio")
    with running("--maxmemory", "100000gb") as server:
        server.client().set("big", "x" * 9_000_000)
        env = product.urls(server.url)
        done = product.run(folder, *arguments, env=env, config=config)
    name = "memory.used_ratio[queue]"
    assert done.verdicts[name] == "fail"
    assert "of the configured memory_limit (limit 80 %) on queue, which is" in done.message(name)
    name = "memory.used_ratio[cache]"  # without a memory_limit
    assert done.verdicts[name] == "pass"
    assert "of the machine's memory (limit 80 %) on cache, which is less" in done.message(name)
    assert set(done.finding(name)["evidence"]) >= {"maxmemory", "the machine's memory"}


@pytest.mark.parametrize(
    ("denied", "check", "names"),
    [
        ("-info", "memory.used_ratio", "INFO"),
        ("-slowlog", "latency.slowlog", "SLOWLOG GET"),
        ("-config", "latency.slowlog", "CONFIG GET"),
        ("-config", "persistence.saving", "CONFIG GET"),
        ("-scan", "jwt_cache.populated", "SCAN"),
        ("-set", "connectivity.writable", "SET"),
        ("-publish", "connectivity.pubsub", "PUBLISH"),
        ("-subscribe", "connectivity.pubsub", "SUBSCRIBE"),
    ],
)
def test_a_missing_permission_is_unknown_by_name_and_changes_nothing_else(
    denied: str, check: str, names: str, folder: Path
) -> None:
    password = "needed-password"
    with running("--maxmemory", "100mb") as server:
        server.client().set("jwt:1", "{}", ex=60)
        url = server.user("ops", password, "~*", "&*", "+@all", denied)
        arguments = (
            *("smoke", "--select", "connectivity", "memory", "persistence", "replication"),
            *("jwt_cache", "latency.slowlog"),
        )
        done = product.run(folder, *arguments, env=product.urls(url))
        full_rights = product.run(folder, *arguments, env=product.urls(server.url))
    changed = {
        name.partition("[")[0]
        for name, verdict in done.verdicts.items()
        if verdict != full_rights.verdicts[name]
    }
    subject = "cache" if check.startswith("jwt") else "queue"
    assert done.verdicts[f"{check}[{subject}]"] == "unknown"
    assert f"no permission for {names} on {subject}" in done.message(f"{check}[{subject}]")
    allowed = {
        "-info": {"connectivity", "memory", "persistence", "replication", "exporter", "latency"},
        "-scan": {"jwt_cache"},
        "-config": {"latency.slowlog", "persistence.saving"},
    }.get(denied, {check})
    assert check in changed
    assert all(any(name.startswith(prefix) for prefix in allowed) for name in changed), changed


def test_an_acl_user_without_client_changes_nothing(folder: Path) -> None:
    with running() as server:
        url = server.user("ops", "needed-password", "~*", "&*", "+@all", "-client")
        done = product.run(folder, "smoke", "--select", "connectivity", env=product.urls(url))
    assert set(done.verdicts.values()) == {"pass"}
