"""What others add: the worked example of the guide, and what goes wrong with plugins."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import product
from tests.support.places import ROOT
from tests.support.servers import Server, running

GUIDE = (ROOT / "docs" / "guides" / "extending.md").read_text(encoding="utf-8")
EXAMPLE, *_ = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
CONFIGURATION, *_ = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
HOOK = "from redis_runbook.hookspecs import hookimpl\n"


@pytest.fixture(scope="module")
def crowded() -> Iterator[Server]:
    """A server on which the example's check fails."""
    with running() as server:
        server.client().sadd("acme:sessions", *range(501))
        yield server


def smoke(
    folder: Path,
    server: Server,
    *arguments: str,
    plugin: str = EXAMPLE,
    config: str = CONFIGURATION,
) -> product.Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "acme_runbook.py").write_text(plugin)
    env = product.urls(server.url)
    return product.run(folder, "smoke", "--select", "acme", *arguments, env=env, config=config)


def test_the_guides_example_warns_where_its_check_fails(crowded: Server, folder: Path) -> None:
    (folder / "there").mkdir(parents=True)
    done = smoke(folder, crowded, "--output", "acme-list", "--output", "junit=there/it-is.xml")
    assert (done.code, done.verdicts["acme.sessions[cache]"]) == (0, "warn"), done.out + done.err
    found = done.finding("acme.sessions[queue]")
    assert found["message"] == "501 sessions are open on queue (limit 500)"
    assert (found["observed"], found["limit"], found["unit"]) == (501, 500, "sessions")
    assert found["next_steps"] == ["Close idle sessions (`acme sessions prune`)."]
    assert "acme.sessions" in done.html
    assert done.files["acme.txt"] == "warn acme.sessions[queue]\nwarn acme.sessions[cache]\n"
    assert (folder / "there" / "it-is.xml").read_text() == done.junit


def test_the_guides_output_has_standard_output_for_itself(healthy: Server, folder: Path) -> None:
    done = smoke(folder, healthy, "--output", "acme-list=-")
    assert (done.code, done.out) == (0, "pass acme.sessions[queue]\npass acme.sessions[cache]\n")
    assert "HEALTHY" in done.err
    plugin = EXAMPLE.replace("render=render)", "render=render, stdout=True, alone=True)")
    assert smoke(folder, healthy, "--output", "acme-list", plugin=plugin).out == done.out
    waited = smoke(folder, healthy, "--output", "acme-list", "--wait", "1", plugin=plugin)
    assert waited.out == done.out
    assert "attempt 1" in waited.err


def test_without_the_level_that_the_example_sets_it_is_an_invariant(
    crowded: Server, folder: Path
) -> None:
    config = CONFIGURATION.partition("[checks")[0]
    assert smoke(folder, crowded, config=config).code == 1


def test_a_healthy_twin_passes_the_guides_example(healthy: Server, folder: Path) -> None:
    done = smoke(folder, healthy)
    assert (done.code, set(done.verdicts.values())) == (0, {"pass"}), done.out


def test_the_examples_check_is_as_short_as_one_of_ours() -> None:
    body = EXAMPLE.partition("def test_sessions")[2].partition("\n\n\n")[0]
    assert len(body.splitlines()) <= 15


def test_a_plugin_shows_up_in_the_configuration(folder: Path) -> None:
    folder.mkdir()
    (folder / "acme_runbook.py").write_text(EXAMPLE)
    done = product.run(folder, "config", config=CONFIGURATION)
    assert '[checks."acme.sessions"]' in done.out
    wrong = product.run(folder, "config", config=CONFIGURATION.replace("acme.s", "acme.z"))
    assert wrong.code == 4
    assert "did you mean acme.sessions?" in wrong.err


