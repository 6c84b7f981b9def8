"""Whom a run trusts: what lies around, who may read what it writes, and what its programs know."""

import os
import stat
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support import product
from tests.support.fake_http import serving
from tests.support.servers import Server

URL = "redis://user:p@planted-password@host:6379"
STARTS = "[commands.smoke]\nrun = ['touch', 'started']\n"
OTHER = "names a variable other than REDIS_…, PROMETHEUS_…, GRAFANA_…"
ROLE = ("smoke", "--select", "connectivity.role")


@pytest.mark.parametrize(
    "arguments",
    [
        ["smoke", "--select", URL],
        ["smoke", "--window", URL],
        ["smoke", "--window", f"queue={URL}"],
        ["smoke", "--metrics-file", URL],
        ["smoke", "--report-dir", URL],
        ["smoke", "--output", URL],
        ["smoke", "--output", f"json={URL}"],
        ["smoke", "--config", URL],
        ["smoke", "--target", URL],
        ["smoke", "--deadline", URL],
        ["smoke", URL],
        ["smoke", "--target", "embedded", "--", URL],
        ["smoke", "--target", "embedded", "--", f"--junitxml={URL}", f"--no-such={URL}"],
        ["queue", "show", "render", "--service", URL],
        ["rules", "-o", URL],
        ["rules", "--alertmanager", URL],
        ["dashboards", "-o", URL],
        [URL],
    ],
    ids=lambda arguments: " ".join(arguments).replace(URL, "URL"),
)
def test_a_url_in_the_wrong_place_is_refused_and_not_shown(
    arguments: list[str], folder: Path
) -> None:
    done = product.run(folder, *arguments)
    assert done.code == 4, done.everything
    assert "planted" not in done.everything
    assert "Traceback" not in done.everything
    assert not [path for path in folder.rglob("*") if "planted" in str(path)]


def test_no_log_of_a_library_tells_a_token(healthy: Server, folder: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, _path: str, _asked: object) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"redis_up 1\n")

    with serving(answer) as url:
        login = url.replace("http://", "http://user:planted-basic@")
        done = product.run(
            folder,
            *("smoke", "--", "--log-file=log", "--log-level=DEBUG", "--log-file-level=DEBUG"),
            env={
                **product.urls(healthy.url),
                "REDIS_EXPORTER_URL": f"{login}/metrics?token=planted-token",
            },
        )
    assert "exporter.reachable[queue]" in done.verdicts
    assert (folder / "log").exists()
    assert "planted" not in (folder / "log").read_text()


def test_reports_are_for_the_user_and_the_group(healthy: Server, folder: Path) -> None:
    given = os.umask(0)
    try:
        product.run(
            folder,
            *(*ROLE, "--metrics-file", "metrics.prom"),
            env=product.urls(healthy.url),
        )
    finally:
        os.umask(given)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (*(folder / "reports").iterdir(), folder / "metrics.prom")
    }
    assert modes.pop("metrics.prom") == 0o644  # the node_exporter is another user
    assert {"latest.html", "results.json", "junit.xml"} <= set(modes)
    assert set(modes.values()) == {0o640}


@pytest.mark.parametrize(
    ("text", "made", "reason"),
    [
        (STARTS, (0o646, 0), "can be written by every user"),
        (STARTS, (0o644, 12345), "belongs to another user"),
        (
            '[grafana]\nurl = "http://127.0.0.1:1"\ntoken_env = "AWS_SECRET"',
            (0o600, 0),
            f"grafana.token_env {OTHER}",
        ),
        (
            '[services.queue]\npassword_env = "PATH"',
            (0o600, 0),
            f"services.queue.password_env {OTHER}",
        ),
    ],
)
def test_a_file_that_only_lies_there_must_be_the_users_own(
    text: str, made: tuple[int, int], reason: str, healthy: Server, folder: Path
) -> None:
    mode, owner = made
    if owner and os.geteuid():
        pytest.skip("only root can give a file to another user")
    folder.mkdir()
    file = folder / "runbook.toml"
    file.write_text(text)
    file.chmod(mode)
    if owner:
        os.chown(file, owner, -1)
    env = {**product.urls(healthy.url), "AWS_SECRET": "planted-secret"}
    only = ("smoke", "--select", "incident.smoke_command")
    lying = product.run(folder, *only, env=env)
    assert lying.code == 4
    assert f"{reason}: name it with --config if you trust it" in lying.err.replace("\n", " ")
    assert "planted" not in lying.everything
    assert not (folder / "started").exists()
    assert product.run(folder, *only, "--config", "runbook.toml", env=env).code != 4
    assert (folder / "started").exists() == (text == STARTS)


