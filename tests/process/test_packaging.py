"""The wheel, made by way of the sdist, works in an empty environment without the checkout."""

import configparser
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import product
from tests.support.places import ROOT
from tests.support.requirements import require

ELSEWHERE = {**product.QUIET, "PYTHONPATH": ""}
"""Nothing that would let an installed package find the checkout."""


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=ELSEWHERE,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def fetch(*command: object, cwd: Path) -> None:
    """Run what installs packages; it needs a package index or a cache of one."""
    done = run(*command, cwd=cwd)
    require("(from versions: none)" not in done.stderr + done.stdout, "no package index answers")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged: building leaves traces, and the checkout may be in use."""
    copy = tmp_path_factory.mktemp("source")
    for folder in ("src/redis_runbook", "checks", "fixtures"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    require(importlib.util.find_spec("build") is not None, "build is not installed")
    fetch(sys.executable, "-m", "build", "--outdir", "dist", ".", cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    fetch(
        sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install",
        "--quiet", "--no-compile", "--constraint", ROOT / "constraints.txt", wheel,
        cwd=folder,
    )  # fmt: skip
    return folder


def test_every_file_of_the_source_is_in_the_wheel(source: Path, wheel: Path) -> None:
    places = {
        source / "src" / "redis_runbook": "redis_runbook",
        source / "checks": "redis_runbook/checks",
        source / "fixtures": "redis_runbook/fixtures",
    }
    wanted = {
        f"{place}/{path.relative_to(folder)}"
        for folder, place in places.items()
        for path in folder.rglob("*")
        if path.is_file()
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == wanted
    assert {
        "redis_runbook/py.typed",
        "redis_runbook/config/defaults.toml",
        "redis_runbook/runbook.schema.json",
        "redis_runbook/reporting/page/page.css",
        "redis_runbook/reporting/page/page.js",
        "redis_runbook/checks/test_memory.py",
        "redis_runbook/fixtures/__init__.py",
    } <= packed


def test_the_wheel_says_how_it_is_entered(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        found = configparser.ConfigParser(delimiters="=")
        found.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
        found.read_string(archive.read(name).decode())
    assert {section: dict(found[section]) for section in found.sections()} == {
        "console_scripts": {"redis-runbook": "redis_runbook.cli:main"},
        "pytest11": {"redis_runbook.plugin": "redis_runbook.plugin"},
    }


def test_an_environment_gets_one_name_and_two_commands(environment: Path, wheel: Path) -> None:
    (site,) = environment.glob("lib/python*/site-packages")
    (ours,) = (
        found
        for found in importlib.metadata.distributions(path=[str(site)])
        if found.name == "redis-runbook"
    )
    names = {str(file).partition("/")[0] for file in ours.files or ()} - {".."}
    version = wheel.name.split("-")[1]
    assert names == {"redis_runbook", f"redis_runbook-{version}.dist-info"}
    python = environment / "bin" / "python"
    script = run(environment / "bin" / "redis-runbook", "--version", cwd=environment)
    module = run(python, "-m", "redis_runbook", "--version", cwd=environment)
    assert script.stdout == module.stdout == f"redis-runbook {version}\n"
    where = run(python, "-c", "import redis_runbook.fixtures as f; print(f.__file__)", cwd=site)
    assert Path(where.stdout.strip()) == site / "redis_runbook" / "fixtures" / "__init__.py"


def verdicts_of(folder: Path, *command: object) -> Mapping[str, str]:
    """Run the installed product in an empty folder; it must be healthy and leave its reports."""
    folder.mkdir()
    done = run(*command, "--target", "embedded", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    left = product.Outcome(done.returncode, done.stdout, done.stderr, product.reports(folder))
    assert "HEALTHY" in left.html
    assert "HEALTHY" in left.out
    assert "<testsuite " in left.junit
    return left.verdicts


def test_the_wheel_runs_anywhere_by_both_commands_alike(environment: Path, tmp_path: Path) -> None:
    programs = environment / "bin"
    command = verdicts_of(tmp_path / "command", programs / "redis-runbook", "smoke")
    plain = verdicts_of(
        tmp_path / "pytest", programs / "python", "-m", "pytest", "--profile", "smoke"
    )
    assert command == plain
    assert "latency.command_p95[cache]" in command
    assert os.listdir(tmp_path / "command") == ["reports"]  # noqa: PTH208  # names are all we want


def test_an_editable_install_runs_the_checks_that_an_operator_sees() -> None:
    plugin = importlib.util.find_spec("redis_runbook.plugin")
    editable = plugin is not None and Path(str(plugin.origin)).is_relative_to(ROOT / "src")
    require(editable, "the checkout is not installed in editable mode")
    for name in ("checks", "fixtures"):
        found = importlib.util.find_spec(f"redis_runbook.{name}")
        assert found is not None
        assert found.origin == str(ROOT / name / "__init__.py")
