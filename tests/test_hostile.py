"""A hostile machine, server, folder or password: never green by mistake, nothing lost or hung."""

import contextlib
import io
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from redis.exceptions import InvalidResponse

from redis_runbook.cli import main
from redis_runbook.probes.clients import clients_facts
from redis_runbook.probes.memory import memory_facts
from redis_runbook.probes.persistence import persistence_facts
from redis_runbook.probes.server import server_facts, whole
from redis_runbook.probes.slowlog import read_slowlog
from redis_runbook.reporting.previous import read_previous
from redis_runbook.verdict import CannotLook
from redis_runbook.wire import resp as bounded_parser
from redis_runbook.wire.client import Client, create_connection
from redis_runbook.wire.endpoint import parse_endpoint
from tests import product
from tests.requirements import require
from tests.servers import Server, free_port, running, wait_until

ROLE = ("smoke", "--select", "connectivity.role")


def shell(folder: Path, line: str, *, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a line of shell in which `$RUN` is the product."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={**product.QUIET, **env, "RUN": " ".join(product.command())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# A hostile machine


@pytest.mark.parametrize(
    "redirection", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1"]
)
def test_streams_that_are_closed_or_full_cost_neither_report_nor_verdict(
    redirection: str, healthy: Server, folder: Path
) -> None:
    line = f"$RUN {' '.join(ROLE)} {redirection}"
    done = shell(folder, line, env=product.urls(healthy.url))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(product.reports(folder)) == 6


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("config", "the configuration"),
        ("config --schema", "the schema"),
        ("rules", "the rules"),
        ("rules -o rules.yml", "the list of what was written"),
        ("dashboards", "the list of what was written"),
    ],
)
def test_an_answer_that_cannot_be_printed_is_no_success(
    command: str, what: str, folder: Path
) -> None:
    done = shell(folder, f"$RUN {command} >/dev/full", env={})
    assert done.returncode == 3
    assert done.stderr == f"cannot write {what}: No space left on device\n"


def test_a_folder_that_is_gone_is_bad_usage(healthy: Server, folder: Path) -> None:
    line = f'mkdir gone; cd gone; rmdir "$PWD"; exec $RUN {" ".join(ROLE)}'
    done = shell(folder, line, env=product.urls(healthy.url))
    assert done.returncode == 4
    assert done.stderr == "the current folder cannot be used: No such file or directory\n"


def test_without_a_folder_for_temporary_files_the_verdict_is_still_told(
    healthy: Server, folder: Path
) -> None:
    folder.mkdir()
    hide = "; ".join(
        ["set -e", f"mount --bind {folder} /mnt"]
        # What lies there stays to be read: the checkout itself may.
        + [
            f"mount --bind {place} {place}; mount -o remount,ro,bind {place}"
            for place in ("/tmp", "/var/tmp")  # noqa: S108
        ]
    )
    possible = shell(folder, f"unshare --mount sh -c '{hide}'", env={})
    require(not possible.returncode, "hiding the folders for temporary files needs root")
    # Python would also try the current folder.
    line = f"unshare --mount sh -c '{hide}; cd /proc; exec $RUN {' '.join(ROLE)} --report-dir /mnt'"
    env = {**product.urls(healthy.url), "TMPDIR": "/nonexistent"}
    done = shell(folder, line, env=env)
    assert done.returncode == 3
    assert "PASS     connectivity.role[queue]" in done.stdout
    assert done.stderr == "no HTML report: pytest-html could not write it\n"
    assert (folder / "results.json").exists()


def test_results_do_not_claim_health_where_another_report_is_missing(
    healthy: Server, folder: Path
) -> None:
    (folder / "reports" / "latest.html").mkdir(parents=True)
    done = product.run(folder, *ROLE, env=product.urls(healthy.url))
    assert done.code == 3
    assert done.results["extra"]["exit_code"] == 3
    assert done.results["extra"]["healthy"] is False