NOBODY = 65_534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("stranger", ["runbook.toml", "acme.py"])
def test_another_users_link_or_plugin_is_not_followed(stranger: str, folder: Path) -> None:
    """A link in the current folder to a file of ours, which names a plugin: next to the link."""
    (folder / "ours").mkdir(parents=True)
    (folder / "ours" / "runbook.toml").write_text('plugins = ["./acme.py"]\n')
    (folder / "runbook.toml").symlink_to("ours/runbook.toml")
    (folder / "acme.py").write_text("print('a stranger\\'s code')\n")
    assert "a stranger's code" in product.run(folder, "config").out
    os.chown(folder / stranger, NOBODY, -1, follow_symlinks=False)
    done = product.run(folder, "config")
    assert done.code == 4
    assert "belongs to another user: name it with --config if you trust it" in done.err
    assert "a stranger's code" not in done.everything


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_no_report_is_written_through_another_users_link(healthy: Server, folder: Path) -> None:
    (folder / "reports").mkdir(parents=True)
    precious = folder / "precious"
    link = folder / "reports" / "latest.html"
    for owner, kept, code in ((0, False, 0), (NOBODY, True, 3)):
        precious.write_text("kept")
        link.unlink(missing_ok=True)
        link.symlink_to(precious)
        os.chown(link, owner, -1, follow_symlinks=False)
        done = product.run(folder, *ROLE, env=product.urls(healthy.url))
        assert (precious.read_text() == "kept") == kept
        assert done.code == code
        assert ("it is a link of another user" in done.err) == kept


def test_a_look_at_a_queue_names_the_file_and_who_gets_a_login(
    healthy: Server, folder: Path
) -> None:
    config = '[services.queue]\nrole = "queue"\npassword = "any"\n'
    done = product.run(
        folder, "queue", "show", "render", env=product.urls(healthy.url), config=config
    )
    address = f"127.0.0.1:{healthy.port}"
    assert done.err.splitlines()[0] == (
        f"queue at {address}; configured by runbook.toml; logins for queue at {address}"
    )


def test_the_first_line_names_the_file_and_who_gets_a_login(healthy: Server, folder: Path) -> None:
    url = healthy.url.replace("redis://", "redis://default:any@")
    env = {**product.urls(url, healthy.url), "GRAFANA_TOKEN": "planted-token"}
    config = '[exporter]\nenabled = false\n[grafana]\nurl = "http://127.0.0.1:1"\n'
    done = product.run(folder, *ROLE, env=env, config=config)
    first = done.out.splitlines()[0]
    address = f"127.0.0.1:{healthy.port}"
    assert first == (
        f"smoke (live): queue at {address}, cache at {address}; configured by runbook.toml; "
        f"logins for queue at {address}, grafana at http://127.0.0.1:1"
    )
    plain = product.run(folder / "plain", *ROLE, env=product.urls(healthy.url))
    assert plain.out.splitlines()[0] == f"smoke (live): queue at {address}, cache at {address}"


def test_programs_that_we_start_know_nothing_secret(folder: Path) -> None:
    started = product.Started(
        folder,
        *("smoke", "--target", "embedded", "--window", "queue=5s"),
        env={"CI_JOB_TOKEN": "planted-token"},
    )
    started.wait_for("PASS     connectivity.reachable[cache]")
    environments = _environments_below(started.process.pid)
    done = started.finish()
    assert len(environments) >= 3  # two servers, and the shell that ends them
    assert [text for text in environments.values() if "planted" in text] == []
    assert done.code == 0


def _environments_below(parent: int) -> dict[int, str]:
    """The environments of all processes that a process has started."""
    children: set[str] = set()
    for thread in Path(f"/proc/{parent}/task").glob("*/children"):
        children |= set(thread.read_text().split())
    return {int(pid): Path(f"/proc/{pid}/environ").read_text() for pid in children}
