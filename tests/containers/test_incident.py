"""The checks of containers on real Docker: each on its fault, beside a container that is well."""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from redis_runbook.verdict import CannotLook
from redis_runbook.wire.docker.answers import Info
from redis_runbook.wire.docker.client import Docker
from redis_runbook.wire.ports import free_port
from tests.support.product import Outcome, run, started
from tests.support.requirements import require
from tests.support.servers import Server, wait_until
from tests.support.stacks import RECONNECTED, Queue, Stack, stack

SECRET = "planted-passw0rd"


NOT_TOGETHER_S = 3.5
"""A worker that was started with its queue would have nothing to restore."""


@pytest.fixture(scope="module")
def well(api: docker.APIClient) -> Iterator[tuple[Stack, Queue]]:  # noqa: ARG001  # needs Docker
    """A queue and its worker that is connected again; no test changes them."""
    with stack() as made:
        queue = made.queue(mem_limit="96m")
        worker = made.queue(
            name="worker-1",
            environment={"REDIS_QUEUE_URL": f"redis://{made.project}-queue", "API_TOKEN": SECRET},
            log_config={"type": "json-file", "config": {"max-size": "1m"}},
        )
        time.sleep(NOT_TOGETHER_S)
        queue.restart()
        worker.says(RECONNECTED)
        yield made, queue


@pytest.fixture
def other(api: docker.APIClient) -> Iterator[Stack]:  # noqa: ARG001  # needs Docker
    """For what goes wrong."""
    with stack() as made:
        yield made


def config_of(well: tuple[Stack, Queue], more: str = "") -> str:
    made, _ = well
    return f"""
[containers.queue]
service = "queue"
container = "{made.project}-queue"
[containers.worker]
kind = "worker"
service = "queue"
project = "{made.project}"
compose_service = "worker"
{more}
"""


def looked_at(
    folder: Path, well: tuple[Stack, Queue], more: str = "", select: str = "incident"
) -> Outcome:
    env = {"REDIS_QUEUE_URL": well[1].url}
    done = run(folder, "smoke", "--select", select, config=config_of(well, more), env=env)
    assert SECRET not in done.everything
    assert "Traceback" not in done.everything
    return done


def entry(name: str, container: object, more: str = "") -> str:
    """Another entry, of no service, for a container of the docker SDK."""
    return f'[containers.{name}]\ncontainer = "{container.name}"\n{more}'  # type: ignore[attr-defined]


def test_all_is_well(folder: Path, well: tuple[Stack, Queue]) -> None:
    done = looked_at(folder, well)
    others = ("incident.data_kept", "incident.smoke_command")
    found = {name: one for name, one in done.verdicts.items() if not name.startswith(others)}
    assert found == {
        "incident.container[queue]": "pass",
        "incident.container[worker]": "pass",
        "incident.logs[queue]": "pass",
        "incident.logs[worker]": "pass",
        "incident.workers_reconnected[worker]": "pass",
        "incident.exporter_reconnected[queue]": "unknown",
        "incident.exporter_reconnected[cache]": "unknown",
        "incident.endpoints[queue]": "pass",
        "incident.endpoints[worker]": "pass",
    }
    assert "has logged it 0." in done.message("incident.workers_reconnected[worker]")


