"""`[[notify]]`: sent once on change, by posts of apprise; a failure to send changes nothing."""

import contextlib
import json
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_runbook.wire.ports import free_port
from tests.support import product
from tests.support.fake_http import reply
from tests.support.notified import TOKEN, Receiver, hanging, receiver
from tests.support.programs import bundled
from tests.support.servers import Server, wait_until

CONFIG = """
[exporter]
enabled = false
[jwt_cache]
enabled = false
[[notify]]
url_env = "OPS_URL"
profiles = ["smoke"]
"""
ALL = CONFIG + 'on = ["broken", "recovered", "unknown"]\n'
SMOKE = ("smoke", "--select", "memory", "connectivity.reachable")


@pytest.fixture
def server() -> Iterator[Server]:
    with bundled("--maxmemory", "100mb", "--maxmemory-policy", "noeviction") as found:
        yield found


@pytest.fixture
def ops() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def smoke(
    folder: Path, server: Server, url: str, *arguments: str, config: str = CONFIG
) -> product.Outcome:
    env = {**product.urls(server.url), "OPS_URL": url}
    return product.run(folder, *(arguments or SMOKE), env=env, config=config)


def break_it(server: Server) -> None:
    server.client().config_set("maxmemory-policy", "allkeys-lru")


def repair(server: Server) -> None:
    server.client().config_set("maxmemory-policy", "noeviction")


@contextlib.contextmanager
def telling_a_silent_server(
    folder: Path, server: Server, path: str
) -> Iterator[tuple[product.Started, socket.socket]]:
    """A run that has something to tell, and its connection to who never answers."""
    break_it(server)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        folder.mkdir()
        (folder / "runbook.toml").write_text(CONFIG)
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/{path}"
        run = product.Started(folder, *SMOKE, env={**product.urls(server.url), "OPS_URL": url})
        connection, _ = silent.accept()
        with connection:
            yield run, connection


def test_it_is_sent_once_on_change_and_told_when_all_is_well_again(
    folder: Path, server: Server, ops: Receiver
) -> None:
    healthy = smoke(folder, server, ops.url)
    assert (healthy.code, ops.got) == (0, [])
    break_it(server)
    first = smoke(folder, server, ops.url)
    assert (first.code, ops.titles) == (1, ["redis-runbook smoke: BROKEN"]), first.err
    assert ops.paths == [f"/hooks/{TOKEN}"]
    told = ops.got[0]
    assert told["type"] == "failure"
    lines = told["message"].splitlines()
    assert lines[0].startswith("BROKEN")
    assert f"queue at 127.0.0.1:{server.port}" in lines[1]
    at = next(n for n, line in enumerate(lines) if line.startswith("memory.eviction_policy[queue]"))
    assert lines[at + 1].startswith("next: ")
    assert "OPS_URL: notified: broken" in first.out
    # Not the second night.
    second = smoke(folder, server, ops.url)
    assert (second.code, len(ops.got)) == (1, 1)
    # Another one is news, and comes first.
    server.client().config_set("maxmemory", "1mb")
    smoke(folder, server, ops.url)
    assert len(ops.got) == 2
    found = [line for line in ops.got[1]["message"].splitlines() if line.startswith("memory.")]
    assert found[0].startswith("memory.used_ratio")
    server.client().config_set("maxmemory", "100mb")
    repair(server)
    recovered = smoke(folder, server, ops.url)
    assert recovered.code == 0, recovered.out
    assert ops.titles[2:] == ["redis-runbook smoke: HEALTHY again"]
    lines = ops.got[2]["message"].splitlines()
    assert any(line.startswith("was broken: memory.") for line in lines)
    page = folder / "reports" / "latest.html"
    assert lines[-1] == f"report: {page.resolve()} on {socket.gethostname()}"
    assert ops.got[2]["type"] == "success"
    smoke(folder, server, ops.url)
    assert len(ops.got) == 3
    state = folder / "reports" / "notified.json"
    assert stat.S_IMODE(state.stat().st_mode) & ~0o640 == 0
    assert TOKEN not in state.read_text()


def test_undetermined_is_told_where_that_is_wanted(
    folder: Path, server: Server, ops: Receiver
) -> None:
    url = server.user("ops", "needed-password", "~*", "&*", "+@all", "-info")
    env = {**product.urls(url), "OPS_URL": ops.url}
    done = product.run(folder, *SMOKE, env=env, config=CONFIG)
    assert (done.code, ops.got) == (3, [])
    for _ in range(2):
        product.run(folder, *SMOKE, env=env, config=ALL)
    assert ops.titles == ["redis-runbook smoke: UNDETERMINED"]
    assert ops.got[0]["type"] == "warning"
    smoke(folder, server, ops.url, config=ALL)
    assert ops.titles[1:] == ["redis-runbook smoke: HEALTHY again"]


