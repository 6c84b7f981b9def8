"""The pytest plugin: `--profile` turns a pytest run into a run of the runbook's checks.

Every pytest run loads it if the package is installed, so it imports nothing heavy without a
profile.
"""

import argparse

import pytest

from redis_runbook.check import MARK
from redis_runbook.config.output_choice import OF_NOW, OF_RUNS
from redis_runbook.config.profiles import PROFILES
from redis_runbook.config.target_choice import TARGETS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options, which the commands of `redis-runbook` pass on."""
    group = parser.getgroup("redis-runbook", "Redis runbook checks")
    group.addoption(
        "--profile",
        choices=sorted(PROFILES),
        help="run the runbook's checks: "
        + ", ".join(f"{name} ({profile.purpose})" for name, profile in PROFILES.items()),
    )
    group.addoption("--runbook-config", metavar="FILE", help="configuration (./runbook.toml)")
    group.addoption(
        "--target",
        choices=TARGETS,
        help="where the services come from (auto: live when a URL is set, else throwaway servers)",
    )
    group.addoption("--report-dir", metavar="DIR", help="where reports land (reports)")
    group.addoption(
        "--metrics-file", metavar="FILE", help="also write what was found for the node_exporter"
    )
    group.addoption(
        "--output",
        action="append",
        default=[],
        metavar="NAME[=PATH]",
        help=f"also write this output ({', '.join([*OF_RUNS, *OF_NOW])}, or a plugin's; "
        "NAME=- for standard output); "
        "repeatable",
    )
    group.addoption("--history", action="store_true", help="keep this run in history.sqlite")
    group.addoption("--keep", metavar="DURATION", help="drop older runs from it (90d)")
    group.addoption("--deadline", metavar="SECONDS", help="total bound on the run")
    group.addoption(
        "--baseline", metavar="FILE", help="compare with this snapshot (redis-runbook snapshot)"
    )
    group.addoption(
        "--window",
        action="append",
        default=[],
        metavar="NAME=DURATION",
        help="sample this service for so long (queue=5m); repeatable",
    )
    group.addoption(
        "--read-only", action="store_true", help="write and publish nothing, and run no program"
    )
    group.addoption(
        "--select",
        action="append",
        default=[],
        metavar="ID",
        help="only these checks: an id, or how ids begin (memory, queue.s); repeatable",
    )
    # Set by `redis-runbook judge`.
    group.addoption("--evidence", metavar="FILE", help=argparse.SUPPRESS)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the check mark, and with a profile the run."""
    config.addinivalue_line("markers", f"{MARK}(spec): the runbook check that a test is")
    if config.getoption("profile") or config.getoption("evidence"):
        # Heavy, and only needed here.
        from redis_runbook.reporting.reports import Reports  # noqa: PLC0415
        from redis_runbook.session.configure import configure  # noqa: PLC0415

        configure(config, Reports)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse checks without a profile: they would check nothing."""
    if not config.getoption("profile") and any(item.get_closest_marker(MARK) for item in items):
        raise pytest.UsageError(
            f"runbook checks need a profile: pytest --profile {'|'.join(sorted(PROFILES))}"
        )
