"""Drills: a fault is noticed exactly or it is told, and nothing of a drill is left."""

import contextlib
import dataclasses
import datetime as dt
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.drills.drill import look, run_drill
from redis_runbook.drills.embedded_stand import EmbeddedStand, embedded_place
from redis_runbook.drills.fault import FAULTS, Fault
from redis_runbook.drills.faults.tls import behind_tls
from redis_runbook.drills.stand import Place, Stand
from redis_runbook.verdict import ExitCode, Finding
from tests.support import product
from tests.support.places import ROOT
from tests.support.processes import working_in
from tests.support.programs import program
from tests.support.servers import wait_until

MEMORY = "memory.used_ratio[queue]"
POLICY = "memory.eviction_policy[queue]"


@pytest.mark.quiet
def test_faults_are_noticed_exactly(folder: Path) -> None:
    names = ("evicting-queue", "no-worker", "stopped", "jwt-flushed")
    done, _ = product.measured(folder, "drill", "--fault", *names)
    document = json.loads((folder / "reports" / "drill.json").read_text())
    found = {drill["name"]: drill for drill in document["faults"]}
    assert list(found) == [*names]
    assert all(drill["ok"] and drill["repaired"] for drill in found.values()), found
    assert all(drill["detected_s"] > 0 for drill in found.values())
    assert done.code == 0
    assert found["evicting-queue"]["found"] == [POLICY]
    verdicts = {name: drill["verdict"] for name, drill in found.items()}
    assert verdicts == {**dict.fromkeys(names, "fail"), "no-worker": "unknown"}
    assert found["stopped"]["server"].startswith("valkey 9")
    assert (found["stopped"]["unexpected"], found["stopped"]["missed"]) == ([], [])
    for report in ("drill.md", "drill.html"):
        text = (folder / "reports" / report).read_text()
        assert all(name in text for name in names)
        assert "in 4 of 4 drills (4 faults) the fault was noticed exactly" in text


@contextlib.contextmanager
def nothing(stand: Stand) -> Iterator[None]:
    del stand
    yield


@contextlib.contextmanager
def evicting(stand: Stand) -> Iterator[None]:
    """It is not repaired."""
    stand.queue.client().config_set("maxmemory-policy", "allkeys-lru")
    yield


@contextlib.contextmanager
def failing(stand: Stand) -> Iterator[None]:
    if stand.folder.exists():
        raise RuntimeError("a fault that cannot be made")
    yield


@pytest.mark.quiet
@pytest.mark.parametrize(
    ("inject", "missed", "unexpected", "problem"),
    [
        (nothing, (MEMORY,), (), ""),
        (evicting, (MEMORY,), (POLICY,), ""),
        (failing, (), (), "RuntimeError: a fault that cannot be made"),
    ],
)
def test_what_is_not_noticed_exactly_is_not_ok(
    inject: object,
    missed: object,
    unexpected: object,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = Fault(
        name="odd",
        title="odd",
        inject=inject,  # type: ignore[arg-type]
        expected={"embedded": frozenset({MEMORY})},
        patience_s=0,
    )
    if inject is evicting:
        monkeypatch.setattr("redis_runbook.drills.drill._REPAIRED_IN_S", 1)
    found = run_drill(fault, embedded_place(program("valkey-9")))
    assert (found.missed, found.unexpected, found.problem) == (missed, unexpected, problem)
    assert not found.ok
    assert found.repaired is (inject is nothing)


def test_a_run_that_hangs_notices_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def hanging(_stand: Stand) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr("redis_runbook.drills.drill._RUN_LIMIT_S", 0.05)
            yield

    expected = {"embedded": frozenset({MEMORY})}
    fault = Fault(name="odd", title="odd", inject=hanging, expected=expected)  # type: ignore[arg-type]
    found = run_drill(fault, embedded_place(program("valkey-9")))
    assert (found.missed, found.problem, found.repaired) == ((MEMORY,), "", True)
    assert not found.ok


@pytest.mark.quiet
def test_that_it_cannot_be_known_yet_is_not_noticed_where_that_would_always_be_so() -> None:
    line = "incident.workers_reconnected[worker]"
    hasty = dataclasses.replace(FAULTS["worker-line-missing"], patience_s=0)
    found = run_drill(hasty, embedded_place(program("valkey-9")))
    assert (found.missed, found.found) == ((line,), (line,))
    assert not found.ok
    assert found.repaired


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "stoped"], "--fault stoped: there is no such fault; the nearest is stopped"),
        (["--target", "live"], "invalid choice: 'live'"),
        (["--program", "no-such-server"], "--program no-such-server: there is no such program"),
        (["--fault", "redis://u:planted@h"], "there is no such fault"),
        (
            ["--fault", "stopped", "restart-loop"],
            "--fault restart-loop cannot be made on --target embedded: use --target container",
        ),
        (["--target", "auto"], "invalid choice: 'auto'"),
        (["--target", "container", "--program", "x"], "--program is for --target embedded"),
    ],
)
def test_what_is_no_drill_is_refused(arguments: list[str], words: str, folder: Path) -> None:
    done = product.run(folder, "drill", *arguments)
    assert done.code == 4
    assert words in done.err
    assert "planted" not in done.everything
    assert not (folder / "reports").exists()