def test_what_does_not_run_is_told_with_its_exit_code(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    stopped, paused = other.run("stopped"), other.run("paused")
    crashed = other.run("crashed", "--no-such-option", "1")
    stopped.kill()
    paused.pause()
    crashed.wait()
    more = [entry("stopped", stopped), entry("paused", paused), entry("crashed", crashed)]
    done = looked_at(folder, well, "\n".join(more))
    said = {name: done.message(f"incident.container[{name}]") for name in done_names(done)}
    assert "has exited (exit code 137, SIGKILL)" in said["stopped"]
    assert "is paused" in said["paused"]
    assert "has exited (exit code 1)" in said["crashed"]
    steps = {name: done.finding(f"incident.container[{name}]")["next_steps"] for name in said}
    assert steps["paused"] == [f"`docker unpause {paused.name}`: somebody paused it"]
    assert not any("OOM" in step for step in steps["crashed"])
    assert verdicts(done) == {
        "queue": "pass",
        "worker": "pass",
        "stopped": "fail",
        "paused": "fail",
        "crashed": "fail",
    }


def done_names(done: Outcome) -> list[str]:
    prefix = "incident.container["
    return [name.removeprefix(prefix)[:-1] for name in done.verdicts if name.startswith(prefix)]


def verdicts(done: Outcome, check: str = "container") -> dict[str, str]:
    return {name: done.verdicts[f"incident.{check}[{name}]"] for name in done_names(done)}


def _killed_and_started(again: Queue) -> bool:
    """Once more, where Docker missed why a container ended that it started again at once."""
    again.container.reload()
    answers, told = again.answers(), bool(again.container.attrs["State"]["OOMKilled"])
    if answers and not told:
        again.fill_up()
    return answers and told


def test_an_oom_kill_is_told_and_forgiven_once_somebody_started_it_again(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    small = {"mem_limit": "16m", "memswap_limit": "16m"}
    debug = ("--enable-debug-command", "yes", "--appendonly", "no", "--maxmemory", "0")
    killed = other.queue(*debug, name="killed", **small)
    again = other.queue(*debug, name="again", restart_policy={"Name": "on-failure"}, **small)
    by_hand = other.queue(*debug, name="byhand", **small)
    for one in (killed, by_hand):
        one.fill_up()
        one.container.wait()
    by_hand.container.start()
    wait_until(lambda: _killed_and_started(again), 60)
    entries = [entry(name, one.container) for name, one in
               {"killed": killed, "again": again, "byhand": by_hand}.items()]  # fmt: skip
    done = looked_at(folder, well, "\n".join(entries))
    said = {name: done.message(f"incident.container[{name}]") for name in done_names(done)}
    assert "has exited (exit code 137, SIGKILL, OOM-killed)" in said["killed"]
    assert "was OOM-killed (limit 16 MiB) before it started" in said["again"]
    assert "by its restart policy" in said["again"]
    assert verdicts(done) == {
        "queue": "pass",
        "worker": "pass",
        "killed": "fail",
        "again": "fail",
        "byhand": "warn",
    }


def test_a_restart_loop_and_a_failing_health_check_are_told(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    looping = other.run("loop", "--no-such-option", "1", restart_policy={"Name": "always"})
    often = {"interval": 100_000_000, "timeout": 1_000_000_000, "retries": 1}
    sick = other.run("sick", healthcheck={"test": ["CMD", "redis-cli", "-p", "1", "PING"], **often})
    hale = other.run("hale", healthcheck={"test": ["CMD", "redis-cli", "PING"], **often})
    slow = other.run(
        "slow", healthcheck={"test": ["CMD", "redis-cli", "PING"], "interval": 600_000_000_000}
    )

    def restarted() -> bool:
        looping.reload()
        return bool(looping.attrs["RestartCount"] >= 2)

    def concluded() -> bool:
        sick.reload()
        hale.reload()
        return (sick.health, hale.health) == ("unhealthy", "healthy")

    wait_until(restarted)
    wait_until(concluded)
    named = {"loop": looping, "sick": sick, "hale": hale, "slow": slow}
    done = looked_at(folder, well, "\n".join(entry(name, one) for name, one in named.items()))
    assert verdicts(done) == {
        "queue": "pass",
        "worker": "pass",
        "loop": "fail",
        "sick": "fail",
        "hale": "pass",
        "slow": "unknown",
    }
    assert "is in a restart loop: its restart policy started it" in done.message(
        "incident.container[loop]"
    )
    assert "unhealthy: Could not connect" in done.message("incident.container[sick]")


def test_fatal_lines_are_counted_since_the_last_start_and_shown_redacted(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    loud = other.queue(name="loud", environment={"API_TOKEN": SECRET})
    quiet = other.queue(name="quiet")
    for line in (f"MISCONF {SECRET}", "Can't save \x1b[31m", "tax office burns"):
        loud.says(line)
    quiet.says("panic: long ago")
    quiet.restart()
    own = 'log_patterns = ["tax office"]'
    more = entry("loud", loud.container, own) + "\n" + entry("quiet", quiet.container, own)
    done = looked_at(folder, well, more)
    assert verdicts(done, "logs") == {
        "queue": "pass",
        "worker": "pass",
        "loud": "warn",
        "quiet": "pass",
    }
    found = done.finding("incident.logs[loud]")
    assert found["observed"] == 3
    (shown,) = found["evidence"].values()
    assert "MISCONF [redacted]" in shown[0]
    assert "Can't save" in shown[1]
    assert "\x1b" not in done.everything
    done = looked_at(folder / "private", well, f"{more}\n[privacy]\njob_details = false")
    assert done.finding("incident.logs[loud]")["observed"] == 3
    assert "tax office burns" not in done.everything


@pytest.mark.parametrize("shown", [True, False], ids=["job details", "no job details"])
def test_the_newest_lines_of_logs_are_gathered_once_something_is_broken(
    folder: Path,
    well: tuple[Stack, Queue],
    other: Stack,
    shown: bool,  # noqa: FBT001  # a parameter
) -> None:
    chatty = other.queue(name="worker-1", environment={"API_TOKEN": SECRET})
    for number in range(30):
        chatty.says(f"line {number} of {SECRET}")
    more = (
        "[services.queue.limits]\nmemory_ratio = 0.0001\n"
        f"[privacy]\njob_details = {str(shown).lower()}\n"
        f'{entry("chatty", chatty.container)}kind = "worker"\nservice = "queue"\n'
        '[containers.lost]\ncontainer = "no-such-container"\nservice = "queue"\n'
    )
    done = looked_at(folder, well, more, select="memory.used_ratio")
    gathered = done.results["extra"]["gathered"]["queue"]
    lines = gathered[f"log of {well[0].project}-queue"]
    assert len(lines) <= 20
    assert any(line.endswith("Ready to accept connections") for line in lines)
    said = gathered[f"log of {other.project}-worker-1"]
    if shown:
        assert [line.partition(" # ")[2] for line in said] == [
            f"line {number} of [redacted]" for number in range(10, 30)
        ]
    else:
        assert said == ["not shown: [privacy] job_details = false"]
    assert gathered["log of lost"][0].endswith("has no container no-such-container")
    healthy = looked_at(folder / "healthy", well, select="memory.used_ratio")
    assert "queue" not in healthy.results["extra"]["gathered"]


def test_a_secret_that_docker_splits_with_its_line_is_not_shown(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    chatty = other.queue(name="worker-2", environment={"API_TOKEN": SECRET})
    chatty.says("--------" + f"{SECRET} " * 2_500)  # in three parts, each ends amid one
    more = (
        "[services.queue.limits]\nmemory_ratio = 0.0001\n"
        f'{entry("chatty", chatty.container)}kind = "worker"\nservice = "queue"\n'
    )
    done = looked_at(folder, well, more, select="memory.used_ratio")
    said = done.results["extra"]["gathered"]["queue"][f"log of {other.project}-worker-2"]
    assert "[redacted] [redacted]" in said[-1]
    parts = {SECRET[at : at + 6] for at in range(len(SECRET) - 5)}
    assert [part for part in parts if part in done.everything] == []


def test_without_docker_the_rest_is_gathered(folder: Path, healthy: Server) -> None:
    more = "[services.queue.limits]\nmemory_ratio = 0.0001\n"
    text = f'{more}[containers.queue]\nservice = "queue"\ncontainer = "x"\n'
    env = {"REDIS_QUEUE_URL": healthy.url, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = run(folder, "smoke", "--select", "memory.used_ratio", config=text, env=env)
    gathered = done.results["extra"]["gathered"]["queue"]
    assert gathered["log of queue"] == ["no Docker daemon answers at unix:///nowhere/docker.sock"]
    assert "INFO memory" in gathered


def test_each_worker_of_a_compose_service_must_have_logged_it(folder: Path, other: Stack) -> None:
    queue = other.queue()
    first, second = other.queue(name="worker-1"), other.queue(name="worker-2")
    other.run("worker-run-1", labels={"com.docker.compose.oneoff": "True"})
    for one in (first, second):
        one.says(RECONNECTED)  # of a restart before the last
    time.sleep(NOT_TOGETHER_S)
    queue.restart()
    first.says(RECONNECTED)
    done = looked_at(folder, (other, queue))
    assert done.verdicts["incident.workers_reconnected[worker]"] == "unknown"
    said = done.message("incident.workers_reconnected[worker]")
    assert f"{other.project}-worker-2 has not logged it yet (it may take 25 s)" in said
    assert "worker-1" not in said
    second.says(RECONNECTED)
    assert (
        looked_at(folder, (other, queue)).verdicts["incident.workers_reconnected[worker]"] == "pass"
    )
    first.restart()
    third = other.queue(name="anew")
    more = entry("anew", third.container, 'kind = "worker"\nservice = "queue"')
    done = looked_at(folder, (other, queue), more)
    assert done.verdicts["incident.workers_reconnected[worker]"] == "pass"
    assert done.verdicts["incident.workers_reconnected[anew]"] == "not_applicable"


def test_a_log_file_serves_as_well(folder: Path, well: tuple[Stack, Queue], tmp_path: Path) -> None:
    _, queue = well
    now_s, _ = queue.client().time()
    files = {
        "json": f'{{"level":30,"time":{now_s}123,"msg":"{RECONNECTED}"}}\n',
        "old": f"2020-01-01T00:00:00Z {RECONNECTED}\n",
        "mute": f"{RECONNECTED}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    more = "\n".join(
        f'[containers.{name}]\nkind = "worker"\nservice = "queue"\nlog_file = "{tmp_path / name}"'
        for name in (*files, "absent")
    )
    done = looked_at(folder, well, more)
    got = {
        name: done.verdicts[f"incident.workers_reconnected[{name}]"] for name in (*files, "absent")
    }
    # Its server may have started less than 25 s ago, or more.
    assert got.pop("old") in {"fail", "unknown"}
    assert got == {"json": "pass", "mute": "unknown", "absent": "unknown"}
    assert "bear no time" in done.message("incident.workers_reconnected[mute]")
    assert "does not exist" in done.message("incident.workers_reconnected[absent]")
    assert done.verdicts["incident.container[json]"] == "not_applicable"


def test_an_application_that_is_told_another_server_is_a_warning(
    folder: Path, well: tuple[Stack, Queue], other: Stack, tmp_path: Path
) -> None:
    made, _ = well
    inside = f"redis://:{SECRET}@{made.project}-queue:6379"
    named = {
        "inside": other.run("inside", environment={"REDIS_QUEUE_URL": inside}),
        "other": other.run("other", environment={"REDIS_QUEUE_URL": "redis://elsewhere:6379"}),
        "database": other.run("database", environment={"REDIS_QUEUE_URL": f"{inside}/3"}),
        "untold": other.run("untold"),
    }
    kind = 'kind = "app"\nservice = "queue"'
    (tmp_path / ".env").write_text(f"A=1\nexport REDIS_QUEUE_URL='{inside}'\n")
    (tmp_path / "wrong.env").write_text(f"REDIS_QUEUE_URL=redis://:{SECRET}@elsewhere:6379 # x\n")
    entries = [entry(name, one, kind) for name, one in named.items()]
    entries += [
        entry("dotenv", named["untold"], f'{kind}\ndotenv = "{tmp_path}/.env"'),
        entry("wrongenv", named["untold"], f'{kind}\ndotenv = "{tmp_path}/wrong.env"'),
    ]
    done = looked_at(folder, well, "\n".join(entries))
    assert verdicts(done, "endpoints") == {
        "queue": "pass",
        "worker": "pass",
        "inside": "pass",
        "other": "warn",
        "database": "warn",
        "untold": "not_applicable",
        "dotenv": "pass",
        "wrongenv": "warn",
    }
    assert "names elsewhere:6379, database 0" in done.message("incident.endpoints[other]")


def test_localhost_in_a_container_is_that_container(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    told = {"REDIS_QUEUE_URL": well[1].url}
    port = ("--port", str(free_port()))
    itself = other.run("itself", environment=told)
    beside = f"container:{itself.id}"
    named = {
        "itself": itself,
        "beside": other.run("beside", *port, network_mode=beside, environment=told),
        "host": other.run("host", *port, network_mode="host", environment=told),
    }
    kind = 'kind = "app"\nservice = "queue"'
    done = looked_at(folder, well, "\n".join(entry(name, one, kind) for name, one in named.items()))
    assert verdicts(done, "endpoints") == {
        "queue": "pass",
        "worker": "pass",
        "itself": "warn",
        "beside": "unknown",
        "host": "pass",
    }


def test_the_containers_limit_bounds_the_memory_and_leaves_no_room(
    folder: Path, other: Stack
) -> None:
    queue = other.queue("--maxmemory", "0", mem_limit="64m")
    other.run("worker-1")
    done = looked_at(folder, (other, queue))
    assert done.verdicts["incident.endpoints[queue]"] == "warn"
    assert "maxmemory is 0: the memory limit of" in done.message("incident.endpoints[queue]")
    done = looked_at(folder, (other, queue), select="memory.used_ratio")
    assert done.verdicts["memory.used_ratio[queue]"] == "pass"
    assert "of its container's limit" in done.message("memory.used_ratio[queue]")
    (folder / "runbook.toml").unlink()
    alone = run(
        folder, "smoke", "--select", "memory.used_ratio", env={"REDIS_QUEUE_URL": queue.url}
    )
    assert alone.verdicts["memory.used_ratio[queue]"] == "unknown"


def test_the_container_of_another_server_is_no_proof_of_this_one(
    folder: Path, healthy: Server, other: Stack
) -> None:
    """The server that is checked is older than the container by more than 5 s."""
    wait_until(lambda: healthy.client().info("server")["uptime_in_seconds"] >= 7)
    queue = other.queue()
    other.run("worker-1", environment={"REDIS_QUEUE_URL": f"redis://{other.project}-queue"})
    env = {"REDIS_QUEUE_URL": healthy.url}
    done = run(folder, "smoke", "--select", "incident", config=config_of((other, queue)), env=env)
    assert verdicts(done) == {"queue": "fail", "worker": "pass"}  # a worker may start when it likes
    said = done.message("incident.container[queue]")
    assert "later than the server that was checked: that is another one" in said
    assert verdicts(done, "endpoints") == {"queue": "pass", "worker": "warn"}
    assert f"names {other.project}-queue:6379" in done.message("incident.endpoints[worker]")


def test_a_container_is_judged_by_itself_where_its_server_does_not_answer(
    folder: Path, other: Stack
) -> None:
    queue = other.queue()
    other.run("worker-1")
    env = {"REDIS_QUEUE_URL": f"redis://127.0.0.1:{free_port()}"}
    select = ("--select", "incident", "connectivity.reachable")
    done = run(folder, "smoke", *select, config=config_of((other, queue)), env=env)
    assert done.verdicts["connectivity.reachable[queue]"] == "fail"
    assert verdicts(done) == {"queue": "pass", "worker": "pass"}


# --- Docker is not there, or not for us ---------------------------------------------------------


def without_docker(folder: Path, healthy: Server, host: str) -> Outcome:
    text = '[containers.queue]\nservice = "queue"\ncontainer = "x"\n'
    text += '[containers.w]\nkind = "worker"\nservice = "queue"\ncontainer = "w"\n'
    env = {"REDIS_QUEUE_URL": healthy.url, "DOCKER_HOST": host}
    select = ("--select", "incident", "--select", "memory.used_ratio")
    done = run(folder, "smoke", *select, config=text, env=env)
    assert "Traceback" not in done.everything
    assert done.verdicts["memory.used_ratio[queue]"] == "pass"
    for check in ("container", "logs", "endpoints"):
        assert done.verdicts[f"incident.{check}[queue]"] == "unknown"
    assert done.verdicts["incident.workers_reconnected[w]"] == "unknown"
    return done


def test_no_daemon_is_unknown_and_the_servers_are_checked_all_the_same(
    folder: Path, healthy: Server
) -> None:
    done = without_docker(folder, healthy, "unix:///nowhere/docker.sock")
    said = "no Docker daemon answers at unix:///nowhere/docker.sock"
    assert done.message("incident.container[queue]") == said
    assert done.message("incident.workers_reconnected[w]") == said
    assert done.code == 3


@pytest.mark.parametrize(
    "host",
    [
        *("nonsense://x", "tcp://127.0.0.1:1", "http://[::1", "ssh://"),
        *("u:planted-word@x:1", "tcp://u:planted-word@x:1", "tcp://u:planted-word@127.0.0.1:y"),
    ],
)
def test_a_docker_host_that_is_none_is_unknown(folder: Path, healthy: Server, host: str) -> None:
    done = without_docker(folder, healthy, host)
    assert "planted" not in done.everything
    said = done.message("incident.container[queue]")
    assert "no Docker daemon answers" in said or "DOCKER_HOST cannot be used" in said


@pytest.mark.parametrize(
    "answer",
    [
        b"",  # says nothing
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000,
        b'HTTP/1.1 200 OK\r\n\r\n{"SystemTime": "' + b"9" * 3_000_000,
        b'HTTP/1.1 200 OK\r\n\r\n{"SystemTime": "2026-01-01T00:00:00Z"}',  # and so for all
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"HTTP/1.1 500 No\r\n\r\n\x1b[31m",
    ],
    ids=["silent", "ssh", "deep", "long", "same", "redirect", "error"],
)
def test_a_hostile_daemon_is_unknown(
    folder: Path, healthy: Server, answer: bytes, tmp_path: Path
) -> None:
    """FAKE: a daemon that answers this to whatever it is asked."""
    path = str(tmp_path / "d.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        taken: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    taken.append(connection)
                    if answer:
                        with contextlib.suppress(OSError), connection:
                            connection.recv(65536)
                            connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        done = without_docker(folder, healthy, f"unix://{path}")
        listener.shutdown(socket.SHUT_RDWR)
    assert "\x1b" not in done.everything
    if not answer:
        said = done.message("incident.container[queue]")
        assert said.endswith("did not answer within 5 s")


def test_a_socket_that_is_not_ours_is_unknown(api: docker.APIClient) -> None:
    del api
    require(os.geteuid() == 0, "only root can be somebody else for a while")
    mine = Docker(limit_s=5)
    mine.get("/info", Info)
    mine.close()
    os.seteuid(65534)
    try:
        with pytest.raises(CannotLook) as caught:
            Docker(limit_s=5).get("/info", Info)
    finally:
        os.seteuid(0)
    said = "this user may not talk to the Docker daemon at unix:///var/run/docker.sock"
    assert str(caught.value) == said


def test_a_container_that_is_not_there_is_unknown(folder: Path, well: tuple[Stack, Queue]) -> None:
    absent = '[containers.absent]\ncontainer = "no-such"\n'
    absent += '[containers.gone]\nproject = "no"\ncompose_service = "such"\n'
    begun = f'[containers.id]\ncontainer = "{well[1].container.short_id}"\n'
    done = looked_at(folder, well, absent + begun)
    assert "has no container no-such" in done.message("incident.container[absent]")
    assert "has no container of the compose service such in the project no" in done.message(
        "incident.container[gone]"
    )
    assert verdicts(done) == {
        "queue": "pass",
        "worker": "pass",
        "absent": "unknown",
        "gone": "unknown",
        "id": "unknown",
    }


def test_what_is_switched_off_is_not_applicable(folder: Path, well: tuple[Stack, Queue]) -> None:
    more = '[containers.off]\nenabled = false\ncontainer = "x"\n'
    more += '[containers.idle]\nkind = "worker"\nservice = "cache"\ncontainer = "x"\n'
    more += "[services.cache]\nenabled = false\n"
    done = looked_at(folder, well, more)
    assert done.verdicts["incident.container[off]"] == "not_applicable"
    assert done.verdicts["incident.workers_reconnected[idle]"] == "not_applicable"
    said = "switched off: [services.cache] enabled = false"
    assert done.message("incident.workers_reconnected[idle]") == said
    assert done.verdicts["incident.container[queue]"] == "pass"


def test_throwaway_servers_are_in_none_of_the_configured_containers(folder: Path) -> None:
    text = '[containers.queue]\nservice = "queue"\ncontainer = "x"\n'
    done = run(folder, "smoke", "--target", "embedded", "--select", "incident", config=text)
    assert set(done.verdicts.values()) == {"not_applicable"}


def test_docker_is_not_loaded_where_no_container_is_configured(
    folder: Path, healthy: Server
) -> None:
    script = (
        "import sys; from redis_runbook.cli import main; main(); print('docker' in sys.modules)"
    )
    arguments = ("smoke", "--select", "incident", "--select", "memory.used_ratio")
    program = [sys.executable, "-c", script, *arguments]
    done = started(program, folder, env={"REDIS_QUEUE_URL": healthy.url})
    assert done.out.rstrip().endswith("False")


def test_a_worker_that_says_nothing_is_broken_25_s_after_the_start(
    folder: Path, well: tuple[Stack, Queue], other: Stack
) -> None:
    """The last one: most of the 25 s have passed in the tests before it."""
    del other
    _, queue = well
    mute = 'reconnect_line = "never said"'
    more = (
        '[containers.mute]\nkind = "worker"\nservice = "queue"\n'
        f'container = "{well[0].project}-worker-1"\n{mute}\n'
    )
    wait_until(lambda: queue.client().info("server")["uptime_in_seconds"] >= 27, limit_s=35)
    done = looked_at(folder, well, more)
    assert done.verdicts["incident.workers_reconnected[mute]"] == "fail"
    assert done.verdicts["incident.workers_reconnected[worker]"] == "pass"
    assert done.code == 1