def test_a_server_that_is_down_changes_nothing_and_is_tried_again(
    folder: Path, server: Server, ops: Receiver
) -> None:
    break_it(server)
    down = f"json://127.0.0.1:{free_port()}/hooks/{TOKEN}"
    done = smoke(folder, server, down)
    assert done.code == 1
    said = "OPS_URL: not notified: apprise could not deliver it; the next run tries again"
    assert done.err.splitlines() == [said]
    assert TOKEN not in done.everything
    assert "Traceback" not in done.everything
    assert not (folder / "reports" / "notified.json").exists()
    assert smoke(folder, server, ops.url).code == 1
    assert len(ops.got) == 1


def test_an_answer_that_says_no_is_a_failure(folder: Path, server: Server, ops: Receiver) -> None:
    ops.answer = lambda request, *_: reply(request, f"no, {TOKEN}", 500)
    break_it(server)
    done = smoke(folder, server, ops.url)
    assert done.code == 1
    assert "apprise could not deliver it" in done.err
    assert TOKEN not in done.everything


def test_no_redirect_is_followed(folder: Path, server: Server, ops: Receiver) -> None:
    with receiver() as other:
        there = other.url.replace("json", "http", 1)
        ops.answer = lambda request, *_: reply(request, "", 307, Location=there)
        break_it(server)
        done = smoke(folder, server, ops.url)
    assert "could not deliver it" in done.err
    assert other.got == []


def test_one_that_hangs_delays_the_others_not_and_the_run_ten_seconds(
    folder: Path, server: Server, ops: Receiver
) -> None:
    break_it(server)
    answer, ended = hanging()
    config = CONFIG + '[[notify]]\nurl_env = "SLOW_URL"\nprofiles = ["smoke"]\n'
    with receiver() as slow:
        slow.answer = answer
        # Without a time limit of apprise's own.
        env = {"OPS_URL": ops.url, "SLOW_URL": f"{slow.url}?rto=60&cto=60"}
        began = time.monotonic()
        done = product.run(folder, *SMOKE, env={**product.urls(server.url), **env}, config=config)
        took_s = time.monotonic() - began
        ended.set()
    assert done.code == 1
    assert 10 < took_s < 20
    assert len(ops.got) == 1
    assert "OPS_URL: notified: broken" in done.out
    assert done.err.splitlines() == [
        "SLOW_URL: not notified: nobody took it within 10 s; the next run tries again"
    ]


def test_its_process_ends_with_its_time_even_if_the_run_is_killed(
    folder: Path, server: Server
) -> None:
    with telling_a_silent_server(folder, server, "?rto=60&cto=60") as (run, connection):
        run.process.kill()
        run.process.wait()
        connection.settimeout(15)
        while connection.recv(65_536):
            pass  # until the other side is gone


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"nosuch://{TOKEN}", "OPS_URL: not notified: apprise takes no such URL"),
        (TOKEN, "OPS_URL: not notified: apprise takes no such URL"),
        ("", "set OPS_URL: nobody was told"),
    ],
    ids=["scheme", "no URL", "not set"],
)
def test_a_url_that_cannot_be_used_is_said(
    folder: Path, server: Server, url: str, why: str
) -> None:
    break_it(server)
    done = smoke(folder, server, url)
    assert done.code == 1
    assert why in done.err
    assert TOKEN not in done.everything


def test_config_shows_no_part_of_a_url(folder: Path, ops: Receiver) -> None:
    config = f'[[notify]]\nurl = "{ops.url}?x=1"\n[[notify]]\nurl_env = "OPS_URL"\n'
    done = product.run(folder, "config", env={"OPS_URL": ops.url}, config=config)
    assert done.code == 0, done.err
    assert done.out.count("[[notify]]") == 2
    assert 'url = "json://***"' in done.out
    assert "; json://***" in done.out
    assert TOKEN not in done.everything
    assert "127.0.0.1" not in done.out


def test_hostile_names_stay_text(folder: Path, server: Server, ops: Receiver) -> None:
    name = "@everyone <!channel> [here](http://evil) **b**\n::error::\x1b[31m &amp; <b>h</b>"
    server.client().hset(f"bull:{name}:meta", "opts.maxLenEvents", "10")
    for number in range(3):
        server.client().lpush(f"bull:{name}:wait", str(number))
        server.client().hset(f"bull:{name}:{number}", "name", "x")
    done = smoke(folder, server, ops.url, "smoke", config=ALL)
    assert done.code in {1, 3}, done.out  # its workers may still be reconnecting
    (told,) = ops.got
    assert "\x1b" not in told["message"]
    for live in ("@everyone", "<!channel>", "](http", "\n::error::"):
        assert live not in told["message"]
    assert "\N{ZERO WIDTH SPACE}everyone" in told["message"]
    assert r"\n::error::\x1b[31m &amp;" in told["message"]