def test_without_docker_no_drill_is_run_on_containers(folder: Path) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = product.run(folder, "drill", "--target", "container", env=nowhere)
    assert (done.code, "no Docker daemon answers" in done.err) == (4, True)


def test_live_urls_are_not_touched(folder: Path) -> None:
    dead = {"REDIS_QUEUE_URL": "redis://127.0.0.1:1", "REDIS_CACHE_URL": "redis://127.0.0.1:1"}
    done = product.run(folder, "drill", "--fault", "evicting-queue", env=dead)
    assert done.code == 0, done.out + done.err


def test_an_interrupted_drill_leaves_no_server_and_says_what_was_not_run(
    folder: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    started = product.Started(
        folder,
        *("drill", "--fault", "stopped", "frozen"),
        env={"TMPDIR": str(temporary)},
    )
    wait_until(lambda: any(temporary.iterdir()))
    started.process.send_signal(signal.SIGINT)
    done = started.finish(60)  # what is starting a server is waited for
    assert done.code == 2
    faults = json.loads(done.files["drill.json"])["faults"]
    assert {(one["name"], one["ok"], one["problem"]) for one in faults} == {
        (name, False, "the command was interrupted before it had ended")
        for name in ("stopped", "frozen")
    }
    wait_until(lambda: not any(temporary.iterdir()) and not working_in(temporary))


def test_reports_that_cannot_be_written_are_refused_before_any_drill(folder: Path) -> None:
    folder.mkdir()
    (folder / "reports").write_text("a file")
    began = time.monotonic()
    done = product.run(folder, "drill", "--fault", "evicting-queue")
    assert (done.code, "cannot write to reports: File exists" in done.err) == (4, True)
    assert time.monotonic() - began < 5


def test_the_list_the_matrix_and_the_readme_know_every_fault(folder: Path) -> None:
    done = product.run(folder, "drill", "--list")
    assert done.code == 0
    assert len(FAULTS) == len(done.out.splitlines())
    matrix = (ROOT / "docs" / "fault-matrix.md").read_text()
    assert [name for name in FAULTS if name not in done.out or f"| `{name}` |" not in matrix] == []
    of_containers = sum("embedded" not in fault.expected for fault in FAULTS.values())
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"looks again: {len(FAULTS) - of_containers} faults on server processes" in readme
    assert f"these and {of_containers} more on containers" in readme


@pytest.fixture
def stand() -> Iterator[Stand]:
    with contextlib.closing(EmbeddedStand(program("valkey-9"))) as made:
        yield made


def problems(stand: Stand) -> dict[str, Finding]:
    return {finding.name: finding for finding in look(stand).needs_attention}


def test_of_a_certificate_that_has_expired_nothing_else_is_wrong(stand: Stand) -> None:
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    with behind_tls(stand, expires=now + day):
        assert look(stand).exit_code is ExitCode.HEALTHY
    with behind_tls(stand, expires=now - day):
        found = problems(stand)["connectivity.reachable[queue]"]
    assert "TLS: the certificate is not trusted (certificate has expired)" in found.message


def test_a_stand_that_cannot_be_closed_is_a_drill_that_was_not_run() -> None:
    class Stuck(EmbeddedStand):
        def close(self) -> None:
            super().close()
            raise OSError("it cannot be closed")

    place = Place(target="embedded", server="x", make=lambda: Stuck(program("valkey-9")))
    found = run_drill(FAULTS["evicting-queue"], place)
    assert (found.problem, found.ok) == ("OSError: it cannot be closed", False)
