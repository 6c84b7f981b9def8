"""CONTRIBUTING draws the rooms, and names files: both as they are."""

import re
import subprocess
from pathlib import Path

import grimp
import pytest

from tests.support.places import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "src" / "redis_runbook"
WORDS = {"check", "catalogue", "verdict", "record", "redact", "words", "hookspecs"}


def rooms(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports() -> set[tuple[str, str]]:
    """Which room imports from which, but for what all of them use."""
    graph = grimp.build_graph("redis_runbook", exclude_type_checking_imports=True)
    found = {
        (rooms(importer), rooms(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }
    shared = {*WORDS, "wire", "", "__main__"}
    return {
        (room, other)
        for room, other in found
        if room != other and room not in shared and other not in shared
    }


def test_the_picture_of_the_rooms_is_what_the_imports_are() -> None:
    (picture,) = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
    drawn = {(room, other) for room, other in re.findall(r"(\w+) --> (\w+)", picture)}
    assert drawn == imports()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_/]+\.(?:py|j2))`", TEXT))))
def test_a_file_that_is_named_is_there(name: str) -> None:
    assert any((folder / name).exists() for folder in (ROOT, PACKAGE, PACKAGE / "reporting")), name


def test_the_package_has_few_modules_beside_its_rooms_and_none_is_long() -> None:
    beside = [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    assert len(beside) <= 8
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for folder in (PACKAGE, ROOT / "checks", ROOT / "fixtures")
        for path in Path(folder).rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_make_runs_all_of_lint_and_defines_nothing_twice() -> None:
    """A rule that lost its recipe does nothing, and make says so only if it is asked alone."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    for tool in (
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "lint-imports",
        "docs.py --check",
    ):
        assert tool in done.stdout
    assert "tools/lock.py --check" in done.stdout
    assert done.stderr == ""