def test_variables_of_pytest_do_not_reach_the_checks(healthy: Server, folder: Path) -> None:
    env = {"PYTEST_PLUGINS": "no_such_plugin", "PYTEST_ADDOPTS": "--collect-only"}
    done = product.run(folder, *ROLE, env={**product.urls(healthy.url), **env})
    assert done.code == 0
    assert len(done.verdicts) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_waiting_between_two_runs_are_one_interruption(
    number: signal.Signals, folder: Path
) -> None:
    folder.mkdir()
    process = subprocess.Popen(
        product.command(*ROLE, "--wait", "30"),
        cwd=folder,
        env={**product.QUIET, **product.urls("redis://127.0.0.1:1")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert any("again in" in line for line in process.stdout)
    while process.poll() is None:  # an impatient user
        process.send_signal(number)
        time.sleep(0.01)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (2, "")


def test_a_fault_of_our_own_is_neither_green_nor_a_broken_invariant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_arguments: list[str]) -> int:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("redis_runbook.cli._main", fail)
    assert main([]) == 3
    said = capsys.readouterr().err
    assert re.fullmatch(
        r"redis-runbook itself failed: RuntimeError, at test_hostile\.py:\d+; nothing was "
        r"determined\n",
        said,
    )


def test_a_url_in_the_wrong_place_is_not_quoted_with_its_password(folder: Path) -> None:
    done = product.run(folder, "smoke", "redis://:hunter2-secret@h")
    assert done.code == 4
    assert "unrecognized arguments" in done.err
    assert "hunter2" not in done.everything


# A hostile folder of reports


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def negative(path: Path) -> None:
    seen = {"queue": {"run_id": "a", "rejected_connections": -5}}
    path.write_text(json.dumps({"results": {"extra": {"servers": seen}}}))


@pytest.mark.parametrize("make", [pipe, endless, deep, negative, Path.mkdir])
def test_what_lies_in_the_place_of_the_last_results_is_not_trusted(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "results.json")
    assert read_previous(tmp_path) == {}


# Hostile passwords


@pytest.mark.parametrize(
    "password",
    ["name", "class", "error", "script", "null,", '": "', "</tr>", "x" * 10_000, '"&<\\'],
)
def test_a_password_does_not_tear_the_reports_apart(password: str, folder: Path) -> None:
    with running("--requirepass", password) as server:
        url = server.url.replace("://", f"://:{quote(password, safe='')}@")
        done = product.run(folder, *ROLE, env=product.urls(url))
    assert done.code == 0, done.err
    assert done.verdicts == {
        "connectivity.role[queue]": "pass",
        "connectivity.role[cache]": "pass",
    }
    cases = ET.fromstring(done.junit).iter("testcase")  # noqa: S314  # our own document
    assert [case.get("name") for case in cases] == [*done.verdicts]
    assert '<th scope="row">connectivity.role</th>' in done.html
    assert done.html.count("</script>") == done.html.count("<script")


def test_services_stay_apart_where_passwords_are_their_names(folder: Path) -> None:
    with running("--requirepass", "cache") as queue, running("--requirepass", "queue") as cache:
        queue.stop()
        env = product.urls(
            queue.url.replace("://", "://:cache@"), cache.url.replace("://", "://:queue@")
        )
        done = product.run(folder, "smoke", "--select", "connectivity.reachable", env=env)
    assert done.code == 1
    assert done.verdicts == {
        "connectivity.reachable[queue]": "fail",
        "connectivity.reachable[cache]": "pass",
    }


def test_an_encrypted_key_is_bad_configuration_and_asks_nobody(folder: Path) -> None:
    folder.mkdir()
    certificate, key = folder / "cert.pem", folder / "key.pem"
    made = shell(
        folder,
        "openssl req -x509 -newkey rsa:2048 -passout pass:sesame -days 1 -subj /CN=h "
        f"-keyout {key} -out {certificate}",
        env={},
    )
    require(not made.returncode, "openssl is not installed")
    config = (
        '[services.queue]\nurl = "rediss://127.0.0.1:1"\n'
        f'[services.queue.tls]\ncert_file = "{certificate}"\nkey_file = "{key}"\n'
    )
    done = product.run(folder, *ROLE, config=config)
    assert done.code == 4
    assert "services.queue.tls.cert_file: it and key_file are not a PEM certificate" in done.err


# A user's own tests


def test_of_own_tests_of_one_name_the_worst_counts(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    own = folder / "test_own.py"
    own.write_text(
        "class TestA:\n    def test_x(self):\n        assert 0\n"
        "class TestB:\n    def test_x(self):\n        pass\n"
    )
    for name, body in (("a", "assert 0"), ("b", "pass")):
        (folder / name).mkdir()
        (folder / name / "test_twin.py").write_text(f"def test_x():\n    {body}\n")
    files = ("--import-mode=importlib", "test_own.py", "a/test_twin.py", "b/test_twin.py")
    done = product.run(folder, "smoke", "--", *files, env=product.urls(healthy.url))
    assert done.code == 1
    own_verdicts = {
        name: verdict for name, verdict in done.verdicts.items() if name.startswith("test_")
    }
    assert own_verdicts == {
        "test_own[TestA::test_x]": "fail",
        "test_own[TestB::test_x]": "pass",
        "test_twin[test_x]": "fail",
    }


# Hostile servers


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


class Replies(socketserver.ThreadingTCPServer):
    """A fake: a real server's replies, but for some commands, whose replies are given."""

    daemon_threads = True

    def __init__(self, port: int, given: Mapping[bytes, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Replies)
        self.behind = port
        self.given = given

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server_address[1]}"


class _Replies(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = cast("Replies", self.server)
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", server.behind)) as behind,
            behind.makefile("rb") as real,
        ):
            while words := read_reply(self.rfile):
                name = words.split(b"\r\n")[2].upper()
                given = server.given.get(name)
                if given is None:
                    behind.sendall(words)
                self.wfile.write(read_reply(real) if given is None else given)


def read_reply(file: io.BufferedIOBase) -> bytes:
    line = file.readline()
    if line[:1] == b"$" and line != b"$-1\r\n":
        return line + file.read(int(line[1:]) + 2)
    if line[:1] == b"*":
        return line + b"".join(read_reply(file) for _ in range(int(line[1:])))
    return line


@contextlib.contextmanager
def replies(server: Server, given: Mapping[bytes, bytes]) -> Iterator[str]:
    """The URL of a fake before the server."""
    with Replies(server.port, given) as fake:
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        yield fake.url
        fake.shutdown()


@pytest.mark.parametrize("reply", [b"*1\r\n" * 10_000, b":x\r\n", b"?\r\n"], ids=["deep", "x", "?"])
@pytest.mark.parametrize("command", [b"INFO", b"CLIENT", b"SET", b"SLOWLOG"])
def test_replies_that_make_no_sense_are_said_at_once(
    command: bytes, reply: bytes, healthy: Server, folder: Path
) -> None:
    checks = ("connectivity.role", "connectivity.writable", "latency.slowlog")
    started = time.monotonic()
    with replies(healthy, {command: reply}) as url:
        done = product.run(folder, "smoke", "--select", *checks, env=product.urls(url, healthy.url))
    assert time.monotonic() - started < 8
    assert done.code == 3
    unknown = {name for name, verdict in done.verdicts.items() if verdict == "unknown"}
    assert unknown
    assert all(name.endswith("[queue]") for name in unknown)
    assert "queue sent a reply that makes no sense" in {done.message(name) for name in unknown}
    assert "itself failed" not in done.everything
    assert "Traceback" not in done.everything


def test_an_error_with_a_quoted_secret_leaves_the_results_readable(
    healthy: Server, folder: Path
) -> None:
    with replies(healthy, {b"PING": b'-ERR token="hunter2" said\r\n'}) as url:
        done = product.run(
            folder, "smoke", "--select", "connectivity.reachable", env=product.urls(url)
        )
    assert done.code == 1
    assert 'token="[redacted]" said' in done.message("connectivity.reachable[queue]")
    assert "hunter2" not in done.everything


def test_disabled_commands_are_named(folder: Path) -> None:
    renamed = [word for name in ("CONFIG", "SLOWLOG") for word in ("--rename-command", name, "")]
    with running(*renamed) as server:
        done = product.run(
            folder, "smoke", "--select", "persistence", "latency.slowlog",
            env=product.urls(server.url),
        )  # fmt: skip
    assert done.message("persistence.saving[queue]").endswith("CONFIG GET is disabled on queue")
    assert done.message("latency.slowlog[queue]") == "SLOWLOG GET is disabled on queue"
    assert "stopped answering" not in done.everything


def test_an_error_is_not_taken_for_the_end_of_the_connection(healthy: Server, folder: Path) -> None:
    with replies(healthy, {b"INFO": b"-ERR not now\r\n"}) as url:
        done = product.run(folder, *ROLE, env=product.urls(url, healthy.url))
    assert done.message("connectivity.role[queue]") == "queue answers with an error: not now"


class Fixed:
    """A fake client: the same replies whatever is asked."""

    def __init__(self, *given: object) -> None:
        self.given = given

    def ask(self, *_command: object) -> object:
        return self.given[0]

    def ask_all(self, *_commands: object) -> list[object]:
        return list(self.given)


def fixed(*given: object) -> Client:
    return cast("Client", Fixed(*given))


CLOCK = [b"1700000000", b"0"]
SETTINGS = ([b"slowlog-log-slower-than", b"10000"], [b"slowlog-max-len", b"128"])


@pytest.mark.parametrize(
    ("log", "clock"),
    [
        (b"", CLOCK),
        (None, CLOCK),
        ([b""], CLOCK),
        ([[1, 1, 1, [10**12]]], CLOCK),
        ([[1, 1, 10**400, [b"GET"]]], CLOCK),
        ([[1, 1, 1, []]], CLOCK),
        ([], [b"9" * 400, b"0"]),
        ([], [b"-1", b"0"]),
        ([], b""),
    ],
)
def test_a_slowlog_of_another_shape_is_not_taken_for_an_empty_one(
    log: object, clock: object
) -> None:
    with pytest.raises(CannotLook, match="unknown shape"):
        read_slowlog(fixed(log, clock, *SETTINGS))
    assert read_slowlog(fixed([], CLOCK, *SETTINGS)).entries == []


@pytest.mark.parametrize("number", ["-1", "1e400", "nan", "1e300", "0.5", "", "many"])
def test_a_count_that_cannot_be_is_not_compared_with_a_limit(number: str) -> None:
    info = {"used_memory": "1", "maxmemory": number, "maxmemory_policy": "x", "evicted_keys": "0"}
    with pytest.raises(CannotLook, match="INFO's maxmemory is not a"):
        memory_facts(info)
    assert whole({"bytes": "-5"}, "bytes", signed=True) == -5


@pytest.mark.parametrize("told", [None, b"", [], [b"maxclients", b"0"], [b"maxclients", b"-5"]])
def test_no_limit_of_clients_is_no_room_for_clients(told: object) -> None:
    info = {"connected_clients": "5", "rejected_connections": "0"}
    with pytest.raises(CannotLook, match="does not tell its maxclients"):
        clients_facts(fixed(told), info)
    assert clients_facts(fixed([b"maxclients", b"100"]), info).maxclients == 100


@pytest.mark.parametrize("missing", ["role", "redis_mode"])
def test_a_server_that_does_not_say_what_it_is_is_unknown(missing: str) -> None:
    info = {"role": "master", "redis_mode": "standalone"}
    assert server_facts(info).role == "master"
    with pytest.raises(CannotLook):
        server_facts({**info, missing: ""})
    assert server_facts({"redis_mode": "sentinel"}).role == "sentinel"


def test_an_aof_whose_state_is_not_told_is_unknown() -> None:
    info = {"rdb_last_bgsave_status": "ok", "aof_enabled": "1"}
    with pytest.raises(CannotLook, match="aof_last_write_status"):
        persistence_facts(fixed([b"save", b""]), info)


def test_two_runs_at_once_leave_whole_reports(healthy: Server, folder: Path) -> None:
    line = " & ".join(f"$RUN {' '.join(ROLE)} >/dev/null" for _ in range(3)) + "; wait"
    done = shell(folder, line, env=product.urls(healthy.url))
    assert done.stderr == ""
    wait_until(lambda: not list((folder / "reports").glob(".*.tmp")))
    found = product.Outcome(0, "", "", product.reports(folder))
    assert len(found.verdicts) == 2
    assert ET.fromstring(found.junit).tag == "testsuites"  # noqa: S314  # our own document


@pytest.mark.parametrize(
    "endless", [b"$1000000000000\r\n", b"+", b"*1000000000\r\n"], ids=["text", "line", "list"]
)
def test_a_reply_without_end_is_refused_before_it_fills_the_memory(
    endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAKE: a server that begins a reply of a terabyte and sends on for as long as it may."""
    monkeypatch.setattr(bounded_parser, "MAX_CONNECTION_BYTES", 1 << 20)

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.sendall(endless)
            while True:
                peer.sendall(b"$1\r\nx\r\n" * 10_000 if endless[:1] == b"*" else b"x" * 100_000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        endpoint = parse_endpoint(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        connection = create_connection(endpoint, timeout_s=5)
        connection.connect()
        connection.send_command("PING")
        with pytest.raises(InvalidResponse, match="larger than anything"):
            connection.read_response()
        connection.disconnect()


def test_a_users_own_tests_come_beside_the_checks(healthy: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "test_own.py").write_text("def test_own():\n    pass\n")
    own = folder / "test_own.py"
    done = product.run(folder, "smoke", "--", str(own), env=product.urls(healthy.url))
    assert done.verdicts["test_own[test_own]"] == "pass"
    assert done.verdicts["connectivity.reachable[queue]"] == "pass"


def test_a_cluster_is_healthy_where_it_is_expected(folder: Path) -> None:
    config = "".join(
        f'[services.{name}]\nrole = "{name}"\nexpected_mode = "cluster"\n'
        for name in ("queue", "cache")
    )
    options = ("--cluster-enabled", "yes", "--cluster-port")
    with (
        running(*options, str(free_port())) as server,
        running(*options, str(free_port())) as other,
    ):
        bus = other.options[-1]
        for node, first, last in ((server, 0, 8191), (other, 8192, 16383)):
            node.client().execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        server.client().execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, bus)
        wait_until(
            lambda: "'cluster_state': 'ok'" in str(server.client().execute_command("CLUSTER INFO")),
            30,
        )
        done = product.run(
            folder,
            *("smoke", "--select", "connectivity.role", "connectivity.writable"),
            env=product.urls(server.url),
            config=config,
        )
    assert set(done.verdicts.values()) == {"pass"}, done.out