def test_only_the_last_attempt_is_told(folder: Path, server: Server, ops: Receiver) -> None:
    break_it(server)
    done = smoke(folder, server, ops.url, *SMOKE, "--wait", "3")
    assert done.code == 1
    assert done.out.count("attempt ") >= 2
    assert len(ops.got) == 1
    assert done.out.splitlines()[-1] == "OPS_URL: notified: broken"
    down = smoke(folder / "down", server, "json://127.0.0.1:1", *SMOKE, "--wait", "1")
    assert down.code == 1
    assert (down.err.count("not notified"), down.out.count("not notified")) == (1, 0)


def test_nobody_is_told_of_an_attempt_that_was_not_the_last(
    folder: Path, server: Server, ops: Receiver
) -> None:
    break_it(server)
    folder.mkdir()
    (folder / "runbook.toml").write_text(CONFIG)
    env = {**product.urls(server.url), "OPS_URL": ops.url}
    run = product.Started(folder, *SMOKE, "--wait", "60", env=env)
    run.wait_for("attempt 1")
    repair(server)
    done = run.finish()
    assert (done.code, ops.got) == (0, []), done.out


def test_nobody_is_told_of_throwaway_servers_evidence_other_profiles_or_an_interruption(
    folder: Path, server: Server, ops: Receiver
) -> None:
    break_it(server)
    env = {"OPS_URL": ops.url}
    throwaway = product.run(folder / "throwaway", *SMOKE, env=env, config=CONFIG)
    assert throwaway.code == 0, throwaway.out
    nightly = CONFIG.replace('profiles = ["smoke"]', "")
    assert smoke(folder / "profile", server, ops.url, config=nightly).code == 1
    smoke(folder / "kept", server, ops.url, config=nightly)
    judged = product.run(
        folder / "kept", "judge", "reports/evidence.json", "--config", "runbook.toml", env=env
    )
    assert judged.code == 1
    stopped = folder / "stopped"
    stopped.mkdir(parents=True)
    (stopped / "runbook.toml").write_text(CONFIG)
    run = product.Started(stopped, "smoke", env={**product.urls(server.url), **env})
    run.wait_for("smoke (live)")
    run.process.terminate()
    assert run.finish().code == 2
    assert ops.got == []


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[]",
        '{"version": 2, "notified": {}}',
        '{"version": 1, "notified": {"x": {"status": [], "broken": {}, "unknown": 3}}}',
        "[" * 100_000,
        '{"version": 1, "notified": []}',
    ],
)
def test_a_damaged_state_is_as_none(
    folder: Path, server: Server, ops: Receiver, state: str
) -> None:
    break_it(server)
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "notified.json").write_text(state)
    done = smoke(folder, server, ops.url)
    assert (done.code, done.err, len(ops.got)) == (1, "", 1)
    assert json.loads((folder / "reports" / "notified.json").read_text())["version"] == 1


def test_a_state_that_cannot_be_written_is_said(
    folder: Path, server: Server, ops: Receiver
) -> None:
    break_it(server)
    (folder / "reports" / "notified.json").mkdir(parents=True)
    done = smoke(folder, server, ops.url)
    assert done.code == 1
    assert len(ops.got) == 1
    assert "cannot write reports/notified.json: Is a directory: the same may be told" in done.err


def test_without_the_extra_a_configuration_that_needs_it_is_refused(folder: Path) -> None:
    without = (
        "import sys; sys.modules['apprise'] = None; from redis_runbook.cli import main; main()"
    )
    without = without.replace("main()", "sys.exit(main())")
    for arguments in (["config"], ["smoke"]):
        program = [sys.executable, "-c", without, *arguments]
        done = product.started(program, folder, config=CONFIG)
        assert done.code == 4, done
        assert "pip install 'redis-runbook[notify]'" in done.err


def test_a_run_that_tells_nothing_does_not_import_apprise(folder: Path, server: Server) -> None:
    program = (
        "import sys; from redis_runbook.cli import main; main(sys.argv[1:]);"
        "print('apprise' in sys.modules)"
    )
    done = product.started(
        [sys.executable, "-c", program, *SMOKE],
        folder,
        env={**product.urls(server.url), "OPS_URL": "json://127.0.0.1:1"},
        config=CONFIG,
    )
    assert done.out.splitlines()[-1] == "False"


def test_the_url_is_no_argument_of_a_process(folder: Path, server: Server) -> None:
    with telling_a_silent_server(folder, server, TOKEN) as (run, _):
        seen = []

        def its_process() -> bool:
            children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children")
            for pid in children.read_text().split():
                about = Path("/proc") / pid
                seen.append((about / "cmdline").read_bytes() + (about / "environ").read_bytes())
            return any(b"apprise_process" in one for one in seen)

        wait_until(its_process)
        assert not any(TOKEN.encode() in one for one in seen)
    run.finish()