def test_a_module_and_an_entry_point_are_plugins_too(crowded: Server, folder: Path) -> None:
    site = folder / "site"
    (site / "acme-1.dist-info").mkdir(parents=True)
    (site / "acme_runbook.py").write_text(EXAMPLE)
    env = {**product.urls(crowded.url), "PYTHONPATH": str(site)}
    select = ("smoke", "--select", "acme")
    named = product.run(folder, *select, env=env, config='plugins = ["acme_runbook"]')
    assert named.code == 1, named.out + named.err
    (folder / "runbook.toml").unlink()
    assert product.run(folder, *select, env=env).code == 4  # nobody named it, nothing is loaded
    (site / "acme-1.dist-info" / "METADATA").write_text("Name: acme\nVersion: 1\n")
    (site / "acme-1.dist-info" / "entry_points.txt").write_text(
        "[redis_runbook]\nacme = acme_runbook\n"
    )
    assert product.run(folder, *select, env=env).code == 1


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("1 / 0", "plugin ./acme_runbook.py: cannot be loaded: ZeroDivisionError"),
        ("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
        (HOOK + "@hookimpl\ndef runbook_checks():\n    1 / 0\n", "runbook_checks failed: ZeroDiv"),
        (
            HOOK + "@hookimpl\ndef runbook_probes():\n    return ['x']\n",
            "runbook_probes returned something that is no Probe",
        ),
        (HOOK + "@hookimpl\ndef runbook_cheks():\n    return []\n", "runbook_cheks"),
        (EXAMPLE.replace('"acme.', '"memory.'), "an id carries a prefix of the plugin's own"),
        (EXAMPLE.replace('name="sessions"', 'name="memory"'), "memory is registered already"),
        (
            EXAMPLE.replace("needs=(ConnectionFacts,)", "needs=(RunRecord,)"),
            "the probe sessions needs RunRecord, which none returns",
        ),
    ],
    ids=["raises", "no-module", "hook-raises", "no-probe", "no-hook", "prefix", "twice", "needs"],
)
def test_a_plugin_that_cannot_be_used_is_bad_configuration(
    plugin: str, words: str, healthy: Server, folder: Path
) -> None:
    done = smoke(folder, healthy, plugin=plugin, config='plugins = ["./acme_runbook.py"]')
    assert done.code == 4, done.out + done.err
    assert words in done.err
    assert "Traceback" not in done.err
    assert not done.files


def test_a_plugin_that_is_not_there_is_bad_configuration(healthy: Server, folder: Path) -> None:
    done = smoke(folder, healthy, config='plugins = ["./other.py"]')
    assert done.code == 4
    assert (
        "plugin ./other.py: cannot be loaded: FileNotFoundError: there is no such file" in done.err
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("judge.passes_if(", "len(5)\n    judge.passes_if(", "itself failed (TypeError)"),
        ("SessionsFacts(open_sessions=", "dict(open_sessions=", "itself failed (TypeError)"),
        ('"SCARD", "acme:sessions"', '"SCARD"', "answers with an error"),
        ("judge.passes_if(", "str(", "ended without a ruling"),
    ],
    ids=["check-raises", "other-facts", "server-refuses", "no-ruling"],
)
def test_what_fails_in_a_plugin_is_unknown(
    before: str, after: str, words: str, crowded: Server, folder: Path
) -> None:
    plugin = EXAMPLE.replace(before, after, 1)
    if after == "str(":
        plugin = re.sub(r"str\(\n.*?\n    \)", "str()", plugin, count=1, flags=re.DOTALL)
    config = CONFIGURATION.partition("[checks")[0]
    done = smoke(folder, crowded, plugin=plugin, config=config)
    assert done.code == 3, done.out + done.err
    assert done.verdicts["acme.sessions[queue]"] == "unknown"
    assert words in done.message("acme.sessions[queue]")


def test_an_output_that_fails_is_a_report_that_is_missing(crowded: Server, folder: Path) -> None:
    plugin = EXAMPLE.replace('return "".join(', "return 1 / 0, (")
    done = smoke(folder, crowded, "--output", "acme-list", plugin=plugin)
    assert done.code == 3
    assert "cannot write the output acme-list: it failed (ZeroDivisionError)" in done.err
    assert done.results["extra"]["exit_code"] == 3
    nearest = smoke(folder, crowded, "--output", "acme-lst")
    assert nearest.code == 4
    assert "--output acme-lst: there is no such output; the nearest is acme-list" in nearest.err


def test_a_role_of_a_plugin_has_its_own_limits_and_checks(healthy: Server, folder: Path) -> None:
    plugin = HOOK + (
        "from redis_runbook.config.roles import RoleSpec\n"
        "@hookimpl\n"
        "def runbook_roles():\n"
        "    return [RoleSpec(name='store', checks=frozenset({'memory.evictions'}),\n"
        "                     limits={'memory_ratio': 0.5}, may_evict=False)]\n"
    )
    folder.mkdir()
    (folder / "store.py").write_text(plugin)
    config = f'plugins = ["store.py"]\n[services.sessions]\nrole = "store"\nurl = "{healthy.url}"\n'
    done = product.run(folder, "smoke", "--select", "memory", env={}, config=config)
    assert done.verdicts["memory.evictions[sessions]"] == "pass", done.out + done.err
    assert "(limit 50 %) on sessions" in done.message("memory.used_ratio[sessions]")
    assert "memory.evictions[cache]" not in done.verdicts
    wrong = product.run(folder, "config", config=config.replace('store"\nurl', 'stor"\nurl'))
    assert "services.sessions.role = 'stor': must be 'queue', 'cache' or 'store'" in wrong.err


def test_pytest_runs_the_example_in_its_own_way(crowded: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / "acme_runbook.py").write_text(EXAMPLE)
    done = product.started(
        [sys.executable, "-m", "pytest", "--profile", "smoke", "--select", "acme"],
        folder,
        env=product.urls(crowded.url),
        config=CONFIGURATION,
    )
    assert done.code == 0, done.out
    assert done.verdicts["acme.sessions[queue]"] == "warn"
