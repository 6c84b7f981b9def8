"""Fixtures of the product's own tests."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.healthy import HEALTHY, fill
from tests.support.memory import little_memory
from tests.support.servers import Server, running


def pytest_collection(session: pytest.Session) -> None:
    """Give an example of hypothesis no time limit of its own: a busy machine would exceed it.

    Not in a run of the checks in this checkout (`--profile`), which may do without hypothesis.
    """
    if not session.config.getoption("profile", None):
        from hypothesis import settings  # noqa: PLC0415

        settings.register_profile("tests", deadline=None)
        settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let nothing be skipped where RUNBOOK_TEST_REQUIRE_SERVICES is set: in CI."""
    report = yield
    if report.skipped and os.environ.get("RUNBOOK_TEST_REQUIRE_SERVICES"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def healthy() -> Iterator[Server]:
    """One healthy server that no test changes."""
    with running(*HEALTHY) as server:
        fill(server)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the product runs: empty."""
    return tmp_path / "run"


@pytest.fixture
def _little_memory() -> Iterator[None]:
    """For tests of hostile input in this process: it takes little memory, too."""
    with little_memory():
        yield
